/* driver -- the real world, by libuv. */
#ifndef LIB_UV_DRIVER_H
#define LIB_UV_DRIVER_H

#include <uv.h>

#include "lib/driver.h"

struct uv_driver {
    struct sl_driver base;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;
    unsigned told; /* how often something was told to the scheduler */
    uint64_t random[32];
    unsigned random_left;
};

/* 0 or a negative errno. Not to be moved afterwards. */
SL_API_R int uv_driver_init(struct uv_driver *u);
SL_API void uv_driver_deinit(struct uv_driver *u);

#endif
