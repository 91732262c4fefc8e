#include "sink/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/task.h>

#include "ops/log.h"

/* A header file larger than this is no header file. */
enum { FILE_MAX = 64 * 1024 };
/* Of a flag that is refused; as for every other flag. */
enum { SHOWN_MAX = 60 };

/* One place where headers come from: a flag's line, or a file. */
struct header_origin {
    const char *path; /* NULL: a flag */
    bool is_bearer;
    struct strbuf text; /* what its headers in the list point into */
    struct stat seen;
    bool complained; /* it could not be read lately, and that was said */
};

struct headers {
    struct header_origin *origins;
    size_t origin_count;
    struct http_header *list;
    size_t count, room;
    sl_time look_again;
};

const char *headers_refusal(struct slice name, struct slice value)
{
    static const char *const own[] = {
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Accept-Encoding",
        "Content-Type",
        "Idempotency-Key",
        "Sluice-Batch-Id",
        "Sluice-Batch-Count",
        "Sluice-Attempt",
        "traceparent",
    };

    if (name.n == 0)
        return "has no name";
    for (size_t i = 0; i < name.n; i++)
        if (!strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                    name.p[i]) ||
            name.p[i] == '\0')
            return "has a character in its name that HTTP does not allow";
    for (size_t i = 0; i < value.n; i++)
        if (((unsigned char)value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
            return "has a control character in its value";
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (slice_eq_nocase(name, slice_of(own[i])))
            return "is written by sluice itself, or belongs to the connection";
    return NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Splits one line; NULL, or why it is no header. */
static const char *read_line(struct slice line, struct http_header *out)
{
    const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;

    if (!colon)
        return "is not of the form 'Name: value'";
    out->name = (struct slice){line.p, (size_t)(colon - line.p)};
    out->value = trim((struct slice){colon + 1, line.n - out->name.n - 1});
    return headers_refusal(out->name, out->value);
}

/* Makes room for so many more at the end of the list. */
static int reserve(struct headers *headers, size_t more)
{
    size_t room = headers->room ? headers->room : 8;
    struct http_header *list;

    while (room < headers->count + more)
        room *= 2;
    if (room == headers->room)
        return 0;
    list = reallocarray(headers->list, room, sizeof(*list));
    if (!list)
        return -ENOMEM;
    headers->list = list;
    headers->room = room;
    return 0;
}

static int add(struct headers *headers, struct http_header header)
{
    int r = reserve(headers, 1);

    if (!r)
        headers->list[headers->count++] = header;
    return r;
}

/* The headers of one origin's text, to the end of the list. `why` tells which line is refused and why. */
static int read_text(struct headers *headers, struct header_origin *origin, const char **why)
{
    struct slice rest = strbuf_slice(&origin->text);
    struct http_header header;
    int r = 0;

    *why = NULL;
    if (origin->is_bearer) {
        header = (struct http_header){SLICE("Authorization"), trim(rest)};
        *why = header.value.n <= SLICE("Bearer").n ? "has no value: there is no token in the file"
                                                   : headers_refusal(header.name, header.value);
        return *why ? 0 : add(headers, header);
    }
    if (!origin->path) { /* a line break within a flag is no second header */
        *why = read_line(rest, &header);
        return *why ? 0 : add(headers, header);
    }
    while (rest.n > 0 && !r && !*why) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        struct slice line = trim((struct slice){rest.p, n});

        rest.p += end ? n + 1 : n;
        rest.n -= end ? n + 1 : n;
        if (line.n == 0)
            continue;
        *why = read_line(line, &header);
        if (!*why)
            r = add(headers, header);
    }
    return r;
}

/* Puts the scheme before the token that `text` holds. */
static void make_bearer(struct strbuf *text)
{
    struct strbuf whole = {0};

    strbuf_adds(&whole, "Bearer ");
    strbuf_add_slice(&whole, trim(strbuf_slice(text)));
    strbuf_deinit(text);
    *text = whole;
}

static int wait_readable(struct sl_ctx *ctx, int fd)
{
    return sl_wait_fd(ctx, fd, SL_FD_READ, SL_NEVER, NULL);
}

/* Reads to the end of what was opened without blocking. */
static int read_all(struct sl_ctx *ctx, int fd, struct strbuf *text)
{
    char piece[4096];
    ssize_t n = 1;
    int r = 0;

    while (!r && n != 0) {
        n = read(fd, piece, sizeof(piece));
        if (n < 0)
            r = errno == EAGAIN ? wait_readable(ctx, fd) : -errno;
        else if (text->n + (size_t)n > FILE_MAX)
            r = -EFBIG;
        else
            strbuf_add(text, piece, (size_t)n);
    }
    return r;
}

/*
 * The text of a file; the token of a bearer file gets its scheme. What is no regular file is waited for, a FIFO until somebody
 * has written to it; without `ctx` it is refused. 0, negative, or the end of `ctx`.
 */
static int read_file(struct sl_ctx *ctx, const struct header_origin *origin, struct strbuf *text,
                     struct stat *seen)
{
    int fd = open(origin->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int r;

    if (fd < 0)
        return -errno;
    r = fstat(fd, seen) < 0 ? -errno : 0;
    if (!r && !ctx && !S_ISREG(seen->st_mode))
        r = -EINVAL;
    if (!r && S_ISFIFO(seen->st_mode)) /* before its writer comes, it reads as empty */
        r = wait_readable(ctx, fd);
    if (!r)
        r = read_all(ctx, fd, text);
    close(fd);
    if (!r && origin->is_bearer && !strbuf_failed(text))
        make_bearer(text);
    return !r && strbuf_failed(text) ? -ENOMEM : r;
}

static int collect(struct headers *headers, const char **why, const struct header_origin **culprit)
{
    int r = 0;

    headers->count = 0;
    for (size_t i = 0; i < headers->origin_count && !r; i++) {
        *culprit = &headers->origins[i];
        r = read_text(headers, &headers->origins[i], why);
        if (*why)
            return PROBLEM;
    }
    return r;
}

static bool has_changed(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_size != b->st_size ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* The list anew, from texts that were checked, with room for all that is in them. */
static void collect_again(struct headers *headers)
{
    const struct header_origin *culprit;
    const char *why = NULL;
    int r = collect(headers, &why, &culprit);

    sl_assert(!r);
}

/* Reads a regular file again if it has changed, and takes its text only if every header in it is allowed and there is room for
 * them. What is no regular file was read to its end, and might have to be waited for in the middle of a delivery. */
static void refresh(struct headers *headers, struct header_origin *origin)
{
    struct header_origin fresh = {.path = origin->path, .is_bearer = origin->is_bearer};
    struct headers trial = {0};
    const char *why = NULL;
    struct stat now;
    int r;

    if (!origin->path || stat(origin->path, &now) < 0 || !S_ISREG(now.st_mode) ||
        !has_changed(&now, &origin->seen))
        return;
    r = read_file(NULL, origin, &fresh.text, &fresh.seen);
    if (!r)
        r = read_text(&trial, &fresh, &why);
    if (!r && !why)
        r = reserve(headers, trial.count);
    free(trial.list);
    if (r || why) {
        if (!origin->complained)
            log_warn("%s: %s%s; its last headers stay in use", origin->path, why ? "a header " : "",
                     why ? why : strerror(-r));
        origin->complained = true;
        if (why) /* what is in it is wrong; what could not be read is tried again */
            origin->seen = now;
        strbuf_deinit(&fresh.text);
        return;
    }
    strbuf_deinit(&origin->text);
    origin->text = fresh.text;
    origin->seen = fresh.seen;
    origin->complained = false;
    collect_again(headers);
}

const struct http_header *headers_current(struct headers *headers, sl_time now, size_t *count)
{
    if (!sl_time_before(now, headers->look_again)) {
        headers->look_again = sl_time_add(now, sl_sec(1));
        for (size_t i = 0; i < headers->origin_count; i++)
            refresh(headers, &headers->origins[i]);
    }
    *count = headers->count;
    return headers->list;
}

static size_t length_of(const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

static int read_origins(struct headers *headers, struct sl_ctx *ctx, struct problem *problem)
{
    for (size_t i = 0; i < headers->origin_count; i++) {
        struct header_origin *origin = &headers->origins[i];
        int r = origin->path ? read_file(ctx, origin, &origin->text, &origin->seen) : 0;

        if (r == -ENOMEM || r > 0)
            return r;
        if (r)
            return problem_set(problem, EXIT_BAD_CONFIG,
                               "%s %s: %s\n  do:    give a file that sluice may read",
                               origin->is_bearer ? "--bearer-file" : "--header-file", origin->path,
                               r == -EFBIG ? "is larger than 64 KiB" : strerror(-r));
    }
    return 0;
}

/* The name of a flag's header, to be shown; what follows the colon may be secret. */
static const char *shown(struct slice name, char out[SHOWN_MAX + 4])
{
    size_t n = 0;

    for (; n < name.n && n < SHOWN_MAX; n++)
        out[n] = name.p[n] >= ' ' && name.p[n] < 0x7f ? name.p[n] : '?';
    strcpy(out + n, n < name.n ? "..." : "");
    return out;
}

static int refuse(const struct header_origin *culprit, const char *why, struct problem *problem)
{
    struct slice line = strbuf_slice(&culprit->text);
    const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
    char text[SHOWN_MAX + 4];

    if (culprit->is_bearer)
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--bearer-file %s: its header %s\n"
                           "  do:    put the token into it, alone, or leave --bearer-file out",
                           culprit->path, why);
    if (culprit->path)
        return problem_set(problem, EXIT_BAD_USAGE,
                           "the file %s: a header %s\n  do:    leave it out", culprit->path, why);
    if (!colon) /* then all of it may be secret */
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--header: a header %s\n"
                           "  do:    --header 'Name: value', or leave it out",
                           why);
    return problem_set(problem, EXIT_BAD_USAGE, "--header %s: a header %s\n  do:    leave it out",
                       shown((struct slice){line.p, (size_t)(colon - line.p)}, text), why);
}

int headers_new(struct headers **out, struct sl_ctx *ctx, const char *const *lines,
                const char *const *files, const char *bearer_file, struct problem *problem)
{
    size_t line_count = length_of(lines), file_count = length_of(files);
    struct headers *headers = calloc(1, sizeof(*headers));
    const struct header_origin *culprit = NULL;
    const char *why = NULL;
    bool failed = false;
    int r;

    if (!headers)
        return -ENOMEM;
    headers->origins = calloc(line_count + file_count + 1, sizeof(*headers->origins));
    if (!headers->origins) {
        free(headers);
        return -ENOMEM;
    }
    for (size_t i = 0; i < line_count; i++) {
        struct strbuf *text = &headers->origins[headers->origin_count++].text;

        strbuf_adds(text, lines[i]);
        failed |= strbuf_failed(text);
    }
    for (size_t i = 0; i < file_count; i++)
        headers->origins[headers->origin_count++].path = files[i];
    if (bearer_file)
        headers->origins[headers->origin_count++] =
            (struct header_origin){.path = bearer_file, .is_bearer = true};
    r = failed ? -ENOMEM : read_origins(headers, ctx, problem);
    if (!r)
        r = collect(headers, &why, &culprit);
    if (why)
        r = refuse(culprit, why, problem);
    if (r) {
        headers_free(headers);
        return r;
    }
    *out = headers;
    return 0;
}

void headers_free(struct headers *headers)
{
    if (!headers)
        return;
    for (size_t i = 0; i < headers->origin_count; i++)
        strbuf_deinit(&headers->origins[i].text);
    free(headers->origins);
    free(headers->list);
    free(headers);
}
