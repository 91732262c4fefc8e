/*
 * simulate_series -- how a simulation went, over its time: as many points however long it was, and two ways of drawing them.
 *
 * A point is the stretch of time up to it: the most that waited and the oldest event in it, and the counts at its end.
 */
#ifndef CLI_SIMULATE_SERIES_H
#define CLI_SIMULATE_SERIES_H

#include "cli/simulate_scenario.h"

enum { SERIES_POINTS = 240 };

struct series_point {
    uint64_t backlog;
    int64_t oldest_ms;
    uint64_t sent, committed; /* so far */
};

struct series {
    sl_dur duration;
    struct series_point points[SERIES_POINTS];
    unsigned count; /* of points that have begun */
    unsigned last;  /* the one that the newest sample fell into */
    uint64_t peak;
    sl_time peak_at;
};

void series_init(struct series *series, sl_dur duration);
/* Samples come in the order of their time; what comes after `duration` (the drain) belongs to the last point. */
void series_add(struct series *series, const struct sim_sample *sample);

/* Appends the backlog as a chart of at most 80 columns; `is_utf8`: with blocks, else in ASCII. */
void series_chart(const struct series *series, const struct scenario *scenario, bool is_utf8,
                  struct strbuf *out);
/* Whether this locale shows UTF-8: LC_ALL, LC_CTYPE, LANG. */
bool locale_is_utf8(void);

/* Appends a picture: backlog, age of the oldest event, events a second. */
void series_svg(const struct series *series, const struct scenario *scenario, struct strbuf *out);

/* A round number from `n` up: 1, 2, 3, 4, 5, 6, 8 times a power of ten. 1 for 0. */
double round_up(double n);

#endif
