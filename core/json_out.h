/* json_out -- members of a JSON object. */
#ifndef CORE_JSON_OUT_H
#define CORE_JSON_OUT_H

#include "core/strbuf.h"

/* Appends ,"name":"text", with the text escaped; ,"name":null for NULL, or for what is not UTF-8. */
void json_out_text(struct strbuf *out, const char *name, const char *text);

#endif
