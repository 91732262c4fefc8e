#include "core/json_out.h"

#include "core/json.h"

void json_out_text(struct strbuf *out, const char *name, const char *text)
{
    strbuf_addf(out, ",\"%s\":", name);
    if (!text || !utf8_is_valid(slice_of(text))) {
        strbuf_adds(out, "null");
        return;
    }
    strbuf_addc(out, '"');
    (void)json_escape(slice_of(text), out);
    strbuf_addc(out, '"');
}
