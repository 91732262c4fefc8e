/*
 * fuzz -- what the fuzz targets share.
 *
 * A target is test/fuzz/fuzz_NAME.c with LLVMFuzzerTestOneInput, which takes an input and aborts if something that must hold
 * does not. libFuzzer calls it with bytes that it makes up (./dev fuzz); replay.c with the files in test/fuzz/corpus/NAME, in
 * every build: what was ever found stays there.
 *
 * Inputs are texts where they can be, cut into lines, so that a person can write and read them.
 */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/slice.h"
#include "sluice/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts with what does not hold: libFuzzer keeps the input then. */
#define fuzz_check(x)                                                                              \
    ((x) ? (void)0                                                                                 \
         : (fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x), abort()))

/* Storage of an input, cut off: what reads behind a piece meets the sanitizer, not the next piece. */
enum { FUZZ_PIECES = 64 };

struct fuzz {
    struct slice rest;
    char *pieces[FUZZ_PIECES]; /* copies, freed by fuzz_end */
    size_t piece_count;
};

SL_UNUSED static struct fuzz fuzz_begin(const uint8_t *data, size_t size)
{
    return (struct fuzz){.rest = {(const char *)data, size}};
}

SL_UNUSED static void fuzz_end(struct fuzz *f)
{
    while (f->piece_count > 0)
        free(f->pieces[--f->piece_count]);
}

/* A copy in a block of exactly its size, and a NUL behind it if asked for. Once all places are taken, empty. */
SL_UNUSED static struct slice fuzz_copy(struct fuzz *f, struct slice piece, bool has_nul)
{
    char *copy;

    if (f->piece_count == FUZZ_PIECES)
        return SLICE("");
    copy = malloc(piece.n + (has_nul || piece.n == 0));
    fuzz_check(copy);
    if (piece.n > 0)
        memcpy(copy, piece.p, piece.n);
    if (has_nul)
        copy[piece.n] = '\0';
    f->pieces[f->piece_count++] = copy;
    return (struct slice){copy, piece.n};
}

/* Up to the next `end`, which is dropped; or all that is left. */
SL_UNUSED static struct slice fuzz_cut(struct fuzz *f, char end)
{
    struct slice all = f->rest;
    const char *at = all.n ? memchr(all.p, end, all.n) : NULL;
    size_t n = at ? (size_t)(at - all.p) : all.n;

    f->rest.p += at ? n + 1 : n;
    f->rest.n -= at ? n + 1 : n;
    return (struct slice){all.p, n};
}

/* The next line, in a block of its own. */
SL_UNUSED static struct slice fuzz_line(struct fuzz *f)
{
    return fuzz_copy(f, fuzz_cut(f, '\n'), false);
}

/* The same as a C string; a NUL in it ends it. */
SL_UNUSED static const char *fuzz_word(struct fuzz *f)
{
    return fuzz_copy(f, fuzz_cut(f, '\n'), true).p;
}

/* All that is left. */
SL_UNUSED static struct slice fuzz_rest(struct fuzz *f)
{
    struct slice rest = f->rest;

    f->rest.n = 0;
    return fuzz_copy(f, rest, false);
}

/* The next byte, 0 at the end. */
SL_UNUSED static unsigned char fuzz_byte(struct fuzz *f)
{
    unsigned char byte = f->rest.n ? (unsigned char)*f->rest.p : 0;

    f->rest.p += f->rest.n > 0;
    f->rest.n -= f->rest.n > 0;
    return byte;
}

/* Whether `inner` lies within `outer`, as what a reader in place gives must; {NULL, 0} and static empties do as well. */
SL_UNUSED static bool fuzz_within(struct slice inner, struct slice outer)
{
    return inner.n == 0 || (inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n);
}

#endif
