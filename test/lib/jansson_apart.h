/* jansson_apart -- jansson.h beside core/json.h: both have a JSON_NULL. Jansson's types are called JANSSON_… here. */
#ifndef TEST_LIB_JANSSON_APART_H
#define TEST_LIB_JANSSON_APART_H

#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_TRUE   JANSSON_TRUE
#define JSON_FALSE  JANSSON_FALSE
#define JSON_NULL   JANSSON_NULL

#include <jansson.h>

#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

#endif
