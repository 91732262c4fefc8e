/* The headers that a user adds: which are refused and with which words, and files that change while sluice runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ops/log.h"
#include "sink/headers.h"

static const sl_time start = {1000000000};

/* ---- which are refused ---- */

static void names_and_values_are_checked(void **state)
{
    static const struct {
        struct slice name, value;
        bool is_allowed;
    } cases[] = {
        {SLICE_INIT("X-Tenant"), SLICE_INIT("blue"), true},
        {SLICE_INIT("Authorization"), SLICE_INIT("Basic eDp5"), true},
        {SLICE_INIT("x"), SLICE_INIT(""), true},
        {SLICE_INIT("X-Tab"), SLICE_INIT("a\tb"), true},
        {SLICE_INIT("X-Umlaut"), SLICE_INIT("\xc3\xa4"), true},
        {SLICE_INIT(""), SLICE_INIT("a"), false},
        {SLICE_INIT("X Y"), SLICE_INIT("a"), false},
        {SLICE_INIT("X:Y"), SLICE_INIT("a"), false},
        {SLICE_INIT("X\0Y"), SLICE_INIT("a"), false},
        {SLICE_INIT("X\r\nY"), SLICE_INIT("a"), false},
        {SLICE_INIT("X"), SLICE_INIT("a\r\nEvil: b"), false},
        {SLICE_INIT("X"), SLICE_INIT("a\nEvil: b"), false},
        {SLICE_INIT("X"), SLICE_INIT("a\rb"), false},
        {SLICE_INIT("X"), SLICE_INIT("a\0b"), false},
        {SLICE_INIT("X"), SLICE_INIT("a\x7f"), false},
        {SLICE_INIT("Host"), SLICE_INIT("a"), false},
        {SLICE_INIT("hOST"), SLICE_INIT("a"), false},
        {SLICE_INIT("Content-Length"), SLICE_INIT("1"), false},
        {SLICE_INIT("Content-Type"), SLICE_INIT("a"), false},
        {SLICE_INIT("Transfer-Encoding"), SLICE_INIT("chunked"), false},
        {SLICE_INIT("Connection"), SLICE_INIT("close"), false},
        {SLICE_INIT("Keep-Alive"), SLICE_INIT("1"), false},
        {SLICE_INIT("TE"), SLICE_INIT("trailers"), false},
        {SLICE_INIT("Trailer"), SLICE_INIT("a"), false},
        {SLICE_INIT("Upgrade"), SLICE_INIT("h2c"), false},
        {SLICE_INIT("Expect"), SLICE_INIT("100-continue"), false},
        {SLICE_INIT("Accept-Encoding"), SLICE_INIT("gzip"), false},
        {SLICE_INIT("Proxy-Authorization"), SLICE_INIT("a"), false},
        {SLICE_INIT("Idempotency-Key"), SLICE_INIT("a"), false},
        {SLICE_INIT("Sluice-Batch-Id"), SLICE_INIT("a"), false},
        {SLICE_INIT("Sluice-Batch-Count"), SLICE_INIT("a"), false},
        {SLICE_INIT("Sluice-Attempt"), SLICE_INIT("a"), false},
        {SLICE_INIT("Traceparent"), SLICE_INIT("a"), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if ((headers_refusal(cases[i].name, cases[i].value) == NULL) != cases[i].is_allowed)
            fail_msg("%.*s: %.*s", SLICE_ARG(cases[i].name), SLICE_ARG(cases[i].value));
}

static void a_refused_flag_is_named_without_its_value(void **state)
{
    static const char *const lines[] = {
        "Host: secret",          "no colon but secret", ":secret", "X Y: secret", "",
        "X: secret\nEvil: more", "X: secret\r1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *const list[] = {lines[i], NULL};
        struct headers *headers;
        struct problem problem;

        problem_init(&problem);
        assert_int_equal(headers_new(&headers, NULL, list, NULL, NULL, &problem), PROBLEM);
        assert_int_equal(problem.status, EXIT_BAD_USAGE);
        assert_null(strstr(problem.text.p, "secret"));
        assert_null(strstr(problem.text.p, "(null)"));
        problem_deinit(&problem);
    }
}

/* Its name; and nothing of one without a colon, which may be a token alone. */
static void what_may_be_shown_of_a_refused_flag_is(void **state)
{
#define TEN   "123456789-"
#define SIXTY TEN TEN TEN TEN TEN TEN
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"secret", "--header: a header is not of the form 'Name: value'\n"
                   "  do:    --header 'Name: value', or leave it out"},
        {"Authorization Bearer secret", "--header: "},
        {"", "--header: "},
        {"X Y: secret", "--header X Y: a header has a character in its name"},
        {"X\x1b[2J: secret", "--header X?[2J: a header has a character in its name"},
        {SIXTY " : secret", "--header " SIXTY "...: a header has a character in its name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const list[] = {cases[i].line, NULL};
        struct headers *headers;
        struct problem problem;

        problem_init(&problem);
        assert_int_equal(headers_new(&headers, NULL, list, NULL, NULL, &problem), PROBLEM);
        if (strncmp(problem.text.p, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("\"%s\" is not \"%s\"", problem.text.p, cases[i].says);
        problem_deinit(&problem);
    }
}

/* ---- files ---- */

static void make_path(char path[64])
{
    int fd;

    snprintf(path, 64, "/tmp/sluice-headers-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static void write_to(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* "Name=value;Name=value;" of what would be sent `seconds` after the start. */
static const char *at(struct headers *headers, int64_t seconds)
{
    static char text[512];
    size_t count, n = 0;
    const struct http_header *list =
        headers_current(headers, sl_time_add(start, sl_sec(seconds)), &count);

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, SLICE_FMT "=" SLICE_FMT ";",
                              SLICE_ARG(list[i].name), SLICE_ARG(list[i].value));
    return text;
}

static struct headers *open_headers(const char *flag, const char *file, const char *bearer_file)
{
    const char *const flags[] = {flag, NULL}, *const files[] = {file, NULL};
    struct headers *headers;
    struct problem problem;

    problem_init(&problem);
    if (headers_new(&headers, NULL, flags, files, bearer_file, &problem))
        fail_msg("%s", problem.text.p);
    problem_deinit(&problem);
    return headers;
}

static void a_bearer_file_without_a_token_is_named(void **state)
{
    char path[64], want[256];
    struct headers *headers;
    struct problem problem;

    (void)state;
    make_path(path);
    write_to(path, " \n");
    snprintf(want, sizeof(want),
             "--bearer-file %s: its header has no value: there is no token in the file\n"
             "  do:    put the token into it, alone, or leave --bearer-file out",
             path);
    problem_init(&problem);
    assert_int_equal(headers_new(&headers, NULL, NULL, NULL, path, &problem), PROBLEM);
    assert_int_equal(problem.status, EXIT_BAD_USAGE);
    assert_string_equal(problem.text.p, want);
    problem_deinit(&problem);
    unlink(path);
}

static void flags_files_and_the_bearer_token_are_added(void **state)
{
    char file[64], bearer[64];
    struct headers *headers;

    (void)state;
    make_path(file);
    make_path(bearer);
    write_to(file, "X-One: 1\r\n\n  X-Two:  2 and more \nX-Three:");
    write_to(bearer, "  abc.def\n");
    headers = open_headers("X-Flag: f", file, bearer);
    assert_string_equal(at(headers, 0),
                        "X-Flag=f;X-One=1;X-Two=2 and more;X-Three=;Authorization=Bearer abc.def;");
    headers_free(headers);
    unlink(file);
    unlink(bearer);
}

static void a_changed_file_is_read_again(void **state)
{
    char bearer[64];
    struct headers *headers;

    (void)state;
    make_path(bearer);
    write_to(bearer, "first");
    headers = open_headers(NULL, NULL, bearer);
    assert_string_equal(at(headers, 0), "Authorization=Bearer first;");
    write_to(bearer, "the second");
    assert_string_equal(at(headers, 0), "Authorization=Bearer first;"); /* once a second */
    assert_string_equal(at(headers, 2), "Authorization=Bearer the second;");
    headers_free(headers);
    unlink(bearer);
}

static void a_file_that_goes_bad_keeps_its_last_headers(void **state)
{
    static const char *const bad[] = {"", " \n", "two\nlines", "bell\a"};
    char bearer[64];
    struct headers *headers;

    (void)state;
    make_path(bearer);
    write_to(bearer, "good");
    headers = open_headers(NULL, NULL, bearer);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_to(bearer, bad[i]);
        assert_string_equal(at(headers, 10 * (int64_t)i), "Authorization=Bearer good;");
    }
    unlink(bearer);
    assert_string_equal(at(headers, 100), "Authorization=Bearer good;");
    write_to(bearer, "good again");
    assert_string_equal(at(headers, 200), "Authorization=Bearer good again;");
    headers_free(headers);
    unlink(bearer);
}

/* To open it would wait for a writer, in the middle of a delivery. */
static void a_file_that_becomes_a_fifo_keeps_its_last_headers(void **state)
{
    char bearer[64];
    struct headers *headers;

    (void)state;
    make_path(bearer);
    write_to(bearer, "good");
    headers = open_headers(NULL, NULL, bearer);
    unlink(bearer);
    assert_int_equal(mkfifo(bearer, 0600), 0);
    alarm(30);
    assert_string_equal(at(headers, 10), "Authorization=Bearer good;");
    alarm(0);
    unlink(bearer);
    write_to(bearer, "good again");
    assert_string_equal(at(headers, 20), "Authorization=Bearer good again;");
    headers_free(headers);
    unlink(bearer);
}

static void a_file_is_refused_at_the_start(void **state)
{
    static const struct {
        const char *text;
        bool is_bearer;
    } cases[] = {
        {"", true},          {"\n", true},       {"a\nb", true},
        {"no colon", false}, {"Host: x", false}, {"X: 1\nContent-Length: 3", false},
    };
    char path[64];

    (void)state;
    make_path(path);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const files[] = {path, NULL};
        struct headers *headers;
        struct problem problem;
        int r;

        problem_init(&problem);
        write_to(path, cases[i].text);
        r = headers_new(&headers, NULL, NULL, cases[i].is_bearer ? NULL : files,
                        cases[i].is_bearer ? path : NULL, &problem);
        if (r != PROBLEM)
            fail_msg("case %zu is not refused", i);
        assert_non_null(strstr(problem.text.p, path));
        problem_deinit(&problem);
    }
    unlink(path);
}

static void a_file_that_is_not_there_is_a_problem(void **state)
{
    struct headers *headers;
    struct problem problem;

    (void)state;
    problem_init(&problem);
    assert_int_equal(headers_new(&headers, NULL, NULL, NULL, "/nonexistent/token", &problem),
                     PROBLEM);
    assert_int_equal(problem.status, EXIT_BAD_CONFIG);
    problem_deinit(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_checked),
        cmocka_unit_test(a_refused_flag_is_named_without_its_value),
        cmocka_unit_test(what_may_be_shown_of_a_refused_flag_is),
        cmocka_unit_test(a_bearer_file_without_a_token_is_named),
        cmocka_unit_test(flags_files_and_the_bearer_token_are_added),
        cmocka_unit_test(a_changed_file_is_read_again),
        cmocka_unit_test(a_file_that_goes_bad_keeps_its_last_headers),
        cmocka_unit_test(a_file_that_becomes_a_fifo_keeps_its_last_headers),
        cmocka_unit_test(a_file_is_refused_at_the_start),
        cmocka_unit_test(a_file_that_is_not_there_is_a_problem),
    };

    log_open(-1, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
