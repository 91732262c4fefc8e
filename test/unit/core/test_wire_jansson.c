/*
 * From the queue's answer to the service's body, with jansson on both ends: it writes answers (escaped, indented and ordered
 * by chance) of made-up messages, and reads the bodies that come out, which must be the messages that went in. Then the
 * answers are damaged: nothing may be read that is not there, and what is called fit must have its digest.
 *
 * SEED in the environment changes the run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "core/format.h"
#include "core/json.h"
#include "core/sqs_wire.h"
#include "test/lib/jansson_apart.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { ANSWERS = 500, DAMAGED = 20000, MESSAGES_MAX = 10, ATTRIBUTES_MAX = 10, BODY_MAX = 6000 };

/* ---- chance (splitmix64) ---- */

static uint64_t seed = 20260402;

static uint64_t chance(uint64_t below)
{
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* ---- made-up messages ---- */

static void add_code_point(struct strbuf *out, uint32_t code)
{
    char hex[16];

    if (code < 0x10000)
        snprintf(hex, sizeof(hex), "\\u%04x", (unsigned)code);
    else
        snprintf(hex, sizeof(hex), "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)),
                 (unsigned)(0xdc00 + (code & 0x3ff)));
    json_unescape(slice_of(hex), out);
}

static void make_text(struct strbuf *out, size_t length)
{
    static const char special[] = "\"\\/\b\f\n\r\t{}[]:, 0";

    strbuf_reset(out);
    while (out->n < length)
        switch (chance(8)) {
        case 0:
            strbuf_addc(out, special[chance(sizeof(special))]);
            break;
        case 1:
            add_code_point(out, (uint32_t)chance(0x800));
            break;
        case 2:
            add_code_point(out, 0x800 + (uint32_t)chance(0xd000));
            break;
        case 3:
            add_code_point(out, 0x10000 + (uint32_t)chance(0x100000));
            break;
        default:
            for (uint64_t run = chance(40); run > 0; run--)
                strbuf_addc(out, (char)('a' + chance(26)));
        }
    /* never empty, as in SQS */
    strbuf_addc(out, 'x');
}

static void hex_of(EVP_MD_CTX *digest, char out[33])
{
    unsigned char bytes[16];

    EVP_DigestFinal_ex(digest, bytes, NULL);
    for (int i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void add_length(EVP_MD_CTX *digest, size_t n)
{
    const unsigned char length[4] = {0, 0, (unsigned char)(n >> 8), (unsigned char)n};

    EVP_DigestUpdate(digest, length, sizeof(length));
}

static void add_sized(EVP_MD_CTX *digest, const char *p, size_t n)
{
    add_length(digest, n);
    EVP_DigestUpdate(digest, p, n);
}

/* One message attribute: to `in` as SQS says it, to `out` as Lambda does, and to the digest. */
static void make_attribute(json_t *in, json_t *out, const char *name, EVP_MD_CTX *digest)
{
    static const char *const types[] = {"String", "Number", "Number.kg", "String.note"};
    struct strbuf value = {0};
    const char *type = types[chance(COUNT(types))];
    char base64[1200];

    make_text(&value, chance(600));
    add_sized(digest, name, strlen(name));
    if (chance(3)) {
        add_sized(digest, type, strlen(type));
        EVP_DigestUpdate(digest, "\1", 1);
        add_sized(digest, value.p, value.n);
        json_object_set_new(
            in, name, json_pack("{s:s, s:s%}", "DataType", type, "StringValue", value.p, value.n));
        json_object_set_new(out, name,
                            json_pack("{s:s, s:s%, s:[], s:[]}", "dataType", type, "stringValue",
                                      value.p, value.n, "stringListValues", "binaryListValues"));
    } else {
        add_sized(digest, "Binary", 6);
        EVP_DigestUpdate(digest, "\2", 1);
        add_sized(digest, value.p, value.n);
        EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)value.p, (int)value.n);
        json_object_set_new(in, name,
                            json_pack("{s:s, s:s}", "DataType", "Binary", "BinaryValue", base64));
        json_object_set_new(out, name,
                            json_pack("{s:s, s:s, s:[], s:[]}", "dataType", "Binary", "binaryValue",
                                      base64, "stringListValues", "binaryListValues"));
    }
    strbuf_deinit(&value);
}

/* Names in the order of their bytes, as the digest wants them; they are set in the order that jansson's dump keeps. */
static void make_attributes(json_t *in, json_t *out)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    json_t *theirs = json_object(), *ours = json_object();
    uint64_t count = chance(ATTRIBUTES_MAX + 1);
    char hex[33];

    EVP_DigestInit_ex(digest, EVP_md5(), NULL);
    for (uint64_t i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof(name), "%c%.*s-%u", (char)('A' + i), (int)chance(8), "ttribute",
                 (unsigned)chance(1000));
        make_attribute(theirs, ours, name, digest);
    }
    hex_of(digest, hex);
    EVP_MD_CTX_free(digest);
    json_object_set_new(out, "messageAttributes", ours);
    if (count) {
        json_object_set_new(in, "MessageAttributes", theirs);
        json_object_set_new(in, "MD5OfMessageAttributes", json_string(hex));
        json_object_set_new(out, "md5OfMessageAttributes", json_string(hex));
    } else {
        json_decref(theirs);
    }
}

/* Puts the members in another order, by chance: jansson dumps them as they were set. */
static json_t *shuffled(json_t *object)
{
    json_t *mixed = json_object();

    while (json_object_size(object) > 0) {
        uint64_t skip = chance(json_object_size(object));
        void *member = json_object_iter(object);

        while (skip-- > 0)
            member = json_object_iter_next(object, member);
        json_object_set(mixed, json_object_iter_key(member), json_object_iter_value(member));
        json_object_del(object, json_object_iter_key(member));
    }
    json_decref(object);
    return mixed;
}

static const struct record_source source = {.arn = SLICE_INIT("arn:aws:sqs:r:1:q"),
                                            .region = SLICE_INIT("r")};

/* A message as SQS says it, and as Lambda does. */
static void make_message(json_t *messages, json_t *records, struct strbuf *body)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    json_t *in, *out, *system;
    char hex[33], id[32];

    make_text(body, chance(10) ? chance(300) : chance(BODY_MAX));
    EVP_DigestInit_ex(digest, EVP_md5(), NULL);
    EVP_DigestUpdate(digest, body->p, body->n);
    hex_of(digest, hex);
    EVP_MD_CTX_free(digest);
    snprintf(id, sizeof(id), "id-%zu", json_array_size(messages));
    system =
        json_pack("{s:s, s:s}", "SentTimestamp", "1795420083961", "ApproximateReceiveCount", "2");
    in = json_pack("{s:s, s:s, s:s%, s:s, s:O}", "MessageId", id, "ReceiptHandle", "AQ\"\\/\x7f\n",
                   "Body", body->p, body->n, "MD5OfBody", hex, "Attributes", system);
    out = json_pack("{s:s, s:s, s:s%, s:s, s:o, s:s, s:s, s:s}", "messageId", id, "receiptHandle",
                    "AQ\"\\/\x7f\n", "body", body->p, body->n, "md5OfBody", hex, "attributes",
                    system, "eventSource", "aws:sqs", "eventSourceARN", source.arn.p, "awsRegion",
                    source.region.p);
    make_attributes(in, out);
    json_array_append_new(messages, shuffled(in));
    json_array_append_new(records, out);
}

/* The text of an answer with `count` messages; *records is what must come out of it. */
static char *make_answer(size_t count, json_t **records, struct strbuf *bodies)
{
    json_t *messages = json_array();
    json_t *answer;
    size_t flags = JSON_PRESERVE_ORDER;
    char *text;

    *records = json_array();
    for (size_t i = 0; i < count; i++)
        make_message(messages, *records, &bodies[i]);
    answer = json_pack("{s:{s:[]}, s:o}", "Extra", "Messages", "Messages", messages);
    flags |= chance(2) ? JSON_ENSURE_ASCII : 0;
    flags |= chance(2) ? JSON_ESCAPE_SLASH : 0;
    flags |= chance(2) ? JSON_INDENT(3) : chance(2) ? JSON_COMPACT : 0;
    text = json_dumps(answer, flags);
    assert_non_null(text);
    json_decref(answer);
    return text;
}

/* ---- whole answers ---- */

static struct record record_of(const struct sqs_message *m)
{
    return (struct record){
        .message_id = m->message_id,
        .receipt_handle = m->receipt_handle,
        .body = m->body,
        .md5_of_body = m->md5_of_body,
        .md5_of_attributes = m->md5_of_attributes,
        .attributes = m->attributes,
        .message_attributes = m->message_attributes,
    };
}

static void write_batch(struct strbuf *out, const char *name, const struct sqs_message *messages,
                        size_t count)
{
    const struct format *format = format_find(name);

    strbuf_reset(out);
    strbuf_add_slice(out, format->prefix);
    for (size_t i = 0; i < count; i++) {
        struct record record = record_of(&messages[i]);

        assert_int_equal(format->append(out, &record, &source), 0);
        strbuf_add_slice(out, i + 1 < count ? format->separator : format->suffix);
    }
}

static void check_lambda(const struct sqs_message *messages, size_t count, json_t *records)
{
    struct strbuf out = {0};
    json_error_t error;
    json_t *read;

    write_batch(&out, "lambda", messages, count);
    read = json_loadb(out.p, out.n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (!read)
        fail_msg("%s in %s", error.text, out.p);
    if (!json_equal(json_object_get(read, "Records"), records))
        fail_msg("%s is not %s", out.p, json_dumps(records, 0));
    json_decref(read);
    strbuf_deinit(&out);
}

/* Bodies that are no JSON (these are words): as strings in json, byte for byte in raw. */
static void check_bodies(const struct sqs_message *messages, size_t count,
                         const struct strbuf *bodies)
{
    struct strbuf out = {0};
    json_t *read;

    write_batch(&out, "json", messages, count);
    read = json_loadb(out.p, out.n, JSON_ALLOW_NUL, NULL);
    assert_int_equal(json_array_size(read), count);
    for (size_t i = 0; i < count; i++) {
        const json_t *body = json_array_get(read, i);

        assert_int_equal(json_string_length(body), bodies[i].n);
        assert_memory_equal(json_string_value(body), bodies[i].p, bodies[i].n);
        write_batch(&out, "raw", &messages[i], 1);
        assert_true(slice_eq(strbuf_slice(&out), strbuf_slice(&bodies[i])));
    }
    json_decref(read);
    strbuf_deinit(&out);
}

static void what_goes_in_comes_out(void **state)
{
    struct strbuf bodies[MESSAGES_MAX] = {0};

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < ANSWERS; round++) {
        struct sqs_message messages[MESSAGES_MAX];
        size_t asked = 1 + chance(MESSAGES_MAX), count = 0;
        json_t *records;
        char *answer = make_answer(asked, &records, bodies);

        assert_int_equal(sqs_read_receive(slice_of(answer), messages, MESSAGES_MAX, &count), 0);
        assert_int_equal(count, asked);
        for (size_t i = 0; i < count; i++) {
            if (messages[i].unfit)
                fail_msg("%s: %s", messages[i].unfit, answer);
            assert_int_equal(messages[i].receive_count, 2);
        }
        check_lambda(messages, count, records);
        check_bodies(messages, count, bodies);
        json_decref(records);
        free(answer);
    }
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        strbuf_deinit(&bodies[i]);
}

/* ---- damaged answers ---- */

static void damage(char *p, size_t *n)
{
    static const char bytes[] = "\"\\{}[],:0aeu\n\x80\xff";

    for (uint64_t times = 1 + chance(4); times > 0 && *n > 0; times--) {
        size_t at = chance(*n);
        size_t left = *n - at;
        size_t length = 1 + chance(left < 30 ? left : 30);

        switch (chance(4)) {
        case 0:
            memmove(p + at, p + at + length, left - length);
            *n -= length;
            break;
        case 1:
            p[at] ^= (char)(1 << chance(7));
            break;
        case 2:
            memmove(p + chance(*n - length + 1), p + at, length);
            break;
        default:
            p[at] = bytes[chance(sizeof(bytes))];
        }
    }
}

static void assert_inside(struct slice s, struct slice answer)
{
    assert_true(s.n == 0 || slice_is(s, "{}") ||
                (s.p >= answer.p && s.p + s.n <= answer.p + answer.n));
}

static void check_fit(const struct sqs_message *m, struct slice answer)
{
    struct strbuf body = {0};
    unsigned char bytes[16];
    char hex[33];

    assert_inside(m->message_id, answer);
    assert_inside(m->receipt_handle, answer);
    assert_inside(m->body, answer);
    assert_inside(m->attributes, answer);
    assert_inside(m->message_attributes, answer);
    if (m->unfit)
        return;
    assert_true(m->message_id.n > 0 && m->receipt_handle.n > 0);
    json_unescape(m->body, &body);
    EVP_Digest(strbuf_slice(&body).p, body.n, bytes, NULL, EVP_md5(), NULL);
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    assert_true(slice_eq_nocase(m->md5_of_body, slice_of(hex)));
    strbuf_deinit(&body);
}

static void damaged_answers(void **state)
{
    struct strbuf bodies[MESSAGES_MAX] = {0};
    unsigned none = 0, fit = 0, unfit = 0;
    char *answer = NULL;
    json_t *records = NULL;

    (void)state;
    for (int round = 0; round < DAMAGED; round++) {
        struct sqs_message messages[MESSAGES_MAX];
        struct sqs_call_result results[MESSAGES_MAX];
        struct sqs_error error;
        size_t count, n;
        char *copy;

        if (round % 100 == 0) {
            free(answer);
            json_decref(records);
            answer = make_answer(1 + chance(3), &records, bodies);
        }
        n = strlen(answer);
        copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, answer, n);
        damage(copy, &n);
        copy = realloc(copy, n ? n : 1);
        sqs_read_error(400, (struct slice){0}, (struct slice){copy, n}, &error);
        (void)!sqs_read_batch((struct slice){copy, n}, results, MESSAGES_MAX);
        if (sqs_read_receive((struct slice){copy, n}, messages, MESSAGES_MAX, &count)) {
            none++;
        } else {
            for (size_t i = 0; i < count && i < MESSAGES_MAX; i++) {
                check_fit(&messages[i], (struct slice){copy, n});
                *(messages[i].unfit ? &unfit : &fit) += 1;
            }
        }
        free(copy);
    }
    print_message("answers malformed %u; messages fit %u, unfit %u\n", none, fit, unfit);
    assert_true(none > DAMAGED / 20 && fit > DAMAGED / 20 && unfit > DAMAGED / 20);
    free(answer);
    json_decref(records);
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        strbuf_deinit(&bodies[i]);
}

static int read_seed(void **state)
{
    const char *text = getenv("SEED");

    (void)state;
    if (text)
        seed = strtoull(text, NULL, 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(damaged_answers),
    };

    return cmocka_run_group_tests(tests, read_seed, NULL);
}
