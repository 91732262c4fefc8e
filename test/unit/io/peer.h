/*
 * peer -- what the tests of this folder share that play a server with a raw socket.
 */
#ifndef TEST_UNIT_IO_PEER_H
#define TEST_UNIT_IO_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/task.h>

#define expect(x) sl_assert(x)

#define OK "HTTP/1.1 200 OK\r\n"

/* A socket that listens on 127.0.0.1, at a port of the system's choice. */
SL_UNUSED static int listener(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    expect(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 16) == 0);
    expect(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* A connection, or -1 when `ctx` has ended. */
SL_UNUSED static int accept_one(struct sl_ctx *ctx, int listening)
{
    int fd;

    while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
        if (sl_wait_fd(ctx, listening, SL_FD_READ, SL_NEVER, NULL) != SL_OK)
            return -1;
    return fd;
}

/* Reads to the end of a head. false: the client has closed. */
SL_UNUSED static bool read_head(struct sl_ctx *ctx, int fd)
{
    char text[4096];
    size_t n = 0;

    for (;;) {
        ssize_t r = read(fd, text + n, sizeof text - 1 - n);

        if (r == 0 || (r < 0 && errno != EAGAIN))
            return false;
        if (r > 0) {
            n += (size_t)r;
            text[n] = '\0';
            if (strstr(text, "\r\n\r\n"))
                return true;
        } else if (sl_wait_fd(ctx, fd, SL_FD_READ, SL_NEVER, NULL) != SL_OK) {
            return false;
        }
    }
}

/* false: the client has closed. */
SL_UNUSED static bool say(struct sl_ctx *ctx, int fd, const char *text)
{
    size_t n = strlen(text);

    while (n > 0) {
        ssize_t r = send(fd, text, n, MSG_NOSIGNAL);

        if (r > 0) {
            text += r;
            n -= (size_t)r;
        } else if (errno != EAGAIN || sl_wait_fd(ctx, fd, SL_FD_WRITE, SL_NEVER, NULL) != SL_OK) {
            return false;
        }
    }
    return true;
}

#endif
