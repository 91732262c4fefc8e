/*
 * world -- what the tests of this folder share: each runs as a task in a virtual world of its own.
 *
 *     WORLD_TEST(name) { sees `struct sl_ctx *ctx` }
 */
#ifndef TEST_UNIT_LIB_WORLD_H
#define TEST_UNIT_LIB_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/virtual.h"
#include <sluice/loop.h>
#include <sluice/sluice.h>

SL_CHAN_OF(ints, int);

struct world_test {
    void (*body)(struct sl_ctx *ctx);
};

SL_UNUSED static int world_body(struct sl_ctx *ctx, void *arg)
{
    ((struct world_test *)arg)->body(ctx);
    return 0;
}

SL_UNUSED static void world_run(void (*body)(struct sl_ctx *ctx))
{
    struct world_test test = {body};

    assert_int_equal(sl_virtual_run(NULL, world_body, &test), 0);
}

#define WORLD_TEST(name)                                                                           \
    static void name##_in_world(struct sl_ctx *ctx);                                               \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        world_run(name##_in_world);                                                                \
    }                                                                                              \
    static void name##_in_world(struct sl_ctx *ctx SL_UNUSED)

/* Lets everything happen that can happen now. */
SL_UNUSED static void settle(void)
{
    for (int i = 0; i < 8; i++)
        sl_yield();
}

SL_UNUSED static int64_t ms_since(sl_time start)
{
    return sl_dur_ms(sl_time_sub(sl_now(), start));
}

/* Tasks that do one thing and note how it went; `result` is -1 while they wait. */
struct send_one {
    struct ints *ch;
    struct sl_ctx *with;
    int value;
    int *result;
};

struct recv_one {
    struct ints *ch;
    struct sl_ctx *with;
    int *value;
    int *result;
};

SL_TASK(send_one)
{
    *my->result = -1;
    *my->result = ints_send(my->ch, my->with ? my->with : ctx, my->value);
    return 0;
}

SL_TASK(recv_one)
{
    *my->result = -1;
    *my->result = ints_recv(my->ch, my->with ? my->with : ctx, my->value);
    return 0;
}

/* Start one of them. What they point to must outlive the test: static. */
SL_UNUSED static void go_send(struct sl_ctx *scope, struct ints *ch, int value, int *result)
{
    *result = -1;
    SL_GO(scope, send_one, .ch = ch, .value = value, .result = result);
}

SL_UNUSED static void go_recv(struct sl_ctx *scope, struct ints *ch, int *value, int *result)
{
    *result = -1;
    SL_GO(scope, recv_one, .ch = ch, .value = value, .result = result);
}

#endif
