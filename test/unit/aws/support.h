/*
 * support -- what the tests of this folder share: an environment and files of their own, and an HTTP
 * client that answers from a script and remembers what it was asked.
 */
#ifndef TEST_UNIT_AWS_SUPPORT_H
#define TEST_UNIT_AWS_SUPPORT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sluice/sluice.h>

#include "aws/config.h"
#include "io/http.h"
#include "sim/virtual.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- the environment ---- */

enum { VARIABLES_MAX = 16 };

static struct {
    const char *name, *value;
} variables[VARIABLES_MAX];

SL_UNUSED static const char *fake_env(const char *name)
{
    for (size_t i = 0; i < VARIABLES_MAX && variables[i].name; i++)
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    return NULL;
}

/* `value` NULL takes the variable away. Both are borrowed. */
SL_UNUSED static void env_put(const char *name, const char *value)
{
    size_t i = 0;

    while (i < VARIABLES_MAX - 1 && variables[i].name && strcmp(variables[i].name, name) != 0)
        i++;
    variables[i].name = name;
    variables[i].value = value;
}

SL_UNUSED static void env_clear(void)
{
    memset(variables, 0, sizeof(variables));
}

/* ---- files ---- */

static char home[] = "/tmp/sluice-test-aws-XXXXXX";

/* An empty home directory, with .aws in it; HOME points there. */
SL_UNUSED static void home_make(void)
{
    char path[128];

    strcpy(home + sizeof(home) - 7, "XXXXXX");
    assert_non_null(mkdtemp(home));
    snprintf(path, sizeof(path), "mkdir %s/.aws", home);
    assert_int_equal(system(path), 0);
    env_clear();
    env_put("HOME", home);
}

SL_UNUSED static void home_write(const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/.aws/%s", home, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

SL_UNUSED static void home_remove(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", home);
    assert_int_equal(system(command), 0);
}

/* ---- a scripted client ---- */

/* One answer. Zero: 200 with an empty object. */
struct reply {
    enum http_failure failure;
    bool sent, reused; /* of a failure */
    bool early;        /* of an answer */
    int status;        /* 0 = 200 */
    const char *head;  /* header lines, each with CR LF; NULL: none */
    const char *body;  /* NULL: "{}" */
    sl_dur takes;
};

enum { REQUESTS_MAX = 64 };

struct script_client {
    struct http_client client; /* first */
    const struct reply *replies;
    size_t reply_count; /* the last reply is given again when they run out */
    size_t asked;
    struct {
        char url[256];
        char headers[4096]; /* "name: value\n" each */
        char body[2048];
        sl_dur timeout;
        size_t answer_max;
        sl_time at;
        bool fresh, allow_link_local;
    } requests[REQUESTS_MAX];
};

SL_UNUSED static void script_record(struct script_client *s, const struct http_request *request)
{
    size_t at = 0;

    assert_true(s->asked < REQUESTS_MAX);
    snprintf(s->requests[s->asked].url, sizeof(s->requests[0].url), "%s", request->url);
    for (size_t i = 0; i < request->header_count; i++)
        at += (size_t)snprintf(
            s->requests[s->asked].headers + at, sizeof(s->requests[0].headers) - at, "%.*s: %.*s\n",
            SLICE_ARG(request->headers[i].name), SLICE_ARG(request->headers[i].value));
    snprintf(s->requests[s->asked].body, sizeof(s->requests[0].body), "%.*s",
             SLICE_ARG(request->body));
    s->requests[s->asked].timeout = request->timeout;
    s->requests[s->asked].answer_max = request->answer_max;
    s->requests[s->asked].fresh = request->fresh_connection;
    s->requests[s->asked].allow_link_local = request->allow_link_local;
    s->requests[s->asked].at = sl_now();
    s->asked++;
}

SL_UNUSED static void script_perform(struct http_client *client, struct sl_ctx *ctx,
                                     const struct http_request *request, struct http_answer *out)
{
    struct script_client *s = (struct script_client *)client;
    const struct reply *reply =
        &s->replies[s->asked < s->reply_count ? s->asked : s->reply_count - 1];

    script_record(s, request);
    strbuf_reset(&out->body);
    strbuf_reset(&out->head);
    out->status = 0;
    out->detail[0] = '\0';
    out->sent_wall_ms = sl_wall_ms();
    out->failure = reply->failure;
    if (sl_sleep(ctx, reply->takes) != SL_OK)
        out->failure = HTTP_FAIL_CANCELED;
    out->received_wall_ms = sl_wall_ms();
    out->sent = out->failure == HTTP_COMPLETE || out->failure == HTTP_FAIL_CANCELED || reply->sent;
    out->reused = reply->reused;
    if (out->failure != HTTP_COMPLETE)
        return;
    out->early = reply->early;
    out->status = reply->status ? reply->status : 200;
    strbuf_addf(&out->head, "HTTP/1.1 %d X\r\n%s\r\n", out->status, reply->head ? reply->head : "");
    strbuf_adds(&out->body, reply->body ? reply->body : "{}");
}

static const struct http_client_ops script_ops = {.perform = script_perform};

SL_UNUSED static void script_init(struct script_client *s, const struct reply *replies,
                                  size_t count)
{
    memset(s, 0, sizeof(*s));
    s->client.ops = &script_ops;
    s->replies = replies;
    s->reply_count = count;
}

/* ---- tasks ---- */

struct world_test {
    void (*body)(struct sl_ctx *ctx);
};

SL_UNUSED static int world_body(struct sl_ctx *ctx, void *arg)
{
    ((struct world_test *)arg)->body(ctx);
    return 0;
}

/* A test that runs as a task in virtual time. */
#define WORLD_TEST(name)                                                                           \
    static void name##_in_world(struct sl_ctx *ctx);                                               \
    static void name(void **state)                                                                 \
    {                                                                                              \
        struct world_test test = {name##_in_world};                                                \
                                                                                                   \
        (void)state;                                                                               \
        assert_int_equal(sl_virtual_run(NULL, world_body, &test), 0);                              \
    }                                                                                              \
    static void name##_in_world(struct sl_ctx *ctx SL_UNUSED)

/* ---- configuration ---- */

/* Loads with the fake environment; it must work. */
SL_UNUSED static struct aws_config *config_of(struct aws_config_options options)
{
    struct aws_config *config = NULL;
    struct problem problem;

    problem_init(&problem);
    options.env = fake_env;
    if (aws_config_load(&config, &options, &problem) != 0)
        fail_msg("%s", problem.text.p);
    problem_deinit(&problem);
    return config;
}

#endif
