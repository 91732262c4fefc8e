/*
 * sluice queue: an SQS on this machine. Opens what the flags say, tells programs on stdout where it is and people on stderr
 * what it serves, and stops at a signal, or when its file can't be written any more.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <sluice/chan.h>
#include <sluice/task.h>

#include "cli/command.h"
#include "cli/queue_flags.h"
#include "core/json_out.h"
#include "core/units.h"
#include "ops/log.h"

/* How long requests may run on after the first signal. */
#define STOP_LIMIT sl_sec(5)
/* The same when the store has failed: those that wait for it are told that they were in vain. */
#define REFUSE_LIMIT sl_sec(1)
/* Any keys do without --keys; these say whose they are. */
#define ANY_KEY "sluice"

struct serve {
    const struct command *command;
    const struct queue_options *options;
    struct queue_list queues;
    struct key_list keys;
    struct queue_server_config config;
};

/* ---- what it says when it is ready ---- */

static bool is_everywhere(struct slice host)
{
    return host.n == 0 || slice_is(host, "0.0.0.0") || slice_is(host, "[::]");
}

static struct slice host_of(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    return colon ? (struct slice){listen, (size_t)(colon - listen)} : slice_of(listen);
}

/* Where clients on this machine find it. */
static void add_endpoint(const struct serve *serve, const struct queue_server *server,
                         struct strbuf *out)
{
    struct slice host = host_of(serve->options->listen);
    strbuf_addf(out, "http://" SLICE_FMT ":%u",
                SLICE_ARG(is_everywhere(host) ? SLICE("127.0.0.1") : host),
                queue_server_port(server));
}

/* A file's name as a comment in a shell script has it: on one line. */
static void add_in_comment(const char *name, struct strbuf *out)
{
    for (; *name; name++)
        strbuf_addc(out, (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

static void add_exports(const struct serve *serve, const struct queue_server *server,
                        struct strbuf *out)
{
    const char *region = serve->options->region;

    strbuf_adds(out, "export AWS_ENDPOINT_URL_SQS=");
    add_endpoint(serve, server, out);
    strbuf_addf(out, "\nexport AWS_REGION=%s AWS_DEFAULT_REGION=%s\n", region, region);
    if (serve->keys.count == 0) {
        strbuf_adds(out,
                    "export AWS_ACCESS_KEY_ID=" ANY_KEY " AWS_SECRET_ACCESS_KEY=" ANY_KEY "\n");
        return;
    }
    strbuf_addf(out, "export AWS_ACCESS_KEY_ID=%s # AWS_SECRET_ACCESS_KEY: the one in ",
                serve->keys.items[0].access_key);
    add_in_comment(serve->options->keys, out);
    strbuf_addc(out, '\n');
}

static void add_json(const struct serve *serve, const struct queue_server *server,
                     struct strbuf *out)
{
    strbuf_adds(out, "{\"endpoint\":\"");
    add_endpoint(serve, server, out);
    strbuf_addc(out, '"');
    json_out_text(out, "region", serve->options->region);
    json_out_text(out, "account", serve->options->account);
    json_out_text(out, "access_key", serve->keys.count ? serve->keys.items[0].access_key : ANY_KEY);
    json_out_text(out, "data", serve->options->data);
    if (faults_any(&serve->config.service.faults))
        strbuf_addf(out, ",\"seed\":%" PRIu64, queue_service_seed(queue_server_service(server)));
    strbuf_adds(out, "}\n");
}

static int tell_programs(const struct serve *serve, const struct queue_server *server)
{
    struct strbuf out = {0};
    if (serve->options->output.json)
        add_json(serve, server, &out);
    else
        add_exports(serve, server, &out);
    int status = print_out(serve->command, &out);
    strbuf_deinit(&out);
    return status;
}

static void log_queues(const struct queue_list *list)
{
    enum { SHOWN_MAX = 10 };
    struct strbuf names = {0};

    for (size_t i = 0; i < list->count && i < SHOWN_MAX; i++)
        strbuf_addf(&names, "%s%s", i ? ", " : "", list->items[i].name);
    if (list->count > SHOWN_MAX)
        strbuf_addf(&names, " and %zu more", list->count - SHOWN_MAX);
    if (list->count > 0 && !strbuf_failed(&names))
        log_info("queues: %s", names.p);
    strbuf_deinit(&names);
}

static void log_faults(const struct serve *serve, const struct queue_server *server)
{
    struct strbuf text = {0};

    for (const char **fault = serve->options->faults; fault && *fault; fault++)
        strbuf_addf(&text, "%s ", *fault);
    if (text.n > 0 && !strbuf_failed(&text))
        log_warn("goes wrong on purpose: %s(--seed %" PRIu64 " repeats it)", text.p,
                 queue_service_seed(queue_server_service(server)));
    strbuf_deinit(&text);
}

static void tell_people(const struct serve *serve, const struct queue_server *server)
{
    const struct queue_options *options = serve->options;
    struct strbuf endpoint = {0};

    add_endpoint(serve, server, &endpoint);
    if (options->data)
        log_info("SQS at %s, region %s: what it takes is kept in %s", endpoint.p, options->region,
                 options->data);
    else
        log_info("SQS at %s, region %s: in memory, gone when it stops", endpoint.p,
                 options->region);
    strbuf_deinit(&endpoint);
    log_queues(&serve->queues);
    log_faults(serve, server);
    if (serve->keys.count > 0)
        log_info("signatures are checked: %zu key%s", serve->keys.count,
                 serve->keys.count == 1 ? "" : "s");
    else if (is_everywhere(host_of(options->listen)))
        log_warn("everybody who reaches this machine may use the queue: signatures are not checked"
                 "\n  do:    --keys FILE, or --listen 127.0.0.1:9324");
}

/* ---- serving ---- */

struct heed_signal {
    struct sl_chan *signals;
    struct sl_ctx *serving;
};

SL_TASK(heed_signal)
{
    int signal;
    if (sl_chan_recv(my->signals, ctx, &signal) == SL_OK)
        sl_ctx_cancel(my->serving, 0);
    return 0;
}

/* A disk that is full or broken is not a fault of sluice. */
static int store_failed(const struct serve *serve, int error)
{
    struct problem problem;
    bool is_full = error == -ENOSPC || error == -EDQUOT;

    problem_init(&problem);
    problem_set(&problem, error == -ENOMEM ? EXIT_INTERNAL : EXIT_NOT_AVAILABLE,
                "%s can't be written: %s\n"
                "  what was acknowledged is in it; nothing was acknowledged after this\n"
                "  do:    %s, and start it again",
                serve->options->data ? serve->options->data : "memory", strerror(-error),
                is_full ? "make room on its file system" : "look at the disk and the system's log");
    int status = command_refuse(serve->command, &problem);
    problem_deinit(&problem);
    return status;
}

static int stop(struct queue_server *server, struct sl_ctx *ctx, sl_dur limit)
{
    struct sl_ctx *stopping = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = limit});
    return queue_server_stop(server, stopping);
}

static int serve_until_signal(struct sl_ctx *ctx, const struct serve *serve,
                              struct queue_server *server)
{
    static const int signos[] = {SIGINT, SIGTERM};
    struct sl_chan *signals = sl_signals(ctx, signos, 2);
    struct sl_ctx *serving = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "serving"});

    tell_people(serve, server);
    int told = tell_programs(serve, server);
    if (told == 0) {
        SL_GO(ctx, heed_signal, .signals = signals, .serving = serving);
        int error = queue_service_wait_error(queue_server_service(server), serving);
        if (error < 0) {
            int status = store_failed(serve, error);
            SL_IGNORE(stop(server, ctx, REFUSE_LIMIT));
            return status;
        }
        log_info("a signal came: stopping");
    }
    sl_chan_free(signals); /* a second one has its usual effect */
    int error = stop(server, ctx, STOP_LIMIT);
    return error < 0 ? store_failed(serve, error) : told;
}

static int serve_task(struct sl_ctx *ctx, void *arg)
{
    const struct serve *serve = arg;
    struct queue_server *server;
    struct problem problem;

    problem_init(&problem);
    int result = queue_server_start(&server, ctx, &serve->config, &problem);
    if (result == PROBLEM)
        program_end(command_refuse(serve->command, &problem));
    if (result < 0)
        program_end(command_fail(serve->command, result));
    program_end(serve_until_signal(ctx, serve, server));
}

/* ---- the beginning ---- */

/* Ten thousand clients, and shells that allow 1,024 descriptors. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* 0, PROBLEM or negative. */
static int read_flags(struct serve *serve, const struct flags *flags, struct problem *problem)
{
    const struct queue_options *o = serve->options;
    bool refuses = strcmp(o->expired_handles, "refuse") == 0;
    bool is_relaxed = strcmp(o->limits, "relaxed") == 0;

    serve->config = (struct queue_server_config){
        .listen = o->listen,
        .data = o->data,
        .service =
            {
                .account = o->account,
                .region = o->region,
                .limits = is_relaxed ? queue_limits_relaxed() : queue_limits_strict(),
                .rules = {.expired_handle_refused = refuses, .expired_change_refused = refuses},
                .seed = o->seed,
            },
    };
    int result = queue_options_check(o, flags, problem);
    if (result == 0)
        result = queue_list_read(&serve->queues, (const char *const *)o->queues, problem);
    if (result == 0)
        result =
            faults_read(&serve->config.service.faults, (const char *const *)o->faults, problem);
    if (result == 0 && o->keys)
        result = key_list_read(&serve->keys, o->keys, problem);
    serve->config.service.queues = serve->queues.items;
    serve->config.service.queue_count = serve->queues.count;
    serve->config.service.keys = serve->keys.items;
    serve->config.service.key_count = serve->keys.count;
    return result;
}

static int run_queue(const struct command *command, const char *const *argv)
{
    struct queue_options options = {0};
    struct serve serve = {.command = command, .options = &options};
    struct flags flags;
    struct problem problem;
    int status;

    if (!command_begin(command, argv, &options, &flags, &status))
        return status;
    problem_init(&problem);
    int result = read_flags(&serve, &flags, &problem);
    if (result != 0)
        return result == PROBLEM ? command_refuse(command, &problem)
                                 : command_fail(command, result);
    output_open(&options.output);
    (void)prctl(PR_SET_DUMPABLE, 0); /* no keys in a core file */
    raise_descriptor_limit();
    status = sl_run(serve_task, &serve);
    return status < 0 ? command_fail(command, status) : status;
}

const struct command command_queue = {
    .name = "queue",
    .synopsis = "[flags]",
    .summary = "an SQS on this machine: prints what points aws and the SDKs at it",
    .examples =
        "  sluice queue --queue orders --data orders.db\n"
        "  sluice queue --queue orders,visibility=1m,dlq=orders-dlq:5 --queue invoices.fifo\n"
        "  sluice queue --queue orders --fault throttle=5% --fault duplicate=1% --seed 7\n",
    .flags = &queue_flags,
    .run = run_queue,
};
