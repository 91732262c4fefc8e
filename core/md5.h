/*
 * md5 -- the digests by which SQS lets its clients check what they received. Over OpenSSL, whose algorithm is fetched once;
 * no allocation per digest. One thread.
 */
#ifndef CORE_MD5_H
#define CORE_MD5_H

#include <stdbool.h>

#include "core/slice.h"

enum { MD5_HEX_SIZE = 33 };

/* Of plain bytes: lower-case hex and a NUL. */
void md5_hex(struct slice bytes, char out[MD5_HEX_SIZE]);

/* Of the text that an escaped JSON string stands for: SQS's MD5OfBody. */
void md5_hex_unescaped(struct slice escaped, char out[MD5_HEX_SIZE]);

/*
 * SQS's MD5OfMessageAttributes of a JSON object {"name":{"DataType":…,"StringValue":…|"BinaryValue":…}, …}: over all of
 * them in the order of their names, each name, type and value with its length before it, and Binary as raw bytes (SQS
 * developer guide, "Calculating the MD5 message digest for message attributes").
 * false: they can't be read: not such an object, more than 32 of them, a value that is missing or no base64.
 */
bool md5_hex_attributes(struct slice attributes, char out[MD5_HEX_SIZE]);

#endif
