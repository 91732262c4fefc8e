/* Signatures: who may speak to a queue that was given keys, and in which words others are refused. */
#include "test/unit/queue/service_world.h"

static const struct queue_key keys[] = {{"AKID", "secret"}, {"AKIE", "other"}};

#define SIGNED(name) SCENE(name, .config = {.keys = keys, .key_count = 2})

/* What a signed request has. */
struct signing {
    const char *access, *secret, *region, *service;
    int64_t skew_s;
    const char *body; /* that is signed */
};

static const struct signing RIGHT = {"AKID", "secret", "us-east-1", "sqs", 0, "{}"};

struct signature {
    struct sigv4_header headers[3];
    char date[SIGV4_DATE_SIZE], authorization[512];
};

static void sign(struct world *w, const struct signing *signing, struct signature *out)
{
    static const char target[] = "AmazonSQS.ListQueues";
    struct sigv4_signer *signer = sigv4_signer_new();
    const struct sigv4_header list[] = {{SLICE("Host"), slice_of(w->host)},
                                        {SLICE("X-Amz-Target"), slice_of(target)}};
    struct sigv4_signature signature;

    expect(signer);
    expect(sigv4_sign(signer,
                      &(struct sigv4_request){.method = slice_of(w->method),
                                              .path = SLICE("/"),
                                              .headers = list,
                                              .header_count = 2,
                                              .body = slice_of(signing->body)},
                      &(struct sigv4_identity){
                          slice_of(signing->access), slice_of(signing->secret), {NULL, 0}},
                      &(struct sigv4_scope){slice_of(signing->region), slice_of(signing->service)},
                      sl_wall_ms() / 1000 + signing->skew_s, &signature) == 0);
    snprintf(out->date, sizeof out->date, "%s", signature.date);
    snprintf(out->authorization, sizeof out->authorization, SLICE_FMT,
             SLICE_ARG(signature.authorization));
    sigv4_signer_free(signer);
    out->headers[0] = (struct sigv4_header){SLICE("X-Amz-Date"), slice_of(out->date)};
    out->headers[1] = (struct sigv4_header){SLICE("Authorization"), slice_of(out->authorization)};
    w->extra = out->headers;
    w->extra_count = 2;
}

static void signed_says(struct world *w, const struct signing *signing, const char *answer)
{
    struct signature signature;

    sign(w, signing, &signature);
    says(w, "ListQueues", "{}", answer);
    w->extra_count = 0;
}

struct row {
    struct signing signing;
    const char *answer;
};

static void signed_say(struct world *w, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        signed_says(w, &rows[i].signing, rows[i].answer);
}

#define MISMATCH "403 *#InvalidSignatureException*"

SIGNED(the_signed_may_speak)
{
    static const struct row rows[] = {
        {{"AKID", "secret", "us-east-1", "sqs", 0, "{}"}, "200 {'QueueUrls':*"},
        {{"AKIE", "other", "us-east-1", "sqs", 0, "{}"}, "200 *"},
        {{"AKID", "secret", "us-east-1", "sqs", 899, "{}"}, "200 *"},
        {{"AKID", "secret", "us-east-1", "sqs", -899, "{}"}, "200 *"},
    };

    signed_say(w, rows, COUNT(rows));
}

SIGNED(others_may_not)
{
    static const struct row rows[] = {
        {{"AKIF", "secret", "us-east-1", "sqs", 0, "{}"},
         "403 *#UnrecognizedClientException*The security token included in the request is "
         "invalid.'}"},
        {{"AKID", "wrong", "us-east-1", "sqs", 0, "{}"}, MISMATCH},
        {{"AKIE", "secret", "us-east-1", "sqs", 0, "{}"}, MISMATCH},
        {{"AKID", "secret", "us-east-1", "sqs", 0, "{ }"}, MISMATCH},
        {{"AKID", "secret", "eu-central-1", "sqs", 0, "{}"}, MISMATCH},
        {{"AKID", "secret", "us-east-1", "sns", 0, "{}"}, MISMATCH},
        {{"AKID", "secret", "us-east-1", "sqs", 901, "{}"},
         "400 *#RequestExpired*Request has expired. The date of the request is more than 15 "
         "minutes from that of the service.'}"},
        {{"AKID", "secret", "us-east-1", "sqs", -901, "{}"}, "400 *#RequestExpired*"},
    };

    signed_say(w, rows, COUNT(rows));
}

/* The signature first, as AWS does: what is asked for does not matter. */
SIGNED(the_unsigned_may_not)
{
    says(w, "ListQueues", "{}",
         "403 *#MissingAuthenticationTokenException*Request is missing Authentication Token'}");
    says(w, "Nonsense", "{", "403 *#MissingAuthenticationTokenException*");
    says(w, "Sluice.DescribeQueues", "{}", "403 *#MissingAuthenticationTokenException*");
    says(w, "?/?", "Action=ListQueues", "403 *<Code>MissingAuthenticationToken</Code>*");
}

static void malformed_says(struct world *w, const struct sigv4_header *headers, size_t count,
                           const char *answer)
{
    w->extra = headers;
    w->extra_count = count;
    says(w, "ListQueues", "{}", answer);
    w->extra_count = 0;
}

SIGNED(half_a_signature_is_none)
{
    struct sigv4_header many[SIGV4_HEADERS_MAX];
    struct signature signature;

    sign(w, &RIGHT, &signature);
    malformed_says(w, &signature.headers[1], 1, "400 *#IncompleteSignatureException*");
    signature.headers[0].value = SLICE("yesterday");
    malformed_says(w, signature.headers, 2, "400 *#IncompleteSignatureException*");
    signature.headers[1].value.n -= 3;
    malformed_says(w, signature.headers, 2, "400 *#IncompleteSignatureException*");
    signature.headers[1].value.n += 3;
    signature.headers[2] = (struct sigv4_header){SLICE("X-Amz-Meta"), SLICE("unsigned")};
    snprintf(signature.date, sizeof signature.date, "%s", "20260101T000000Z");
    signature.headers[0].value = slice_of(signature.date);
    malformed_says(w, signature.headers, 3, "400 *#IncompleteSignatureException*");
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct sigv4_header){SLICE("A"), SLICE("b")};
    malformed_says(w, many, COUNT(many) - 2, "403 *#MissingAuthenticationTokenException*");
    malformed_says(w, many, COUNT(many) - 1, "400 *#IncompleteSignatureException*");
}

/* Without keys nobody is asked. */
SCENE(any_signature_does)
{
    says(w, "ListQueues", "{}", "200 *");
    signed_says(w, &(struct signing){"AKID", "wrong", "us-east-1", "sqs", 0, "{}"}, "200 *");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signed_may_speak), cmocka_unit_test(others_may_not),
        cmocka_unit_test(the_unsigned_may_not), cmocka_unit_test(half_a_signature_is_none),
        cmocka_unit_test(any_signature_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
