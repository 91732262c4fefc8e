/* What the commands about queues are told: queue, queues, peek. */
#include <string.h>

#include "cli/options.h"
#include "cli/options_shared.h"

#define QUEUE(field) offsetof(struct queue_options, field)
static const struct flag queue_rows[] = {
    {.name = "The queue", .type = FLAG_SECTION},
    {.name = "listen",
     .type = FLAG_STRING,
     .at = QUEUE(listen),
     .value = "HOST:PORT",
     .standard = "127.0.0.1:9324",
     .help = "where; port 0 takes a free one"},
    {.name = "data",
     .type = FLAG_STRING,
     .at = QUEUE(data),
     .value = "FILE",
     .help = "where everything is kept, made if need be (default in memory: gone when it stops)"},
    {.name = "queue",
     .type = FLAG_LIST,
     .at = QUEUE(queues),
     .value = "NAME[,fifo][,visibility=30s][,delay=0s][,dlq=NAME:5]",
     .help = "a queue to create at the start, kept as it is if it exists; repeatable"},
    {.name = "limits",
     .type = FLAG_CHOICE,
     .at = QUEUE(limits),
     .value = "strict|relaxed",
     .standard = "strict",
     .help = "those of SQS; or messages of 16 MiB, no limit in flight, no pause between purges"},
    {.name = "expired-handles",
     .type = FLAG_CHOICE,
     .at = QUEUE(expired_handles),
     .value = "delete|refuse",
     .standard = "delete",
     .help = "what a receipt handle does on a standard queue after its visibility timeout"},
    {.name = "region",
     .type = FLAG_STRING,
     .at = QUEUE(region),
     .value = "REGION",
     .standard = "us-east-1",
     .help = "in ARNs, and in what signatures are for"},
    {.name = "account",
     .type = FLAG_STRING,
     .at = QUEUE(account),
     .value = "ID",
     .standard = "000000000000",
     .help = "in ARNs and queue URLs"},
    {.name = "keys",
     .type = FLAG_STRING,
     .at = QUEUE(keys),
     .value = "FILE",
     .help =
         "check signatures against these: a line each, ACCESS_KEY SECRET (default: any keys do)"},
    {.name = "Faults", .type = FLAG_SECTION},
    {.name = "fault",
     .type = FLAG_LIST,
     .at = QUEUE(faults),
     .value = "FAULT",
     .help = "latency=50ms..200ms, 500=1%, throttle=5%, drop-delete=1%, duplicate=1% or cut=0.5%; "
             "repeatable"},
    {.name = "seed",
     .type = FLAG_COUNT,
     .at = QUEUE(seed),
     .value = "N",
     .min = "1",
     .help = "what the faults follow from (default a random one, which the log tells)"},
};
const struct flag_spec queue_flags = {
    .command = "queue",
    .tables = {FLAG_TABLE(queue_rows, 0), FLAG_TABLE(output_rows, QUEUE(output))},
    .conflicts = output_conflicts,
};

#define QUEUES(field) offsetof(struct queues_options, field)
const struct flag_spec queues_flags = {
    .command = "queues",
    .tables = {FLAG_TABLE(aws_rows, QUEUES(aws)), FLAG_TABLE(output_rows, QUEUES(output))},
    .conflicts = output_conflicts,
    .takes_arguments = true,
};

#define PEEK(field) offsetof(struct peek_options, field)
static const struct flag peek_rows[] = {
    {.name = "Messages", .type = FLAG_SECTION},
    {.name = "max",
     .type = FLAG_COUNT,
     .at = PEEK(max),
     .value = "N",
     .standard = "10",
     .min = "1",
     .max = "100",
     .help = "the oldest so many"},
    {.name = "body", .type = FLAG_BOOL, .at = PEEK(body), .help = "with what is in them"},
};
const struct flag_spec peek_flags = {
    .command = "peek",
    .tables = {FLAG_TABLE(peek_rows, 0), FLAG_TABLE(aws_rows, PEEK(aws)),
               FLAG_TABLE(output_rows, PEEK(output))},
    .conflicts = output_conflicts,
    .takes_arguments = true,
};

/* ---- what the tables can't say ---- */

static bool is_region(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return text[n] == '\0' && n > 0 && n <= 40;
}

static bool is_account(const char *text)
{
    return strspn(text, "0123456789") == 12 && text[12] == '\0';
}

int queue_options_check(const struct queue_options *options, const struct flags *flags,
                        struct problem *problem)
{
    if (!is_region(options->region))
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--region %.60s is no region\n  do:    --region us-east-1",
                           options->region);
    if (!is_account(options->account))
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--account %.60s is no account: twelve digits\n"
                           "  do:    --account 000000000000",
                           options->account);
    if (flags_origin(flags, "seed") == FLAG_FROM_LINE && !options->faults)
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--seed is what faults follow from, and there is no --fault");
    return 0;
}
