/*
 * The small codecs, by a first line: base64, form, text (an event made of a text, in every format), attributes (their
 * digest). What was decoded encodes to something that decodes to the same.
 */
#include <errno.h>

#include "core/base64.h"
#include "core/form.h"
#include "core/format.h"
#include "core/json.h"
#include "core/md5.h"

#include "test/fuzz/fuzz.h"

static void check_base64(struct fuzz *f, struct slice text)
{
    struct slice room = fuzz_copy(f, (struct slice){text.p, base64_decoded_max(text.n)}, false);
    struct strbuf again = {0};
    size_t n = 0, n_again = 0;

    if (base64_decode(text, (char *)(uintptr_t)room.p, &n)) {
        fuzz_check(n <= room.n);
        base64_encode((struct slice){room.p, n}, &again);
        fuzz_check(again.n == text.n);
        fuzz_check(base64_decode(strbuf_slice(&again), again.p, &n_again));
        fuzz_check(n == n_again && (n == 0 || memcmp(again.p, room.p, n) == 0));
    }
    strbuf_deinit(&again);
}

static void check_form(struct fuzz *f, struct slice text)
{
    struct slice rest = text, name, value;
    size_t fields = 0, n;

    while (form_next(&rest, &name, &value)) {
        struct slice room = fuzz_copy(f, value, false);

        fuzz_check(++fields <= text.n && fuzz_within(name, text) && fuzz_within(value, text));
        if (form_decode(room, (char *)(uintptr_t)room.p, &n))
            fuzz_check(n <= value.n && (form_is_encoded(value) || n == value.n));
        if (fields == FUZZ_PIECES - 4)
            break;
    }
}

static void check_formats(struct slice text)
{
    const struct record_source source = {SLICE("arn:aws:sqs:eu-central-1:1:q"),
                                         SLICE("eu-central-1")};
    struct strbuf storage = {0}, body = {0};
    struct record record;
    int result = record_from_text(&record, &storage, "42d59b56", text, 1767225600000);

    fuzz_check(result == (utf8_is_valid(text) ? 0 : -EILSEQ));
    for (size_t i = 0; result == 0 && format_at(i); i++) {
        const struct format *format = format_at(i);

        strbuf_reset(&body);
        strbuf_add_slice(&body, format->prefix);
        fuzz_check(format->append(&body, &record, &source) == 0);
        strbuf_add_slice(&body, format->suffix);
        if (strcmp(format->name, "raw") == 0)
            fuzz_check(slice_eq(strbuf_slice(&body), text));
        else
            fuzz_check(json_is_valid(strbuf_slice(&body)));
    }
    strbuf_deinit(&storage);
    strbuf_deinit(&body);
}

static void check_digests(struct slice text)
{
    char hex[MD5_HEX_SIZE], other[MD5_HEX_SIZE];
    struct strbuf escaped = {0};

    (void)md5_hex_attributes(text, hex);
    if (json_escape(text, &escaped)) {
        md5_hex(text, hex);
        md5_hex_unescaped(strbuf_slice(&escaped), other);
        fuzz_check(strcmp(hex, other) == 0);
    }
    strbuf_deinit(&escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    struct slice kind = fuzz_line(&f), text = fuzz_rest(&f);

    if (slice_is(kind, "base64"))
        check_base64(&f, text);
    else if (slice_is(kind, "form"))
        check_form(&f, text);
    else if (slice_is(kind, "text"))
        check_formats(text);
    else if (slice_is(kind, "attributes"))
        check_digests(text);
    fuzz_end(&f);
    return 0;
}
