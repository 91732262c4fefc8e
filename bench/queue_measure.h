/*
 * queue_measure -- what queue_load measures with: how long calls took, and what two processes have used.
 */
#ifndef BENCH_QUEUE_MEASURE_H
#define BENCH_QUEUE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Every duration, in microseconds: a run has some hundred thousand. */
struct samples {
    uint32_t *us;
    size_t n, room;
};

static inline bool samples_add(struct samples *s, int64_t ns)
{
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 4096;
        uint32_t *us = realloc(s->us, room * sizeof *us);

        if (!us)
            return false;
        s->us = us;
        s->room = room;
    }
    s->us[s->n++] = (uint32_t)(ns / 1000);
    return true;
}

static inline int samples_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static inline void samples_sort(struct samples *s)
{
    qsort(s->us, s->n, sizeof *s->us, samples_compare);
}

/* The least duration that a share of all samples, above 0 and up to 1, does not exceed. Of sorted ones; there is one. */
static inline double samples_ms(const struct samples *s, double share)
{
    size_t below = (size_t)(share * (double)s->n);

    below += (double)below < share * (double)s->n;
    return s->us[below ? below - 1 : 0] / 1e3;
}

/* Zero and -1 are for a process that there is not. */
struct usage {
    double server_cpu, own_cpu; /* seconds */
    long resident_kb, resident_peak_kb, anonymous_kb;
};

/* The text of /proc/PID/NAME, cut at `room`; empty without it. */
static inline void usage_read(long pid, const char *name, char *text, size_t room)
{
    char path[64];
    size_t n = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    file = pid ? fopen(path, "r") : NULL;
    if (file) {
        n = fread(text, 1, room - 1, file);
        fclose(file);
    }
    text[n] = 0;
}

/* The number behind a word of /proc/PID/status. */
static inline long usage_kb(const char *text, const char *word)
{
    const char *at = strstr(text, word);

    return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

static inline struct usage usage_look(long pid)
{
    struct usage u = {0};
    unsigned long user = 0, system = 0;
    struct rusage own;
    char text[8192];
    const char *at;

    getrusage(RUSAGE_SELF, &own);
    u.own_cpu = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
                (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
    usage_read(pid, "stat", text, sizeof text);
    at = strrchr(text, ')'); /* the name in front of it may hold anything */
    if (at &&
        sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
        u.server_cpu = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    usage_read(pid, "status", text, sizeof text);
    u.resident_kb = usage_kb(text, "VmRSS:");
    u.resident_peak_kb = usage_kb(text, "VmHWM:");
    u.anonymous_kb = usage_kb(text, "RssAnon:");
    return u;
}

#endif
