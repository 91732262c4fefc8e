#include "toxics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    const char *numbers[2];
} table[TOXIC_KINDS] = {
    [LATENCY] = {"latency", {"ms"}},          [JITTER] = {"jitter", {"ms"}},
    [BANDWIDTH] = {"bandwidth", {"bytes_s"}}, [SLOW_CLOSE] = {"slow_close", {"ms"}},
    [SLICER] = {"slicer", {"bytes", "us"}},   [TIMEOUT] = {"timeout", {"bytes"}},
    [RESET] = {"reset", {"bytes"}},           [LIMIT] = {"limit", {"bytes"}},
    [GARBAGE] = {"garbage", {"bytes"}},       [DOWN] = {"down", {NULL}},
};

void toxics_init(struct toxics *toxics, uint64_t seed, FILE *log)
{
    *toxics = (struct toxics){.random = seed, .log = log};
}

/* splitmix64. What it draws is small beside 2^64, so the modulus favours nothing that matters. */
uint64_t toxics_random(struct toxics *toxics, uint64_t most)
{
    uint64_t z = toxics->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return most == UINT64_MAX ? z : z % (most + 1);
}

const struct toxic *toxics_active(const struct toxics *toxics, enum toxic_kind kind,
                                  enum direction direction)
{
    const struct toxic *toxic = &toxics->of[kind][direction];

    return toxic->is_on ? toxic : NULL;
}

static enum toxic_kind kind_of(const char *name)
{
    int kind = 0;

    while (kind < TOXIC_KINDS && strcmp(name, table[kind].name) != 0)
        kind++;
    return (enum toxic_kind)kind;
}

/* Up to 10^12: sums of them stay far from the end of 64 bits. */
static bool read_number(const char *text, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *number > 0 &&
           *number <= 1000000000000;
}

static bool read_setting(enum toxic_kind kind, char *word, uint64_t numbers[2])
{
    char *equals = strchr(word, '=');

    if (!equals)
        return false;
    *equals = '\0';
    for (int i = 0; i < 2; i++)
        if (table[kind].numbers[i] && strcmp(word, table[kind].numbers[i]) == 0)
            return read_number(equals + 1, &numbers[i]);
    return false;
}

static const char *switch_on(struct toxics *toxics, enum toxic_kind kind, char **rest)
{
    bool wanted[2] = {true, true};
    uint64_t numbers[2] = {0, 0};
    char *word;

    while ((word = strtok_r(NULL, " ", rest))) {
        if (strcmp(word, "up") == 0)
            wanted[TO_CLIENT] = false;
        else if (strcmp(word, "down") == 0)
            wanted[TO_SERVER] = false;
        else if (!read_setting(kind, word, numbers))
            return "not one of its settings, or not a number from 1";
    }
    for (int i = 0; i < 2; i++)
        if (table[kind].numbers[i] && numbers[i] == 0)
            return "a setting is missing";
    for (int i = 0; i < 2; i++)
        if (wanted[i])
            toxics->of[kind][i] =
                (struct toxic){true, {numbers[0], numbers[1]}, toxics->of[kind][i].generation + 1};
    return NULL;
}

static void switch_off(struct toxics *toxics)
{
    for (int kind = 0; kind < TOXIC_KINDS; kind++)
        for (int i = 0; i < 2; i++)
            toxics->of[kind][i].is_on = false;
}

const char *toxics_command(struct toxics *toxics, char *line)
{
    char *rest;
    char *verb = strtok_r(line, " ", &rest);
    char *name = strtok_r(NULL, " ", &rest);

    if (verb && strcmp(verb, "off") == 0 && !name) {
        switch_off(toxics);
        return NULL;
    }
    if (!verb || strcmp(verb, "on") != 0 || !name)
        return "on KIND [up|down] [NAME=NUMBER...], or off";
    return kind_of(name) == NO_TOXIC ? "no such toxic" : switch_on(toxics, kind_of(name), &rest);
}

void toxics_injected(struct toxics *toxics, enum toxic_kind kind, unsigned conn,
                     enum direction direction, const char *format, ...)
{
    struct timespec now;
    va_list members;

    toxics->injections++;
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(toxics->log, "{\"t\":%lld.%06ld,\"conn\":%u,\"dir\":\"%s\",\"toxic\":\"%s\"",
            (long long)now.tv_sec, now.tv_nsec / 1000, conn, direction == TO_SERVER ? "up" : "down",
            table[kind].name);
    va_start(members, format);
    vfprintf(toxics->log, format, members);
    va_end(members);
    fputs("}\n", toxics->log);
}
