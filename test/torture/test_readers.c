/* What reads and writes without waiting: core, files of the AWS tools, flags. Refused with -ENOMEM, or done. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/config.h"
#include "aws/credentials.h"
#include "aws/ini.h"
#include "cli/options.h"
#include "cli/queue_flags.h"
#include "core/base64.h"
#include "core/format.h"
#include "core/json.h"
#include "core/sigv4.h"
#include "core/sqs_wire.h"
#include "perseus/event.h"
#include "sim/virtual.h"
#include "sink/headers.h"
#include "source/message.h"
#include "test/torture/torture.h"

static const char answer_text[] =
    "{\"Messages\":[{\"MessageId\":\"m1\",\"ReceiptHandle\":\"h\\u0031\",\"MD5OfBody\":"
    "\"5d41402abc4b2a76b9719d911017c592\",\"Body\":\"hello\",\"Attributes\":{\"SentTimestamp\":\"1\","
    "\"ApproximateReceiveCount\":\"1\"}}]}";

/* Either it worked, or memory failed and that is told. */
static void check_result(int result)
{
    torture_check(result == 0 || (result == -ENOMEM && torture_has_failed()));
}

/* A buffer that has not failed holds all of a JSON text; one that has is no surprise. */
static void check_json(struct strbuf *b)
{
    if (strbuf_failed(b))
        torture_check(torture_has_failed());
    else
        torture_check(json_is_valid(strbuf_slice(b)));
    strbuf_deinit(b);
}

static void wire(void)
{
    const struct sqs_receive_params receive = {SLICE("http://q/1/q"), 10, 20, 30, SLICE("a")};
    const struct sqs_call_entry entries[2] = {{SLICE("h\\u0031"), 30}, {SLICE("h2"), 0}};
    const struct sqs_send_attribute attribute = {SLICE("n"), SLICE("String"), SLICE("v\n")};
    const struct sqs_send_entry sends[2] = {{SLICE("one \"1\""), SLICE("g"), SLICE("d"), 5},
                                            {SLICE("two"), {NULL, 0}, {NULL, 0}, -1}};
    struct strbuf b = {0};

    sqs_write_receive(&b, &receive);
    check_json(&b);
    sqs_write_delete_batch(&b, receive.queue_url, entries, 2);
    check_json(&b);
    sqs_write_change_batch(&b, receive.queue_url, entries, 2);
    check_json(&b);
    if (sqs_write_send_batch(&b, receive.queue_url, sends, 2, &attribute, 1))
        check_json(&b);
    else
        torture_check(torture_has_failed()); /* "no UTF-8" is not what it is */
    strbuf_deinit(&b);
    sqs_write_get_queue_url(&b, SLICE("q"), SLICE("1"));
    check_json(&b);
}

static void answers(void)
{
    struct sqs_message messages[10];
    struct strbuf text = {0};
    size_t count;
    int result;

    torture_check(sqs_read_receive(slice_of(answer_text), messages, 10, &count) == 0);
    torture_check(count == 1 && !messages[0].unfit); /* allocates nothing */
    result = sqs_read_queue_url(SLICE("{\"QueueUrl\":\"http:\\/\\/q\\/1\\/q\"}"), &text);
    check_result(result);
    torture_check(result != 0 || slice_is(strbuf_slice(&text), "http://q/1/q"));
    result = sqs_read_attribute(SLICE("{\"Attributes\":{\"QueueArn\":\"arn:\\u0061ws\"}}"),
                                "QueueArn", &text);
    check_result(result);
    torture_check(result != 0 || slice_is(strbuf_slice(&text), "arn:aws"));
    strbuf_deinit(&text);
}

static int with_records(struct sl_ctx *ctx, void *arg)
{
    static const struct record_source origin = {SLICE_INIT("arn:aws:sqs:x:1:q"), SLICE_INIT("x")};
    const struct format *format = format_find("lambda");
    struct strbuf storage = {0}, body = {0};
    struct record record;
    struct batch *batch = batch_new(format, 4), *tail = batch_new(format, 4);
    struct block *block = NULL;
    struct message *message = NULL;
    int result = record_from_text(&record, &storage, "id", SLICE("a \"text\""), 1);

    (void)ctx;
    (void)arg;
    check_result(result);
    if (result == 0)
        block = block_new(&storage);
    if (block)
        message = message_new((struct ticket){1, 1}, &record, block);
    for (uint32_t i = 0; batch && message && i < 6; i++) {
        size_t before = batch->body.n, had = batch->count;

        result = batch_append(batch, format, &message->record, &origin, message->ticket, i);
        check_result(result);
        torture_check(result == 0 || (batch->body.n == before && batch->count == had));
    }
    if (batch && tail && batch->count > 2) {
        size_t all = batch->count;

        check_result(batch_move_tail(batch, 2, tail, format));
        torture_check(batch->count + tail->count == all);
    }
    if (batch && batch->count > 0) {
        check_result(batch_slice_body(batch, format, 0, 1, &body));
        result = batch_seal(batch, format);
        check_result(result);
        torture_check(result != 0 || json_is_valid(strbuf_slice(&batch->body)));
    }
    message_run_free(message);
    block_unref(block);
    batch_free(batch);
    batch_free(tail);
    strbuf_deinit(&storage);
    strbuf_deinit(&body);
    return 0;
}

/* A batch's id is random. */
static void records(void)
{
    check_result(sl_virtual_run(NULL, with_records, NULL));
}

static void texts(void)
{
    struct strbuf plain = {0}, escaped = {0}, encoded = {0};

    json_unescape(SLICE("a\\u00e9\\n"), &plain);
    if (!strbuf_failed(&plain)) {
        torture_check(slice_is(strbuf_slice(&plain), "a\xc3\xa9\n"));
        (void)json_escape(strbuf_slice(&plain), &escaped);
        base64_encode(strbuf_slice(&plain), &encoded);
    }
    torture_check(torture_has_failed() || (escaped.n > 0 && encoded.n == 8));
    strbuf_deinit(&plain);
    strbuf_deinit(&escaped);
    strbuf_deinit(&encoded);
}

static void signatures(void)
{
    const struct sigv4_identity identity = {SLICE("AKID"), SLICE("secret"), SLICE("token")};
    const struct sigv4_scope scope = {SLICE("eu-central-1"), SLICE("sqs")};
    struct sigv4_header headers[5] = {{SLICE("Host"), SLICE("h")},
                                      {SLICE("X-Amz-Target"), SLICE("AmazonSQS.SendMessage")}};
    struct sigv4_request request = {.method = SLICE("POST"),
                                    .path = SLICE("/a b/%41"),
                                    .query = SLICE("b=1&a=%20"),
                                    .headers = headers,
                                    .header_count = 2,
                                    .body = SLICE("{}")};
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_authorization authorization;
    struct sigv4_signature signature;
    enum sigv4_result verified;
    int result;

    torture_check(signer || torture_has_failed());
    if (!signer)
        return;
    result = sigv4_sign(signer, &request, &identity, &scope, 1767225600, &signature);
    check_result(result);
    if (result == 0) {
        char kept[600];

        snprintf(kept, sizeof kept, SLICE_FMT, SLICE_ARG(signature.authorization));
        headers[2] = (struct sigv4_header){SLICE("X-Amz-Date"), slice_of(signature.date)};
        headers[3] = (struct sigv4_header){SLICE("X-Amz-Security-Token"), SLICE("token")};
        headers[4] = (struct sigv4_header){SLICE("Authorization"), slice_of(kept)};
        request.header_count = 5;
        torture_check(sigv4_authorization_read(&request, &authorization) == SIGV4_OK);
        verified = sigv4_verify(signer, &request, &authorization, &identity, &scope, 1767225600);
        torture_check(verified == SIGV4_OK ||
                      (verified == SIGV4_NO_MEMORY && torture_has_failed()));
    }
    sigv4_signer_free(signer);
}

/* ---- files and flags ---- */

static void ini(void)
{
    static const char text[] =
        "[default]\nregion = eu-central-1\n[profile prod]\n"
        "s3 =\n  max = 20\naws_session_token = t\nregion = us-east-1\n"
        "region = us-west-2\n[services x]\nsqs =\n  endpoint_url = http://h\n";
    struct aws_ini file = {0};
    int result = aws_ini_parse(&file, AWS_INI_CONFIG, slice_of(text));

    check_result(result);
    if (result == 0) {
        torture_check(strcmp(aws_ini_get(&file, "profile", "prod", "region"), "us-west-2") == 0);
        torture_check(strcmp(aws_ini_get(&file, "services", "x", "sqs.endpoint_url"), "http://h") ==
                      0);
    }
    aws_ini_deinit(&file);
}

static void keys_as_json(void)
{
    struct aws_credentials credentials = {0};
    const char *wrong = credentials_read_json(
        SLICE("{\"Version\":1,\"AccessKeyId\":\"A\\u004b\",\"SecretAccessKey\":\"s\","
              "\"SessionToken\":\"t\",\"Expiration\":\"2026-01-01T01:00:00Z\"}"),
        CREDENTIALS_OF_PROCESS, (struct credential_time){1767225600000, false}, &credentials);

    torture_check(!wrong || torture_has_failed());
    if (!wrong) {
        torture_check(strcmp(credentials.access_key_id, "AK") == 0);
        torture_check(strcmp(credentials.secret_access_key, "s") == 0);
        torture_check(credentials.session_token && strcmp(credentials.session_token, "t") == 0);
        aws_credentials_deinit(&credentials);
    }
}

static char folder[] = "/tmp/torture-XXXXXX";
static char config_file[64], keys_file[64], headers_file[64];

static const char *environment(const char *name)
{
    if (strcmp(name, "AWS_CONFIG_FILE") == 0)
        return config_file;
    if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
        return "/nonexistent/credentials";
    if (strcmp(name, "HOME") == 0)
        return "/nonexistent";
    return strcmp(name, "AWS_PROFILE") == 0 ? "prod" : NULL;
}

static void check_problem(int result, const struct problem *problem)
{
    torture_check(result == 0 || torture_has_failed());
    torture_check(result == 0 || result == -ENOMEM || result == PROBLEM);
    (void)problem;
}

static void configuration(void)
{
    struct aws_config *config = NULL;
    struct problem problem;
    struct strbuf url = {0};
    int result;

    problem_init(&problem);
    result = aws_config_load(&config, &(struct aws_config_options){.env = environment}, &problem);
    check_problem(result, &problem);
    if (result == 0) {
        torture_check(strcmp(config->region.value, "eu-west-1") == 0);
        torture_check(strcmp(config->endpoint.value, "http://127.0.0.1:9324") == 0);
        aws_endpoint(config, SLICE("eu-west-1"), &url);
        torture_check(strbuf_failed(&url) || slice_is(strbuf_slice(&url), "http://127.0.0.1:9324"));
        aws_config_free(config);
    }
    strbuf_deinit(&url);
    problem_deinit(&problem);
}

static void key_file(void)
{
    struct key_list keys = {0};
    struct problem problem;
    int result;

    problem_init(&problem);
    result = key_list_read(&keys, keys_file, &problem);
    check_result(result);
    if (result == 0) {
        torture_check(keys.count == 2 && strcmp(keys.items[1].secret, "s2") == 0);
        key_list_deinit(&keys);
    }
    problem_deinit(&problem);
}

static void queue_words(void)
{
    static const char *const queues[] = {"a,visibility=5s,dlq=dead:3", "b.fifo,fifo", "c,dlq=a:1",
                                         NULL};
    static const char *const faults[] = {"latency=1ms..2ms", "500=1%", NULL};
    struct queue_list list = {0};
    struct queue_faults out = {0};
    struct problem problem;
    int result;

    problem_init(&problem);
    result = queue_list_read(&list, queues, &problem);
    check_result(result);
    if (result == 0) {
        torture_check(list.count == 4);
        queue_list_deinit(&list);
    }
    check_result(faults_read(&out, faults, &problem));
    problem_deinit(&problem);
}

static void flag_words(void)
{
    static const char *const words[] = {
        "--from",   "q",    "--to",           "https://h", "--header", "A: b", "-q",
        "--header", "C: d", "--batch-age=2s", "--header",  "E: f",     NULL};
    struct run_options options = {0};
    struct flags flags;
    struct problem problem;
    enum flags_outcome outcome;

    problem_init(&problem);
    outcome = flags_parse(&flags, &run_flags, &options, words, &problem);
    torture_check(outcome == FLAGS_DONE || (outcome == FLAGS_PROBLEM && torture_has_failed()));
    if (outcome == FLAGS_DONE)
        torture_check(options.headers[2] && !options.headers[3] && options.output.quiet);
    flags_deinit(&flags);
    problem_deinit(&problem);
}

static void refusals(void)
{
    static const char *const words[] = {"--form", "q", NULL};
    struct run_options options = {0};
    struct flags flags;
    struct problem problem;

    problem_init(&problem);
    torture_check(flags_parse(&flags, &run_flags, &options, words, &problem) == FLAGS_PROBLEM);
    torture_check(problem.status == EXIT_BAD_USAGE || torture_has_failed());
    flags_deinit(&flags);
    problem_deinit(&problem);
}

static void event(void)
{
    static const char body[] =
        "{\"Records\":[{\"messageId\":\"059f36b4-87a3-44ab-83d2-661975830a01\",\"receiptHandle\":"
        "\"A\",\"body\":\"x\",\"attributes\":{\"ApproximateReceiveCount\":\"1\",\"SentTimestamp\":"
        "\"1\",\"SenderId\":\"A\",\"ApproximateFirstReceiveTimestamp\":\"1\"},\"messageAttributes\":"
        "{},\"md5OfBody\":\"9dd4e461268c8034f5c8564e155c67a6\",\"eventSource\":\"aws:sqs\","
        "\"eventSourceARN\":\"arn:aws:sqs:us-east-2:123456789012:q\",\"awsRegion\":\"us-east-2\"}]}";
    struct event read = {0};
    char reason[EVENT_REASON_MAX];
    int result = event_read(&read, slice_of(body), reason);

    check_result(result);
    torture_check(result != 0 || read.count == 1);
    event_deinit(&read);
}

static void write_file(char *path, size_t size, const char *name, const char *text)
{
    FILE *file;

    snprintf(path, size, "%s/%s", folder, name);
    file = fopen(path, "w");
    torture_check(file && fputs(text, file) >= 0 && fclose(file) == 0);
    torture_check(chmod(path, 0600) == 0);
}

static void write_headers(const char *path, unsigned count)
{
    FILE *file;

    torture_pause();
    file = fopen(path, "w");
    torture_check(file);
    for (unsigned i = 0; i < count; i++)
        fprintf(file, "X-%u: value\n", i);
    torture_check(fclose(file) == 0);
    torture_resume();
}

/* What is sent is the file's old headers or its new ones, whole; and the new ones as soon as there is memory. */
static void header_file(void)
{
    const char *const lines[] = {"X-Line: 1", NULL}, *const files[] = {headers_file, NULL};
    struct headers *headers;
    struct problem problem;
    size_t count;
    int result;

    problem_init(&problem);
    write_headers(headers_file, 2);
    result = headers_new(&headers, NULL, lines, files, NULL, &problem);
    check_result(result);
    problem_deinit(&problem);
    if (result)
        return;
    write_headers(headers_file, 40);
    (void)headers_current(headers, (sl_time){INT64_C(2000000000)}, &count);
    torture_check(count == 41 || (count == 3 && torture_has_failed()));
    torture_pause();
    (void)headers_current(headers, (sl_time){INT64_C(4000000000)}, &count);
    torture_check(count == 41);
    torture_resume();
    headers_free(headers);
}

int main(void)
{
    static const struct torture scenarios[] = {
        {"wire", wire},
        {"answers", answers},
        {"records", records},
        {"texts", texts},
        {"signatures", signatures},
        {"ini", ini},
        {"keys as JSON", keys_as_json},
        {"configuration", configuration},
        {"key file", key_file},
        {"header file", header_file},
        {"queues and faults", queue_words},
        {"flags", flag_words},
        {"refused flags", refusals},
        {"event", event},
    };
    int result;

    torture_check(mkdtemp(folder));
    write_file(config_file, sizeof config_file, "config",
               "[profile prod]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:9324/\n");
    write_file(keys_file, sizeof keys_file, "keys", "# two\nk1 s1\nk2 s2\n");
    write_file(headers_file, sizeof headers_file, "headers", "");
    result = torture_run(scenarios, sizeof scenarios / sizeof scenarios[0]);
    unlink(config_file);
    unlink(keys_file);
    unlink(headers_file);
    rmdir(folder);
    return result;
}
