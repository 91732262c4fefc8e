/*
 * What `sluice queue` is told: queues, faults, keys. Tables of text → what it means, or what is said about it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/queue_flags.h"
#include "core/units.h"

enum { WORDS_MAX = 8 };

/* Splits at blanks, in place; ends with NULL. */
static const char *const *split(char *text, const char *words[WORDS_MAX + 1])
{
    size_t n = 0;
    for (char *word; (word = strsep(&text, " "));)
        if (*word)
            words[n++] = word;
    words[n] = NULL;
    return words;
}

/* ---- queues ---- */

static void print_queue(const struct queue_plan *queue, struct strbuf *out)
{
    char text[UNITS_TEXT_SIZE];
    strbuf_addf(out, "%s%s", out->n ? " " : "", queue->name);
    if (queue->visibility.ns >= 0)
        strbuf_addf(out, ",v=%s", units_print_duration_exact(text, queue->visibility));
    if (queue->delay.ns >= 0)
        strbuf_addf(out, ",d=%s", units_print_duration_exact(text, queue->delay));
    if (queue->dead_letter)
        strbuf_addf(out, ",%s:%u", queue->dead_letter, queue->max_receives);
}

/* Reads flags as one would write them, and tells the list, or the problem. */
static void read_queues(const char *line, struct strbuf *out)
{
    char copy[1024];
    const char *words[WORDS_MAX + 1];
    struct queue_list list;
    struct problem problem;

    snprintf(copy, sizeof copy, "%s", line);
    problem_init(&problem);
    int result = queue_list_read(&list, split(copy, words), &problem);
    if (result == PROBLEM) {
        assert_int_equal(problem.status, EXIT_BAD_USAGE);
        strbuf_adds(out, problem.text.p);
    } else {
        assert_int_equal(result, 0);
        for (size_t i = 0; i < list.count; i++)
            print_queue(&list.items[i], out);
        queue_list_deinit(&list);
    }
    problem_deinit(&problem);
}

static void test_queues(void **state)
{
    (void)state;
    static const struct {
        const char *line, *list;
    } cases[] = {
        {"orders", "orders"},
        {"orders,visibility=1m30s,delay=5s", "orders,v=1m30s,d=5s"},
        {"orders,visibility=0s", "orders,v=0s"},
        {"orders,visibility=12h,delay=15m", "orders,v=12h,d=15m"},
        {"orders.fifo", "orders.fifo"},
        {"orders.fifo,fifo", "orders.fifo"},
        {"a b c", "a b c"},
        /* dead-letter queues come first, whether they were described or not */
        {"orders,dlq=orders-dlq:5", "orders-dlq orders,orders-dlq:5"},
        {"orders,dlq=late:5 late,visibility=1m", "late,v=1m orders,late:5"},
        {"a,dlq=b:1 b,dlq=c:2 c,dlq=d:1000", "d c,d:1000 b,c:2 a,b:1"},
        {"a,dlq=x:1 b,dlq=x:2", "x a,x:1 b,x:2"},
        {"a.fifo,dlq=b.fifo:3", "b.fifo a.fifo,b.fifo:3"},
        /* names */
        {"or/ders",
         "--queue or/ders: \"or/ders\" is no queue's name: 1 to 80 letters, digits, - and "
         "_; a FIFO queue's ends in .fifo\n  do:    --queue orders"},
        {".fifo",
         "--queue .fifo: \".fifo\" is no queue's name: 1 to 80 letters, digits, - and _; a "
         "FIFO queue's ends in .fifo\n  do:    --queue orders"},
        {"a.fifo.fifo", "--queue a.fifo.fifo: \"a.fifo.fifo\" is no queue's name: 1 to 80 letters, "
                        "digits, - and _; a FIFO queue's ends in .fifo\n  do:    --queue orders"},
        {"orders,fifo", "--queue orders,fifo: the name of a FIFO queue ends in .fifo\n"
                        "  do:    --queue orders.fifo"},
        {"orders orders", "--queue orders: there are two of that name"},
        /* parts */
        {"orders,visibilty=3s", "--queue orders,visibilty=3s: there is no visibilty: did you mean "
                                "visibility?"},
        {"orders,colour=red", "--queue orders,colour=red: there is no colour\n"
                              "  do:    NAME[,fifo][,visibility=30s][,delay=0s][,dlq=NAME:5]"},
        {"orders,", "--queue orders,: there is no \n"
                    "  do:    NAME[,fifo][,visibility=30s][,delay=0s][,dlq=NAME:5]"},
        {"orders,visibility", "--queue orders,visibility: visibility needs a value\n"
                              "  do:    visibility=30s"},
        {"orders,visibility=30", "--queue orders,visibility=30: visibility=30 has no unit\n"
                                 "  do:    visibility=30s"},
        {"orders,visibility=500ms", "--queue orders,visibility=500ms: visibility=500ms: SQS counts "
                                    "in whole seconds"},
        {"orders,visibility=1m,visibility=2m",
         "--queue orders,visibility=1m,visibility=2m: visibility comes twice"},
        {"orders,delay=1m,delay=1m", "--queue orders,delay=1m,delay=1m: delay comes twice"},
        {"orders,dlq=a:1,dlq=b:1", "--queue orders,dlq=a:1,dlq=b:1: dlq comes twice"},
        {"orders,visibility=13h",
         "--queue orders,visibility=13h: visibility=13h is too large: 12h at most"},
        {"orders,delay=16m", "--queue orders,delay=16m: delay=16m is too large: 15m at most"},
        {"orders,dlq=late",
         "--queue orders,dlq=late: dlq=late does not say after how many receives, "
         "1 to 1000\n  do:    dlq=late:5"},
        {"orders,dlq=late:0", "--queue orders,dlq=late:0: dlq=late:0 does not say after how many "
                              "receives, 1 to 1000\n  do:    dlq=late:5"},
        {"orders,dlq=orders:5",
         "--queue orders,dlq=orders:5: a queue can't be its own dead-letter queue"},
        {"orders.fifo,dlq=late:5",
         "--queue orders.fifo,dlq=late:5: the dead-letter queue of a FIFO "
         "queue is a FIFO queue too\n  do:    dlq=orders-dlq.fifo:5"},
        {"a,dlq=b:1 b,dlq=a:1", "--queue a,dlq=b:1: these queues are each other's dead-letter "
                                "queues\n  do:    leave dlq out of one of them"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct strbuf got = {0};
        read_queues(cases[i].line, &got);
        assert_string_equal(got.p, cases[i].list);
        strbuf_deinit(&got);
    }
}

static void test_no_queues(void **state)
{
    (void)state;
    struct queue_list list;
    struct problem problem;
    problem_init(&problem);
    assert_int_equal(queue_list_read(&list, NULL, &problem), 0);
    assert_int_equal(list.count, 0);
    queue_list_deinit(&list);
}

/* ---- faults ---- */

static void read_faults(const char *line, struct strbuf *out)
{
    char copy[1024], from[UNITS_TEXT_SIZE], to[UNITS_TEXT_SIZE];
    const char *words[WORDS_MAX + 1];
    struct queue_faults f = {0};
    struct problem problem;

    snprintf(copy, sizeof copy, "%s", line);
    problem_init(&problem);
    if (faults_read(&f, split(copy, words), &problem)) {
        assert_int_equal(problem.status, EXIT_BAD_USAGE);
        strbuf_adds(out, problem.text.p);
    } else
        strbuf_addf(out, "%s..%s 500=%g throttle=%g drop-delete=%g duplicate=%g cut=%g%s",
                    units_print_duration_exact(from, f.latency_min),
                    units_print_duration_exact(to, f.latency_max), f.internal_error, f.throttle,
                    f.drop_delete, f.duplicate, f.cut, faults_any(&f) ? "" : " none");
    problem_deinit(&problem);
}

static void test_faults(void **state)
{
    (void)state;
    static const char names[] = "latency=50ms..200ms, 500=1%, throttle=5%, drop-delete=1%, "
                                "duplicate=1% or cut=0.5%";
    static const struct {
        const char *line, *faults;
    } cases[] = {
        {"", "0s..0s 500=0 throttle=0 drop-delete=0 duplicate=0 cut=0 none"},
        {"latency=50ms..200ms", "50ms..200ms 500=0 throttle=0 drop-delete=0 duplicate=0 cut=0"},
        {"latency=1s", "1s..1s 500=0 throttle=0 drop-delete=0 duplicate=0 cut=0"},
        {"500=1% throttle=5% drop-delete=2% duplicate=3% cut=0.5%",
         "0s..0s 500=0.01 throttle=0.05 drop-delete=0.02 duplicate=0.03 cut=0.005"},
        {"500=0%", "0s..0s 500=0 throttle=0 drop-delete=0 duplicate=0 cut=0 none"},
        {"throtle=5%", "--fault throtle=5%: there is no throtle: did you mean throttle?"},
        {"latency", "--fault latency: how much of it?\n  do:    --fault latency=50ms"},
        {"cut=", "--fault cut=: how much of it?\n  do:    --fault cut=1%"},
        {"cut=1", "--fault cut=1: has no unit\n  do:    --fault cut=1%"},
        {"cut=101%", "--fault cut=101%: is too large\n  do:    --fault cut=1%"},
        {"cut=1% cut=2%", "--fault cut=2%: cut is given twice"},
        {"latency=200ms..50ms",
         "--fault latency=200ms..50ms: the second is smaller than the first\n"
         "  do:    --fault latency=50ms..200ms"},
        {"latency=50..200ms",
         "--fault latency=50..200ms: has no unit\n  do:    --fault latency=50ms..200ms"},
        {"latency=2h", "--fault latency=2h: 1h is the most\n  do:    --fault latency=50ms..200ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct strbuf got = {0};
        read_faults(cases[i].line, &got);
        assert_string_equal(got.p, cases[i].faults);
        strbuf_deinit(&got);
    }
    struct strbuf got = {0};
    read_faults("nonsense=5%", &got);
    assert_non_null(strstr(got.p, names));
    strbuf_deinit(&got);
}

/* ---- keys ---- */

struct key_file {
    char folder[32], path[64];
};

static int make_folder(void **state)
{
    struct key_file *file = calloc(1, sizeof *file);
    strcpy(file->folder, "/tmp/sluice-keys-XXXXXX");
    if (!file || !mkdtemp(file->folder))
        return -1;
    snprintf(file->path, sizeof file->path, "%s/keys", file->folder);
    *state = file;
    return 0;
}

static int remove_folder(void **state)
{
    struct key_file *file = *state;
    unlink(file->path);
    rmdir(file->folder);
    free(file);
    return 0;
}

static void write_keys(const struct key_file *file, const char *text, size_t n, mode_t mode)
{
    unlink(file->path);
    int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* NULL: it was read. Else the problem, without the path; valid until the next call. */
static const char *read_keys(const struct key_file *file, struct key_list *list)
{
    static char text[512];
    struct problem problem;
    problem_init(&problem);
    int result = key_list_read(list, file->path, &problem);
    assert_true(result == 0 || result == PROBLEM);
    if (result == PROBLEM) {
        assert_int_equal(problem.status, EXIT_BAD_CONFIG);
        assert_ptr_equal(strstr(problem.text.p, file->path), problem.text.p + strlen("--keys "));
        snprintf(text, sizeof text, "%s", problem.text.p + strlen("--keys ") + strlen(file->path));
    }
    problem_deinit(&problem);
    return result == 0 ? NULL : text;
}

static void test_keys(void **state)
{
    static const char text[] = "# ours\n\n  AKIA1234567890 wJalr/XUtn+FEMI=\r\nother\tsecret";
    struct key_list list;
    write_keys(*state, text, sizeof text - 1, 0600);
    assert_null(read_keys(*state, &list));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].access_key, "AKIA1234567890");
    assert_string_equal(list.items[0].secret, "wJalr/XUtn+FEMI=");
    assert_string_equal(list.items[1].access_key, "other");
    assert_string_equal(list.items[1].secret, "secret");
    key_list_deinit(&list);
}

/* No message repeats what may be a secret. */
static void test_bad_keys(void **state)
{
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"", " has no keys\n  do:    a line each: ACCESS_KEY SECRET"},
        {"# nothing\n", " has no keys\n  do:    a line each: ACCESS_KEY SECRET"},
        {"a hidden\nhidden2\n", ": line 2 has not two words, ACCESS_KEY SECRET"},
        {"a hidden hidden2\n", ": line 1 has not two words, ACCESS_KEY SECRET"},
        {"a hidden\na hidden2\n", ": line 2 has an access key that another line has too"},
        {"a$(id) hidden\n",
         ": line 1 begins with what is no access key: letters, digits, _ - . alone"},
        {"a hidd\x01"
         "en\n",
         ": line 1 has a secret with characters that no secret has, or that is too long"},
    };
    struct key_list list;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_keys(*state, cases[i].text, strlen(cases[i].text), 0600);
        const char *problem = read_keys(*state, &list);
        assert_non_null(problem);
        assert_string_equal(problem, cases[i].problem);
        assert_null(strstr(problem, "hid"));
    }
    write_keys(*state, "a b\n\0c d\n", 9, 0600);
    assert_string_equal(read_keys(*state, &list), " is no text");
}

static void test_key_file_of_others(void **state)
{
    static const mode_t modes[] = {0644, 0640, 0604, 0660, 0602};
    const struct key_file *file = *state;
    struct key_list list;
    char expected[256];
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_keys(file, "a b\n", 4, modes[i]);
        snprintf(expected, sizeof expected,
                 " is open to others than its owner (mode %04o), and has secrets in it\n"
                 "  do:    chmod 600 %s",
                 (unsigned)modes[i], file->path);
        assert_string_equal(read_keys(file, &list), expected);
    }
    unlink(file->path);
    assert_string_equal(read_keys(file, &list), " can't be read: No such file or directory");
    assert_int_equal(mkfifo(file->path, 0600), 0);
    assert_string_equal(read_keys(file, &list), " is no regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queues),
        cmocka_unit_test(test_no_queues),
        cmocka_unit_test(test_faults),
        cmocka_unit_test_setup_teardown(test_keys, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_bad_keys, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_key_file_of_others, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
