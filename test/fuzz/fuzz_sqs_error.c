/*
 * Error answers of SQS: a line with the status, one with x-amzn-query-error, then the body, in JSON, XML or neither. Whatever
 * comes has a class, and what is shown of it is printable.
 */
#include "core/sqs_wire.h"

#include "test/fuzz/fuzz.h"

static void check_printable(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);

    fuzz_check(end);
    for (; text < end; text++)
        fuzz_check(*text >= 0x20 && *text < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    int status = atoi(fuzz_word(&f));
    struct slice query_error = fuzz_line(&f);
    struct sqs_error error;

    memset(&error, 0x5a, sizeof error);
    sqs_read_error(status, query_error, fuzz_rest(&f), &error);
    fuzz_check(error.class > SQS_ERROR_NONE && error.class <= SQS_ERROR_REQUEST);
    check_printable(error.code, sizeof error.code);
    check_printable(error.message, sizeof error.message);
    fuzz_check(sqs_error_class_of(slice_of(error.code)) <= SQS_ERROR_REQUEST);
    fuzz_end(&f);
    return 0;
}
