/*
 * form -- application/x-www-form-urlencoded: NAME=VALUE&NAME=VALUE, "%41" is a byte, '+' a blank (WHATWG URL, 5.1).
 */
#ifndef CORE_FORM_H
#define CORE_FORM_H

#include <stdbool.h>

#include "core/slice.h"

/* Cuts the next field off the front of *rest; name and value are as they were sent. A field without '=' has an empty value.
 * Empty fields ("&&") are passed over. false: there is none. */
bool form_next(struct slice *rest, struct slice *name, struct slice *value);

/* Whether it stands for something else than itself, and has to be decoded. */
bool form_is_encoded(struct slice text);

/* Decodes into `out`, which has room for text.n bytes (it may be where `text` is); *n gets their number. false: '%' without
 * two hex digits behind it. */
bool form_decode(struct slice text, char *out, size_t *n);

#endif
