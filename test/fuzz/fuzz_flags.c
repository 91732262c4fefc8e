/*
 * The command line: a line with the command, then a line each word. What is taken goes on to what the command checks besides;
 * what is not has a problem to show, with an exit status.
 */
#include "cli/options.h"
#include "cli/queue_flags.h"

#include "test/fuzz/fuzz.h"

enum { WORDS_MAX = 40 };

union options {
    struct run_options run;
    struct demo_options demo;
    struct perseus_options perseus;
    struct send_options send;
    struct queue_options queue;
    struct queues_options queues;
    struct peek_options peek;
};

static const struct flag_spec *const specs[] = {
    &run_flags, &demo_flags, &perseus_flags, &send_flags, &queue_flags, &queues_flags, &peek_flags};

static const struct flag_spec *find(struct slice command)
{
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        if (slice_is(command, specs[i]->command))
            return specs[i];
    return NULL;
}

static void check_problem(int result, const struct problem *problem)
{
    if (result == PROBLEM)
        fuzz_check(problem->text.n > 0 && problem->status == EXIT_BAD_USAGE);
}

/* What the tables can't say. */
static void check_more(const struct flag_spec *spec, const union options *options,
                       const struct flags *flags, struct problem *problem)
{
    struct queue_list list = {0};
    struct queue_faults faults = {0};
    int result;

    if (spec == &run_flags) {
        result = run_options_check(&options->run, flags, problem);
        check_problem(result, problem);
        if (result == 0)
            (void)run_reads_queue(&options->run);
    } else if (spec == &send_flags) {
        check_problem(send_options_check(&options->send, problem), problem);
    } else if (spec == &queue_flags) {
        check_problem(queue_options_check(&options->queue, flags, problem), problem);
        result = queue_list_read(&list, options->queue.queues, problem);
        fuzz_check(result != PROBLEM || problem->text.n > 0);
        if (result == 0)
            queue_list_deinit(&list);
        result = faults_read(&faults, options->queue.faults, problem);
        fuzz_check(result != PROBLEM || problem->text.n > 0);
        fuzz_check(result != 0 || (faults.latency_min.ns >= 0 &&
                                   sl_dur_cmp(faults.latency_min, faults.latency_max) <= 0));
        (void)faults_any(&faults);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    const struct flag_spec *spec = find(fuzz_line(&f));
    const char *words[WORDS_MAX + 1] = {NULL};
    union options options;
    struct flags flags;
    struct problem problem;
    enum flags_outcome outcome;

    for (size_t n = 0; n < WORDS_MAX && f.rest.n > 0; n++)
        words[n] = fuzz_word(&f);
    if (spec) {
        memset(&options, 0, sizeof options);
        problem_init(&problem);
        outcome = flags_parse(&flags, spec, &options, words, &problem);
        check_problem((int)outcome, &problem);
        if (outcome == FLAGS_DONE)
            check_more(spec, &options, &flags, &problem);
        flags_deinit(&flags);
        problem_deinit(&problem);
    }
    fuzz_end(&f);
    return 0;
}
