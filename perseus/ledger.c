#include "perseus/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/offload.h>

#include "core/json.h"

/* ---- what an earlier run left ---- */

enum { PIECE_SIZE = 65536, LINE_MAX_SIZE = 1 << 20 };

/* A ledger while it is read. */
struct reading {
    const char *path;
    int fd;
    struct strbuf held; /* what was read and is not yet a whole line */
    uint64_t line;
    uint64_t at; /* where in the file `held` ends */
    int (*event)(void *arg, struct slice message_id, bool is_duplicate);
    void *arg;
    struct problem *problem;
};

static int cannot_read(const struct reading *reading, int error)
{
    return problem_set(reading->problem, EXIT_NOT_AVAILABLE, "can't read the ledger %s: %s",
                       reading->path, strerror(error));
}

static int not_a_ledger(const struct reading *reading)
{
    return problem_set(reading->problem, EXIT_BAD_CONFIG,
                       "%s is no ledger of perseus: line %llu is something else\n"
                       "  do:    name another file, or take this one away",
                       reading->path, (unsigned long long)reading->line);
}

static int take_line(struct reading *reading, struct slice line)
{
    struct json_value key, value, id = {.type = JSON_NULL}, duplicate = {.type = JSON_FALSE};
    struct json j;

    reading->line++;
    json_init(&j, line);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return not_a_ledger(reading);
    while (json_member(&j, &key) && json_skip(&j, &value)) {
        if (json_is(&key, "messageId"))
            id = value;
        else if (json_is(&key, "duplicate"))
            duplicate = value;
    }
    if (!json_end(&j) || id.type != JSON_STRING || id.text.n == 0)
        return not_a_ledger(reading);
    return reading->event(reading->arg, id.text, duplicate.type == JSON_TRUE);
}

static int take_lines(struct reading *reading)
{
    struct slice rest = strbuf_slice(&reading->held);
    const char *end;
    int result = 0;

    while (result == 0 && (end = memchr(rest.p, '\n', rest.n))) {
        struct slice line = {rest.p, (size_t)(end - rest.p)};

        result = take_line(reading, line);
        rest.p += line.n + 1;
        rest.n -= line.n + 1;
    }
    if (rest.n > 0 && rest.p != reading->held.p)
        memmove(reading->held.p, rest.p, rest.n);
    strbuf_truncate(&reading->held, rest.n);
    return result;
}

struct piece {
    int fd;
    char *p;
    size_t size;
};

static int read_piece(void *arg)
{
    const struct piece *piece = arg;
    ssize_t n;

    do
        n = read(piece->fd, piece->p, piece->size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int)n;
}

static int read_lines(struct reading *reading)
{
    char bytes[PIECE_SIZE];
    struct piece piece = {reading->fd, bytes, sizeof bytes};
    int n = 0, result;

    do {
        result = sl_offload(read_piece, &piece, &n);
        if (result < 0)
            return result;
        if (n < 0)
            return cannot_read(reading, -n);
        reading->at += (uint64_t)n;
        strbuf_add(&reading->held, bytes, (size_t)n);
        if (strbuf_failed(&reading->held))
            return -ENOMEM;
        result = take_lines(reading);
        if (result == 0 && reading->held.n > LINE_MAX_SIZE) {
            reading->line++;
            result = not_a_ledger(reading);
        }
    } while (result == 0 && n > 0);
    return result;
}

int ledger_read(const char *path,
                int (*event)(void *arg, struct slice message_id, bool is_duplicate), void *arg,
                struct problem *problem)
{
    struct reading reading = {
        .path = path, .event = event, .arg = arg, .problem = problem, .fd = -1};
    struct stat status;
    int result = 0;

    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return 0; /* ledger_open makes it, or says why not */
    reading.fd = open(path, O_RDWR | O_CLOEXEC);
    if (reading.fd < 0)
        return cannot_read(&reading, errno);
    result = read_lines(&reading);
    if (result == 0 && reading.held.n > 0 &&
        ftruncate(reading.fd, (off_t)(reading.at - reading.held.n)) < 0)
        result = -errno;
    strbuf_deinit(&reading.held);
    close(reading.fd);
    return result;
}

/* ---- writing ---- */

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
