/*
 * text -- looking at what goes over a wire, which a world does for every request: so it is quick.
 */
#ifndef SIM_WORLD_TEXT_H
#define SIM_WORLD_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/md5.h"
#include "core/slice.h"

/* Of any bytes, and of the number that comes with them; never 0. */
uint64_t sim_text_hash(struct slice text, uint64_t with);

/* Digests of 128 bits for md5_replace: what the bytes are decides, not the pieces that they come in. */
extern const struct md5_other sim_text_digest;

/*
 * Where `key` stands in `text`, from `from` on; NULL: nowhere. `rare` is a character of the key that the text seldom has: all
 * others of it are looked at only where that one is.
 */
const char *sim_text_find(struct slice text, size_t from, struct slice key, char rare);

/* The digits at the beginning of `text`, as a number; 0 without any. */
uint64_t sim_text_number(struct slice text);

#endif
