/*
 * api_read -- what the two readers share: storage, and how a required member that is missing is told. Part of api.h's
 * implementation; nobody else includes it.
 */
#ifndef QUEUE_API_READ_H
#define QUEUE_API_READ_H

#include "queue/api.h"

/* `n` bytes that live until the request is read again, aligned for anything. NULL: no memory. */
void *api_take(struct api_arena *arena, size_t n);

/* Room for one more behind `count` items of `size` bytes, zeroed; *items moves when it has to. NULL: no memory. */
void *api_grow(struct api_arena *arena, void **items, size_t count, size_t size);

/* Appends to the lists of a request. What they return is zero (an entry's numbers: absent). NULL: no memory. */
struct slice *api_add_string(struct api_arena *arena, struct api_strings *to);
struct api_pair *api_add_pair(struct api_arena *arena, struct api_map *to);
struct api_attribute *api_add_attribute(struct api_arena *arena, struct api_attributes *to);
struct api_entry *api_add_entry(struct api_request *request);

/* Decodes a blob into the arena. QUEUE_OK, or it is no base64, or there is no memory. */
enum queue_error api_decode_blob(struct api_arena *arena, struct slice text, struct slice *out,
                                 struct queue_refusal *refusal);

/* Bit i of `given`: the i-th of `members` is there. `list` and `number`, of an entry: the list's name in the Query protocol,
 * and its place from 1; else NULL. */
enum queue_error api_check_required(const struct model_member *members, uint32_t given,
                                    const char *list, size_t number, struct queue_refusal *refusal);

enum queue_error api_refuse_list(const char *name, struct queue_refusal *refusal);

/* The two readers: `request->operation` and all members, from a body of JSON; from form fields. */
enum queue_error api_read_json(struct api_request *request, const struct api_http *http,
                               struct queue_refusal *refusal);
enum queue_error api_read_query(struct api_request *request, const struct api_http *http,
                                struct queue_refusal *refusal);

#endif
