/* Keys as a process or an endpoint gives them: a line "process" or "endpoint", then the JSON. What is taken can be signed
 * with: two texts that can stand in headers. */
#include "aws/credentials.h"

#include "test/fuzz/fuzz.h"

static void check_header(const char *text)
{
    for (; *text; text++)
        fuzz_check(*text > ' ' && *text <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    enum credential_json kind =
        slice_is(fuzz_line(&f), "process") ? CREDENTIALS_OF_PROCESS : CREDENTIALS_OF_ENDPOINT;
    struct aws_credentials credentials = {0};

    if (!credentials_read_json(fuzz_rest(&f), kind, (struct credential_time){1767225600000, false},
                               &credentials)) {
        fuzz_check(credentials_check(&credentials) == NULL);
        check_header(credentials.access_key_id);
        check_header(credentials.secret_access_key);
        if (credentials.session_token)
            check_header(credentials.session_token);
        aws_credentials_deinit(&credentials);
    }
    fuzz_end(&f);
    return 0;
}
