/* AWS's shared files: a line "config" or "credentials", then the file. Every entry has a section, and can be found again. */
#include "aws/ini.h"

#include "test/fuzz/fuzz.h"

static void check(const struct aws_ini *ini)
{
    for (size_t i = 0; i < ini->count; i++) {
        const struct aws_ini_entry *e = &ini->entries[i];
        char type[64];
        const char *blank = strchr(e->section, ' ');

        fuzz_check(e->section);
        if (!blank || blank - e->section >= (long)sizeof type)
            continue;
        snprintf(type, sizeof type, "%.*s", (int)(blank - e->section), e->section);
        fuzz_check(aws_ini_has(ini, type, blank + 1));
        if (e->key && e->value && e->value[0])
            fuzz_check(aws_ini_get(ini, type, blank + 1, e->key));
    }
    (void)aws_ini_get(ini, "profile", "default", "aws_access_key_id");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    enum aws_ini_kind kind =
        slice_is(fuzz_line(&f), "config") ? AWS_INI_CONFIG : AWS_INI_CREDENTIALS;
    struct aws_ini ini = {0};
    int result = aws_ini_parse(&ini, kind, fuzz_rest(&f));

    fuzz_check(result == AWS_INI_OK || result == AWS_INI_MALFORMED || result == AWS_INI_TOO_LARGE);
    if (result == AWS_INI_OK)
        check(&ini);
    else if (result == AWS_INI_MALFORMED)
        fuzz_check(ini.line > 0);
    aws_ini_deinit(&ini);
    fuzz_end(&f);
    return 0;
}
