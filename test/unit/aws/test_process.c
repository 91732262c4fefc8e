/* Commands that give keys: what they print, how they end, and that none outlives its time. Real
 * processes on the real loop; nothing depends on how fast they are. */
#include "support.h"

#include <signal.h>

#include "aws/credentials.h"
#include "aws/process.h"

struct run {
    const char *command;
    sl_dur timeout, cancel_after;
    size_t output_max;
    int outcome, status;
    struct strbuf out;
};

struct canceller {
    struct sl_ctx *victim;
    sl_dur after;
};

SL_TASK(canceller)
{
    if (sl_sleep(ctx, my->after) == SL_OK)
        sl_ctx_cancel(my->victim, 0);
    return 0;
}

static int run_body(struct sl_ctx *ctx, void *arg)
{
    struct run *run = arg;
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    if (run->cancel_after.ns)
        SL_GO(ctx, canceller, .victim = scope, .after = run->cancel_after);
    run->outcome = process_output(scope, run->command, sl_time_add(sl_now(), run->timeout),
                                  run->output_max, &run->out, &run->status);
    sl_ctx_leave(scope);
    return 0;
}

static struct run run(const char *command, struct run how)
{
    how.command = command;
    if (!how.timeout.ns)
        how.timeout = sl_sec(60);
    if (!how.output_max)
        how.output_max = 65536;
    assert_int_equal(sl_run(run_body, &how), 0);
    return how;
}

static void output_is_taken(void **state)
{
    struct run r = run("printf 'one %s' two", (struct run){0});

    (void)state;
    assert_int_equal(r.outcome, PROCESS_DONE);
    assert_string_equal(r.out.p, "one two");
    strbuf_deinit(&r.out);

    r = run("i=0; while [ $i -lt 100 ]; do echo 0123456789; i=$((i+1)); done", (struct run){0});
    assert_int_equal(r.outcome, PROCESS_DONE);
    assert_int_equal(r.out.n, 1100);
    strbuf_deinit(&r.out);

    r = run("cat", (struct run){0}); /* stdin is empty */
    assert_int_equal(r.outcome, PROCESS_DONE);
    assert_int_equal(r.out.n, 0);
    strbuf_deinit(&r.out);
}

static void failures_are_told(void **state)
{
    struct run r = run("echo x; exit 3", (struct run){0});

    (void)state;
    assert_int_equal(r.outcome, PROCESS_FAILED);
    assert_int_equal(r.status, 3);
    strbuf_deinit(&r.out);

    r = run("kill -TERM $$", (struct run){0});
    assert_int_equal(r.outcome, PROCESS_FAILED);
    assert_int_equal(r.status, -SIGTERM);
    strbuf_deinit(&r.out);

    r = run("/nonexistent/command 2>/dev/null", (struct run){0});
    assert_int_equal(r.outcome, PROCESS_FAILED);
    assert_int_equal(r.status, 127);
    strbuf_deinit(&r.out);
}

/* A parent may leave SIGCHLD ignored. Then the kernel reaps: how a process ended is not to be known. */
static void an_end_that_nobody_is_told_of_is_one(void **state)
{
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    struct run r = run("printf one; exec >&-; sleep 0.05; exit 3", (struct run){0});

    (void)state;
    assert_int_equal(r.outcome, PROCESS_DONE);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out.p, "one");
    strbuf_deinit(&r.out);

    r = run("grep SigIgn /proc/self/status",
            (struct run){0}); /* the command's own children are told of */
    assert_int_equal(r.outcome, PROCESS_DONE);
    assert_int_equal(strtoull(r.out.p + strlen("SigIgn:"), NULL, 16) & UINT64_C(1) << (SIGCHLD - 1),
                     0);
    strbuf_deinit(&r.out);
    signal(SIGCHLD, before);
}

/* What hangs inherits a pipe, so its end is seen by reading from the other side. */
static void assert_killed(const char *command, struct run how, int outcome)
{
    int fds[2];
    char byte;
    struct run r;

    assert_int_equal(pipe(fds), 0);
    r = run(command, how);
    close(fds[1]);
    assert_int_equal(r.outcome, outcome);
    assert_int_equal(read(fds[0], &byte, 1), 0); /* nobody is left to write */
    close(fds[0]);
    strbuf_deinit(&r.out);
}

static void hanging_commands_are_killed_with_their_children(void **state)
{
    struct run soon = {.timeout = sl_ms(50)};

    (void)state;
    assert_killed("sleep 1000 & sleep 1000; true", soon, PROCESS_HANGS);
    assert_killed("exec >/dev/null; sleep 1000; true", soon, PROCESS_HANGS);
    assert_killed("trap '' TERM INT; sleep 1000; true", soon, PROCESS_HANGS);
    assert_killed("sleep 1000; true", (struct run){.cancel_after = sl_ms(50)}, PROCESS_CANCELED);
}

static void endless_output_is_cut(void **state)
{
    struct run r = run("while :; do echo 0123456789; done", (struct run){.output_max = 1000});

    (void)state;
    assert_int_equal(r.outcome, PROCESS_TOO_LONG);
    assert_true(r.out.n <= 1001);
    strbuf_deinit(&r.out);

    r = run("printf 0123456789", (struct run){.output_max = 10});
    assert_int_equal(r.outcome, PROCESS_DONE);
    strbuf_deinit(&r.out);
    r = run("printf 0123456789", (struct run){.output_max = 9});
    assert_int_equal(r.outcome, PROCESS_TOO_LONG);
    strbuf_deinit(&r.out);
}

/* ---- as a profile's credential_process ---- */

static struct {
    const char *key, *tried;
} expected;

static int load_body(struct sl_ctx *ctx, void *arg)
{
    struct aws_config *config = arg;
    struct credential_search search = {.config = config, .time = {sl_wall_ms(), false}};
    struct aws_credentials keys = {0};
    int result = credential_profile.load(&search, ctx, &keys);

    assert_int_equal(result, expected.key ? CREDENTIALS_LOADED : CREDENTIALS_BROKEN);
    if (expected.key) {
        assert_string_equal(keys.access_key_id, expected.key);
        assert_string_equal(search.found.p, "the credential_process of ~/.aws/config [default]");
        assert_non_null(strstr(search.renewal, "aws sso login"));
    } else {
        assert_string_equal(search.tried.p, expected.tried);
    }
    aws_credentials_deinit(&keys);
    strbuf_deinit(&search.tried);
    strbuf_deinit(&search.found);
    return 0;
}

static void profiles_run_their_process(void **state)
{
    static const struct {
        const char *command, *key, *tried;
    } rows[] = {
        {"echo '{\"Version\":1,\"AccessKeyId\":\"AKIDPROCESS\",\"SecretAccessKey\":\"s\"}'",
         "AKIDPROCESS", NULL},
        {"exit 255", NULL, "~/.aws/config [default] (credential_process ended with status 255)"},
        {"echo canary", NULL, "~/.aws/config [default] (credential_process: not a JSON object)"},
        {"echo '{\"Version\":2}'", NULL,
         "~/.aws/config [default] (credential_process: its Version is not 1)"},
        {"while :; do echo canary; done", NULL,
         "~/.aws/config [default] (credential_process printed more than 64 KiB)"},
    };

    (void)state;
    home_make();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct aws_config *config;
        char text[256];

        snprintf(text, sizeof(text), "[default]\ncredential_process = %s\n", rows[i].command);
        home_write("config", text);
        config = config_of((struct aws_config_options){0});
        expected.key = rows[i].key;
        expected.tried = rows[i].tried;
        assert_int_equal(sl_run(load_body, config), 0);
        aws_config_free(config);
    }
    home_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_taken),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(an_end_that_nobody_is_told_of_is_one),
        cmocka_unit_test(hanging_commands_are_killed_with_their_children),
        cmocka_unit_test(endless_output_is_cut),
        cmocka_unit_test(profiles_run_their_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
