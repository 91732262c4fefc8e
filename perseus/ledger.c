#include "perseus/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sluice/offload.h>

#include "core/json.h"

int ledger_open(struct ledger *ledger, const char *path, struct problem *problem)
{
    *ledger = (struct ledger){.fd = -1};
    if (!path)
        return 0;
    ledger->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (ledger->fd >= 0)
        return 0;
    return problem_set(problem, EXIT_NOT_AVAILABLE, "can't write the ledger %s: %s", path,
                       strerror(errno));
}

void ledger_add(struct ledger *ledger, const struct event_record *record, struct slice batch,
                bool is_duplicate)
{
    struct strbuf *lines = &ledger->lines;

    if (ledger->fd < 0)
        return;
    strbuf_adds(lines, "{\"messageId\":\"");
    strbuf_add_slice(lines, record->message_id);
    strbuf_adds(lines, "\",\"batch\":\"");
    json_escape(batch, lines);
    strbuf_adds(lines, "\",\"md5\":\"");
    strbuf_add_slice(lines, record->md5_of_body);
    strbuf_adds(lines, is_duplicate ? "\",\"duplicate\":true}\n" : "\",\"duplicate\":false}\n");
}

int ledger_write(struct ledger *ledger)
{
    size_t at = 0;

    if (ledger->fd < 0)
        return 0;
    if (strbuf_failed(&ledger->lines) && ledger->error == 0)
        ledger->error = -ENOMEM;
    while (ledger->error == 0 && at < ledger->lines.n) {
        ssize_t n = write(ledger->fd, ledger->lines.p + at, ledger->lines.n - at);

        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR)
            ledger->error = -errno;
    }
    strbuf_reset(&ledger->lines);
    return ledger->error;
}

static int sync_file(void *arg)
{
    const int *fd = arg;

    return fsync(*fd) == 0 || errno == EINVAL ? 0 : -errno; /* EINVAL: a pipe or a terminal */
}

int ledger_close(struct ledger *ledger)
{
    int synced = 0;
    int r;

    strbuf_deinit(&ledger->lines);
    if (ledger->fd < 0)
        return 0;
    r = sl_offload(sync_file, &ledger->fd, &synced);
    close(ledger->fd);
    ledger->fd = -1;
    if (ledger->error != 0)
        return ledger->error;
    return r != 0 ? r : synced;
}
