/*
 * digest -- SHA-256 of a few stretches of bytes in a row. Over OpenSSL, whose algorithm is fetched once; no allocation per
 * digest. One thread.
 */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"

enum { SHA256_SIZE = 32 };

void sha256(const struct slice *parts, size_t count, uint8_t out[SHA256_SIZE]);

#endif
