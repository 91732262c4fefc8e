#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue/table.h"

enum { KEYS = 5000, STEPS = 400000 };

struct thing {
    uint64_t key;
    bool is_in;
};

static struct thing things[KEYS];

static bool thing_is(const void *item, const void *key)
{
    return ((const struct thing *)item)->key == *(const uint64_t *)key;
}

/* Few different hashes, so that runs are long. */
static uint64_t hash_of(uint64_t key)
{
    return table_hash_number(key) % 3000;
}

static uint64_t next_random(uint64_t *state)
{
    return table_hash_number(*state += 0x9e3779b97f4a7c15);
}

static void check_all(const struct table *table)
{
    size_t n = 0, at = 0;

    for (uint64_t key = 0; key < KEYS; key++) {
        const void *found = table_find(table, hash_of(key), thing_is, &key);

        assert_ptr_equal(found, things[key].is_in ? &things[key] : NULL);
        n += things[key].is_in;
    }
    assert_int_equal(n, table->count);
    while (table_next(table, &at))
        n--;
    assert_int_equal(n, 0);
}

/* Whatever is added and removed while it grows: what is in it is found, and nothing else. */
static void finds_what_is_in_it(void **state)
{
    const char *given = getenv("SLUICE_SEED");
    uint64_t random = given ? strtoull(given, NULL, 10) : 20261126;
    struct table table = {.count = 0};

    (void)state;
    print_message("SLUICE_SEED=%llu\n", (unsigned long long)random);
    for (uint64_t key = 0; key < KEYS; key++)
        things[key] = (struct thing){key, false};
    for (size_t i = 0; i < STEPS; i++) {
        struct thing *thing = &things[next_random(&random) % KEYS];

        /* It fills up and empties in turn. */
        if (!thing->is_in && (i / 50000 % 2 == 0 || next_random(&random) % 4 == 0)) {
            assert_true(table_add(&table, hash_of(thing->key), thing));
            thing->is_in = true;
        } else if (thing->is_in && (i / 50000 % 2 == 1 || next_random(&random) % 4 == 0)) {
            table_remove(&table, hash_of(thing->key), thing);
            thing->is_in = false;
        }
        if (i % 9973 == 0)
            check_all(&table);
    }
    check_all(&table);
    table_deinit(&table);
}

/* Also while it has things in two arrays, and gaps in both. */
static void looks_at_every_thing_once(void **state)
{
    enum { MANY = 800 };
    static unsigned seen[MANY];
    struct table table = {.count = 0};
    struct thing *thing;

    (void)state;
    for (uint64_t key = 0; key < MANY; key++) {
        size_t n = 0;

        things[key] = (struct thing){key, true};
        assert_true(table_add(&table, hash_of(key), &things[key]));
        if (key % 7 == 3) {
            things[key - 2].is_in = false;
            table_remove(&table, hash_of(key - 2), &things[key - 2]);
        }
        memset(seen, 0, sizeof seen);
        for (size_t at = 0; (thing = table_next(&table, &at)); n++)
            assert_int_equal(seen[thing->key]++, 0);
        assert_int_equal(n, table.count);
        for (uint64_t k = 0; k <= key; k++)
            assert_int_equal(seen[k], things[k].is_in);
    }
    table_deinit(&table);
}

static void removing_all_on_the_way_ends(void **state)
{
    struct table table = {.count = 0};
    struct thing *thing;

    (void)state;
    for (uint64_t key = 0; key < KEYS; key++)
        assert_true(table_add(&table, hash_of(key), &things[key]));
    while (table.count > 0)
        for (size_t at = 0; (thing = table_next(&table, &at));)
            table_remove(&table, hash_of(thing->key), thing);
    table_deinit(&table);
}

static void nothing_is_in_an_empty_one(void **state)
{
    struct table table = {.count = 0};
    uint64_t key = 1;
    size_t at = 0;

    (void)state;
    assert_null(table_find(&table, 1, thing_is, &key));
    assert_null(table_next(&table, &at));
    table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_in_it),
        cmocka_unit_test(looks_at_every_thing_once),
        cmocka_unit_test(removing_all_on_the_way_ends),
        cmocka_unit_test(nothing_is_in_an_empty_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
