/*
 * toxics -- what a proxy can do to bytes on their way: which of it is switched on, and with what
 * numbers; nothing about sockets.
 *
 * One of each kind and direction at most, switched by lines of text:
 *
 *     on KIND [up|down] [NAME=NUMBER...]      up: to the server; without a direction: both
 *     off                                     all of them
 *
 *     latency ms=        every byte comes so much later
 *     jitter ms=         the same, by 0 to ms, drawn for each read
 *     bandwidth bytes_s= of each connection
 *     slow_close ms=     the end of a connection comes so much later
 *     slicer bytes= us=  pieces of 1 to `bytes`, 0 to `us` apart
 *     timeout bytes=     after 1 to `bytes` a connection says nothing any more, and stays
 *     reset bytes=       after 1 to `bytes` both ends get a RST
 *     limit bytes=       after 1 to `bytes` both ends get a FIN
 *     garbage bytes=     after 1 to 2 * `bytes`, again and again, a byte is changed, or some put in
 *     down               connections are reset, and new ones refused
 *
 * The five of the first group lose nothing; the others are faults.
 */
#ifndef TOXICS_H
#define TOXICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum toxic_kind {
    LATENCY,
    JITTER,
    BANDWIDTH,
    SLOW_CLOSE,
    SLICER,
    TIMEOUT,
    RESET,
    LIMIT,
    GARBAGE,
    DOWN,
    TOXIC_KINDS,
    NO_TOXIC = TOXIC_KINDS
};

enum direction { TO_SERVER, TO_CLIENT };

/* A kind in one direction. */
struct toxic {
    bool is_on;
    uint64_t numbers[2]; /* in the order of the table above */
    unsigned generation; /* differs each time that it is switched on */
};

struct toxics {
    struct toxic of[TOXIC_KINDS][2];
    uint64_t injections; /* since the beginning */
    uint64_t random;
    FILE *log;
};

/* `log` stays the caller's. */
void toxics_init(struct toxics *toxics, uint64_t seed, FILE *log);

/* Does what the line says; `line` is taken apart. NULL, or what is wrong with it. */
const char *toxics_command(struct toxics *toxics, char *line);

/* The toxic, if it is switched on in this direction; else NULL. */
const struct toxic *toxics_active(const struct toxics *toxics, enum toxic_kind kind,
                                  enum direction direction);

/* 0 to `most`, both included. */
uint64_t toxics_random(struct toxics *toxics, uint64_t most);

/* Counts one injection and logs it; `format` makes more members of the line's JSON object. */
void __attribute__((format(printf, 5, 6)))
toxics_injected(struct toxics *toxics, enum toxic_kind kind, unsigned conn,
                enum direction direction, const char *format, ...);

#endif
