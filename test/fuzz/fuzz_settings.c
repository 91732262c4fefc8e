/*
 * The attributes of a queue: a first line, "fifo" or not, then lines NAME=VALUE that are set one after the other, and
 * +LABEL=ACCOUNT,ACTION or -LABEL for permissions. What was set survives a copy and being kept as text; a refusal changes
 * nothing.
 */
#include "core/json.h"
#include "queue/settings.h"

#include "test/fuzz/fuzz.h"

static struct strbuf text_of(const struct settings *settings)
{
    struct strbuf out = {0};

    fuzz_check(strbuf_reserve(&out, 2048) && settings_write(settings, &out));
    return out;
}

static void check_text(const struct settings *settings, struct slice text)
{
    struct strbuf now = text_of(settings);

    fuzz_check(slice_eq(strbuf_slice(&now), text));
    strbuf_deinit(&now);
}

/* `before`: the settings as text, which this keeps up to date. */
static void change(struct settings *settings, struct strbuf *before, struct fuzz *f,
                   struct slice line)
{
    const struct queue_limits limits = queue_limits_strict();
    struct fuzz parts = {.rest = line};
    struct slice name = fuzz_cut(&parts, '='), value = fuzz_copy(f, parts.rest, false);
    struct queue_refusal refusal = {0};
    enum queue_error error;

    if (name.n > 0 && name.p[0] == '+') {
        struct slice account = fuzz_cut(&parts, ',');

        error = settings_permission_add(settings, SLICE("arn:aws:sqs:us-east-1:000000000000:q"),
                                        (struct slice){name.p + 1, name.n - 1}, &account, 1,
                                        &parts.rest, 1, &refusal);
    } else if (name.n > 0 && name.p[0] == '-') {
        error =
            settings_permission_remove(settings, (struct slice){name.p + 1, name.n - 1}, &refusal);
    } else {
        error = settings_set(settings, &limits, name, value, value.n % 2, &refusal);
    }
    if (error != QUEUE_OK) {
        fuzz_check(refusal.error == error && memchr(refusal.text, '\0', sizeof refusal.text));
        fuzz_check(utf8_is_valid(slice_of(refusal.text)));
        check_text(settings, strbuf_slice(before));
    } else {
        strbuf_deinit(before);
        *before = text_of(settings);
    }
}

static bool visit(void *arg, const char *name, struct slice value)
{
    (void)arg;
    fuzz_check(settings_name_is_known(slice_of(name)) && utf8_is_valid(value));
    return true;
}

static void check_kept(const struct settings *settings)
{
    struct strbuf text = text_of(settings);
    struct settings again, copy;

    fuzz_check(settings_read(&again, strbuf_slice(&text)) == 0);
    fuzz_check(settings_copy(&copy, &again));
    settings_deinit(&again);
    check_text(&copy, strbuf_slice(&text));
    fuzz_check(settings_differ(settings, &copy, NULL, 0) == NULL);
    settings_deinit(&copy);
    strbuf_deinit(&text);
}

/* What the input describes; false if it describes nothing. */
static bool describe(struct fuzz *f, struct settings *settings)
{
    struct slice first = fuzz_line(f);
    struct strbuf text;

    if (slice_is(first, "kept")) /* the text that a store has */
        return settings_read(settings, fuzz_rest(f)) == 0;
    settings_init(settings, slice_is(first, "fifo"));
    text = text_of(settings);
    while (f->rest.n > 0)
        change(settings, &text, f, fuzz_cut(f, '\n'));
    strbuf_deinit(&text);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    struct queue_refusal refusal;
    struct settings settings;

    /* What is read of a request is UTF-8. */
    if (utf8_is_valid((struct slice){(const char *)data, size}) && describe(&f, &settings)) {
        (void)settings_check(&settings, &refusal);
        settings_visit(&settings, visit, NULL);
        (void)settings_allow_redrive(&settings, SLICE("arn:aws:sqs:us-east-1:000000000000:q"));
        check_kept(&settings);
        settings_deinit(&settings);
    }
    fuzz_end(&f);
    return 0;
}
