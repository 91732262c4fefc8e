#include "io/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *parse_port(in_port_t *out, const char *text)
{
    unsigned long port = 0;

    if (*text == '\0')
        return "it has no port";
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || p - text >= 5)
            return "its port is not a number from 0 to 65535";
        port = port * 10 + (unsigned long)(*p - '0');
    }
    if (port > 65535)
        return "its port is not a number from 0 to 65535";
    *out = htons((uint16_t)port);
    return NULL;
}

static void set_v4(struct address *out, struct in_addr host, in_port_t port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&out->at;

    in->sin_family = AF_INET;
    in->sin_addr = host;
    in->sin_port = port;
    out->length = sizeof *in;
}

static void set_v6(struct address *out, struct in6_addr host, in_port_t port)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->at;

    in6->sin6_family = AF_INET6;
    in6->sin6_addr = host;
    in6->sin6_port = port;
    out->length = sizeof *in6;
}

const char *address_parse_listen(struct address *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    struct in_addr v4;
    in_port_t port;
    const char *wrong;
    size_t n;

    memset(out, 0, sizeof *out);
    if (!colon)
        return "it is not of the form HOST:PORT";
    if ((wrong = parse_port(&port, colon + 1)))
        return wrong;
    n = (size_t)(colon - text);
    if (n >= sizeof host)
        return "it is not an IP address";
    memcpy(host, text, n);
    host[n] = '\0';
    if (n == 0) {
        set_v6(out, in6addr_any, port);
        return NULL;
    }
    if (strcasecmp(host, "localhost") == 0) {
        set_v4(out, (struct in_addr){htonl(INADDR_LOOPBACK)}, port);
        return NULL;
    }
    if (inet_pton(AF_INET, host, &v4) == 1) {
        set_v4(out, v4, port);
        return NULL;
    }
    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &v6) == 1) {
            set_v6(out, v6, port);
            return NULL;
        }
    }
    return "it is not an IP address";
}

uint16_t address_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}

void address_host_text(char out[ADDRESS_TEXT_MAX], const struct sockaddr *address)
{
    const void *host =
        address->sa_family == AF_INET6
            ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
            : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;

    if ((address->sa_family != AF_INET && address->sa_family != AF_INET6) ||
        !inet_ntop(address->sa_family, host, out, ADDRESS_TEXT_MAX))
        strcpy(out, "?");
}

void address_text(char out[ADDRESS_TEXT_MAX], const struct sockaddr *address)
{
    char host[ADDRESS_TEXT_MAX];

    address_host_text(host, address);
    snprintf(out, ADDRESS_TEXT_MAX, address->sa_family == AF_INET6 ? "[%.45s]:%u" : "%.45s:%u",
             host, (unsigned)address_port(address));
}

bool address_is_literal(const char *host)
{
    size_t n = strlen(host);
    struct in6_addr v6;
    struct in_addr v4;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (n > 10 && strcasecmp(host + n - 10, ".localhost") == 0)
        return true;
    return host[0] == '[' || inet_pton(AF_INET, host, &v4) == 1 ||
           inet_pton(AF_INET6, host, &v6) == 1;
}

static bool is_link_local_v4(uint32_t host)
{
    return (host & 0xffff0000U) == 0xa9fe0000U;
}

bool address_is_link_local(const struct sockaddr *address)
{
    const unsigned char *b;

    if (address->sa_family == AF_INET)
        return is_link_local_v4(
            ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family != AF_INET6)
        return false;
    b = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
    if (memcmp(b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0)
        return is_link_local_v4((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 |
                                (uint32_t)b[14] << 8 | b[15]);
    return (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || memcmp(b, "\xfd\x00\x0e\xc2", 4) == 0;
}
