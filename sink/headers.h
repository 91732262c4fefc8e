/*
 * headers -- what --header, --header-file and --bearer-file add to each request.
 *
 * Files are looked at before a request, at most once a second, and read again when they have changed; a file that can't be
 * read any more, that is no regular one, or for whose headers there is no memory, keeps its last value. Nothing of it is
 * ever logged.
 */
#ifndef SINK_HEADERS_H
#define SINK_HEADERS_H

#include <sluice/ctx.h>
#include <sluice/time.h>

#include "core/problem.h"
#include "io/http.h"

struct headers;

/*
 * Reads and checks all of them. `lines` and `files` are ended by NULL, or NULL. A file holds "Name: value" lines; a bearer
 * file holds the token alone. A FIFO is waited for until it has been written; NULL for `ctx`: files are regular ones.
 *   0
 *   PROBLEM      which header is refused, and why (hop-by-hop names, those that the client writes itself, control characters)
 *   SL_CANCELED  or SL_TIMEOUT: `ctx` ended
 *   -ENOMEM
 */
int headers_new(struct headers **out, struct sl_ctx *ctx, const char *const *lines,
                const char *const *files, const char *bearer_file, struct problem *problem);
void headers_free(struct headers *headers);

/* The headers to send at `now`: borrowed until the next call. */
const struct http_header *headers_current(struct headers *headers, sl_time now, size_t *count);

/* Whether a header may be added: NULL, or why not ("is written by sluice itself"). */
const char *headers_refusal(struct slice name, struct slice value);

#endif
