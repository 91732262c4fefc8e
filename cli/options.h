/*
 * options -- what each command was told: the fields that the flag tables of options.c fill in.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/time.h>

#include "cli/flags.h"

/* How to speak: every command. */
struct output_options {
    const char *log;       /* text, json */
    const char *log_level; /* debug, info, warn, error */
    bool quiet;
    bool json;
};

/* Where SQS is: the commands that talk to a queue. NULL: as the AWS SDKs find it. */
struct aws_options {
    const char *region;
    const char *profile;
    const char *endpoint_url;
    bool allow_http;
};

struct batch_options {
    uint64_t count;
    uint64_t bytes;
    sl_dur age;
    uint64_t concurrency;
};

struct run_options {
    struct output_options output;
    struct aws_options aws;
    struct batch_options batch;
    const char *from;
    const char *to;
    sl_dur timeout;
    const char *format;
    const char **headers;
    const char **header_files;
    const char *bearer_file;
    sl_dur visibility; /* 0: the queue's own */
    uint64_t receivers;
    sl_dur receive_wait;
    uint64_t in_flight;       /* 0: from batch count, concurrency and receivers */
    uint64_t in_flight_bytes; /* 0: 256 MiB, or half of the memory limit */
    sl_dur drain;
    const char *account;
    const char *undelivered;
    uint64_t count; /* 0: never */
    sl_dur run_for; /* 0: for ever */
    bool until_empty;
    double rate; /* synthetic: only */
    bool check;
};

struct demo_options {
    struct output_options output;
    struct batch_options batch;
    sl_dur run_for;
    double rate;
    const char *events;
    const char *latency;
    const char *dir;
};

struct perseus_options {
    struct output_options output;
    const char *listen;
    const char *ledger;
    const char *latency;
    double fail_rate;
    double fail_item;
    uint64_t status;
    uint64_t capacity;
    uint64_t max_body;
};

struct send_options {
    struct output_options output;
    struct aws_options aws;
    const char *to;
    bool whole;
    const char **attributes;
    const char *group;
    const char *dedup;
    sl_dur delay;
    double rate;
};

struct queue_options {
    struct output_options output;
    const char *listen;
    const char *data; /* NULL: in memory */
    const char **queues;
    const char *limits;          /* strict, relaxed */
    const char *keys;            /* NULL: signatures are not checked */
    const char *expired_handles; /* delete, refuse */
    const char *region;
    const char *account;
    const char **faults;
    uint64_t seed; /* 0: a random one */
};

struct queues_options {
    struct output_options output;
    struct aws_options aws;
};

struct peek_options {
    struct output_options output;
    struct aws_options aws;
    uint64_t max;
    bool body;
};

/* A scenario. What `run` was told is in `run`, as far as it matters to a simulation. */
struct simulate_options {
    struct run_options run;
    const char *rate; /* RATE[,poisson] or a file; NULL: none come */
    sl_dur duration;
    uint64_t backlog;
    uint64_t replicas;
    sl_dur deploy_every; /* 0: never */
    uint64_t size;
    sl_dur queue_visibility;
    uint64_t max_receives;  /* 0: no dead-letter queue */
    const char *service;    /* DUR[,p99=DUR][,capacity=RATE][,at-once=N] */
    const char **outages;   /* DUR@START */
    const char **throttles; /* SHARE@START+DUR */
    const char **crashes;   /* @TIME */
    double poison;
    uint64_t seed;
    uint64_t seeds;
    const char *price; /* USD per million requests */
    const char *svg;
    const char *trace;
};

extern const struct flag_spec run_flags, demo_flags, perseus_flags, send_flags, queue_flags,
    queues_flags, peek_flags, simulate_flags;

/*
 * What the tables can't say about `run`: which flags go with which source and sink, headers that
 * can't be sent. 0, or PROBLEM with exit status 64.
 */
int run_options_check(const struct run_options *options, const struct flags *flags,
                      struct problem *problem);

/* Of it, what matters to a simulation too: times that SQS can be told. */
int run_receiving_check(const struct run_options *options, struct problem *problem);

/* How long a receive may wait: as --receive-wait says, unless the drain is too short for it. */
sl_dur run_receive_wait(const struct run_options *options);

/* Whether --from names a queue, and so somebody has to sign. */
bool run_reads_queue(const struct run_options *options);

/* The same for `send`. */
int send_options_check(const struct send_options *options, struct problem *problem);

/* And for `queue`: what is printed as shell has to be plain. */
int queue_options_check(const struct queue_options *options, const struct flags *flags,
                        struct problem *problem);

/* And for `simulate`: what needs no reading of the scenario. */
int simulate_options_check(const struct simulate_options *options, struct problem *problem);

#endif
