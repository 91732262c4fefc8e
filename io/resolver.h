/*
 * resolver -- names to addresses, on helper threads, so that a slow name server delays only who
 * asks for that name.
 *
 * getaddrinfo blocks for as long as the name servers please and cannot be cancelled. It runs on
 * detached threads that own what they touch: at most RESOLVER_THREADS at once, and one for each
 * name, whoever else wants it waits for the same answer. Nothing is remembered here: libcurl's
 * cache keeps an answer for a minute.
 *
 * Life: new → look_up by any number of tasks → free (with nobody in look_up; what is under way ends
 * by itself). One scheduler.
 */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H

#include <stddef.h>
#include <sys/socket.h>

#include <sluice/ctx.h>

#include "io/address.h"

/* At most so many look-ups at once; and so many addresses of a name are used. */
enum { RESOLVER_THREADS = 4, RESOLVER_ADDRESSES_MAX = 8, RESOLVER_NAME_MAX = 255 };

struct resolver_answer {
    int error;                                        /* 0, or an EAI_ code */
    size_t count;                                     /* above 0 without an error */
    struct address addresses[RESOLVER_ADDRESSES_MAX]; /* in the order to try; ports 0 */
};

/* Looks a name up and blocks. Called on a helper thread. */
typedef void resolver_look_up_fn(const char *name, struct resolver_answer *answer);

struct resolver;

/* `look_up` NULL: getaddrinfo. NULL without memory. */
struct resolver *resolver_new(resolver_look_up_fn *look_up);
void resolver_free(struct resolver *resolver);

/*
 * Looks a name up and waits for the answer.
 *   SL_OK                    `answer` is filled in: addresses, or an error
 *   SL_CANCELED, SL_TIMEOUT  `ctx` ended, or `until` has passed; the look-up goes on without us
 *   negative                 -ENOMEM; -EAGAIN: no thread to be had; -ENAMETOOLONG
 */
int resolver_look_up(struct resolver *resolver, struct sl_ctx *ctx, const char *name, sl_time until,
                     struct resolver_answer *answer);

/* What an EAI_ code means, in lower case. */
const char *resolver_error_text(int error);

#endif
