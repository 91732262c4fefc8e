/*
 * The log: the two formats byte for byte, what can't be forged, and that a pipe nobody reads costs
 * lines and no time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/log.h"

static int pipe_fds[2];
static char got[1 << 17];

static int64_t fixed_time(void)
{
    return INT64_C(1795419064120); /* 2026-11-23T07:31:04.120Z */
}

/* What has been written since the last call. */
static const char *taken(void)
{
    size_t n = 0;
    for (;;) {
        ssize_t r = read(pipe_fds[0], got + n, sizeof got - 1 - n);
        if (r <= 0)
            break;
        n += (size_t)r;
    }
    got[n] = '\0';
    return got;
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    log_clock(fixed_time);
    log_open(pipe_fds[1], LOG_TEXT, LOG_INFO);
    log_info("what an earlier test dropped is told here");
    taken();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_status((struct slice){0});
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    log_clock(NULL);
    return 0;
}

static void test_text(void **state)
{
    (void)state;
    log_info("batch %s: %d events, 186 KB, 200 in 52 ms, attempt 1, worker 3", "6f1c2e0a", 100);
    assert_string_equal(taken(),
                        "2026-11-23T07:31:04Z info batch 6f1c2e0a: 100 events, 186 KB, 200 in "
                        "52 ms, attempt 1, worker 3\n");
    log_error("perseus.example answered %d\n  do:    --batch-bytes %s", 413, "100KB");
    assert_string_equal(taken(), "2026-11-23T07:31:04Z error perseus.example answered 413\n"
                                 "  do:    --batch-bytes 100KB\n");
}

static void test_json(void **state)
{
    (void)state;
    log_open(pipe_fds[1], LOG_JSON, LOG_INFO);
    log_warn("a \"quoted\" \\ thing");
    assert_string_equal(taken(), "{\"time\":\"2026-11-23T07:31:04.120Z\",\"level\":\"warn\","
                                 "\"message\":\"a \\\"quoted\\\" \\\\ thing\"}\n");
    log_info("no\n  do:    try again");
    assert_string_equal(taken(), "{\"time\":\"2026-11-23T07:31:04.120Z\",\"level\":\"info\","
                                 "\"message\":\"no\",\"do\":\"try again\"}\n");
}

static void test_members(void **state)
{
    (void)state;
    log_members(LOG_INFO, SLICE("\"a\":1"), "account");
    assert_string_equal(taken(), "2026-11-23T07:31:04Z info account\n");
    log_open(pipe_fds[1], LOG_JSON, LOG_INFO);
    log_members(LOG_INFO, SLICE("\"a\":1"), "account");
    assert_string_equal(taken(), "{\"time\":\"2026-11-23T07:31:04.120Z\",\"level\":\"info\","
                                 "\"message\":\"account\",\"a\":1}\n");
}

static void test_levels(void **state)
{
    (void)state;
    log_debug("unseen");
    assert_string_equal(taken(), "");
    log_open(pipe_fds[1], LOG_TEXT, LOG_ERROR);
    log_warn("unseen");
    assert_false(log_enabled(LOG_WARN));
    assert_true(log_enabled(LOG_ERROR));
    log_error("seen");
    assert_string_equal(taken(), "2026-11-23T07:31:04Z error seen\n");
    log_open(pipe_fds[1], LOG_TEXT, LOG_DEBUG);
    log_debug("seen");
    assert_string_equal(taken(), "2026-11-23T07:31:04Z debug seen\n");
}

static const struct {
    const char *given, *text, *json;
} escapes[] = {
    {"line\nforged", "line\\nforged", "line\\nforged"},
    {"\t\r", "\\t\\r", "\\t\\r"},
    {"\x1b[2J", "\\x1b[2J", "\\u001b[2J"},
    {"\x01\x7f", "\\x01\\x7f", "\\u0001\\u007f"},
    {"\xc2\x9b"
     "2J",
     "\\x9b2J", "\\u009b2J"}, /* CSI as one character */
    {"gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x9a\xb0", "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x9a\xb0",
     "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x9a\xb0"},
    {"\xff|\xc3", "\\xff|\\xc3", "\\ufffd|\\ufffd"},              /* stray, cut */
    {"\xc0\xaf", "\\xc0\\xaf", "\\ufffd\\ufffd"},                 /* overlong */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd"}, /* a surrogate */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
     "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* above U+10FFFF */
};

static void test_escapes(void **state)
{
    (void)state;
    char want[256];
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        log_open(pipe_fds[1], LOG_TEXT, LOG_INFO);
        log_info("%s", escapes[i].given);
        snprintf(want, sizeof want, "2026-11-23T07:31:04Z info %s\n", escapes[i].text);
        assert_string_equal(taken(), want);
        log_open(pipe_fds[1], LOG_JSON, LOG_INFO);
        log_info("%s", escapes[i].given);
        snprintf(want, sizeof want,
                 "{\"time\":\"2026-11-23T07:31:04.120Z\",\"level\":\"info\",\"message\":\"%s\"}\n",
                 escapes[i].json);
        assert_string_equal(taken(), want);
    }
}

/* However long the message and whatever must be escaped: one write of at most PIPE_BUF, whole to
 * the end. */
static void test_long(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\"", "\n", "\xe2\x82\xac", "\xff"};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        char message[3 * 5000 + 1] = "";
        for (size_t n = 0, len = strlen(units[u]); n < 5000; n++)
            memcpy(message + n * len, units[u], len + 1);
        for (int json = 0; json < 2; json++) {
            log_open(pipe_fds[1], json ? LOG_JSON : LOG_TEXT, LOG_INFO);
            log_info("%s\n  do:    advice", message);
            const char *line = taken();
            const char *tail = json ? "\xe2\x80\xa6\"}\n" : "\xe2\x80\xa6\n";
            assert_true(strlen(line) <= PIPE_BUF);
            assert_true(strlen(line) > PIPE_BUF - 32);
            assert_string_equal(line + strlen(line) - strlen(tail), tail);
            assert_true(line[strlen(line) - strlen(tail) - 1] != '\\' || units[u][0] == '"');
        }
    }
}

static void test_blocked_pipe_drops_and_counts(void **state)
{
    (void)state;
    uint64_t before = log_dropped();
    for (int i = 0; i < 3000; i++) /* more than a pipe holds; would hang here if it waited */
        log_info("line %d with enough in it to fill the pipe's sixty-four kilobytes soon", i);
    uint64_t dropped = log_dropped() - before;
    assert_true(dropped > 0 && dropped < 3000);
    assert_non_null(strstr(taken(), "line 0 "));
    log_info("after");
    char want[200];
    snprintf(want, sizeof want,
             "2026-11-23T07:31:04Z warn %llu log lines are missing: stderr was not read in time\n"
             "2026-11-23T07:31:04Z info after\n",
             (unsigned long long)log_dropped());
    assert_string_equal(taken(), want);
    log_info("once");
    assert_string_equal(taken(), "2026-11-23T07:31:04Z info once\n");
}

static void test_closed_pipe(void **state)
{
    (void)state;
    uint64_t before = log_dropped();
    int reader = pipe_fds[0];
    pipe_fds[0] = open("/dev/null", O_RDONLY);
    close(reader);
    log_info("nobody is there"); /* no SIGPIPE: poll says so first */
    assert_int_equal(log_dropped(), before + 1);
}

static void test_status_line(void **state)
{
    (void)state;
    log_status(SLICE("12.4 s"));
    assert_string_equal(taken(), "\r\x1b[K12.4 s");
    log_info("batch");
    assert_string_equal(taken(), "\r\x1b[K2026-11-23T07:31:04Z info batch\n12.4 s");
    log_status(SLICE("12.6 s"));
    assert_string_equal(taken(), "\r\x1b[K12.6 s");
    log_status((struct slice){0});
    assert_string_equal(taken(), "\r\x1b[K");
    log_status((struct slice){0});
    log_info("plain");
    assert_string_equal(taken(), "2026-11-23T07:31:04Z info plain\n");
}

/* Advice is the format's, never an argument's. */
static void test_forged_advice(void **state)
{
    (void)state;
    log_error("it said %s", "x\n  do:    rm");
    assert_string_equal(taken(), "2026-11-23T07:31:04Z error it said x\\n  do:    rm\n");
    log_error("it said %s\n  do:    %s", "x\n  do:    rm", "call them");
    assert_string_equal(taken(), "2026-11-23T07:31:04Z error it said x\\n  do:    rm\n"
                                 "  do:    call them\n");
}

static void test_limit(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    sl_time start = {.ns = 5000000000};
    assert_true(log_limit_pass_at(&limit, start));
    assert_int_equal(limit.missed, 0);
    for (int i = 1; i < 10; i++)
        assert_false(log_limit_pass_at(&limit, sl_time_add(start, sl_ms(i * 100))));
    assert_true(log_limit_pass_at(&limit, sl_time_add(start, sl_ms(1000))));
    assert_int_equal(limit.missed, 9);
    assert_true(log_limit_pass_at(&limit, sl_time_add(start, sl_ms(2000))));
    assert_int_equal(limit.missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_members, setup, teardown),
        cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocked_pipe_drops_and_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_pipe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forged_advice, setup, teardown),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
