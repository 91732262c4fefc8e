/* Keys of message ids, and the ring of those that were confirmed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "core/lease_confirmed.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char uuid[] = "ec354010-c35d-4481-9030-e55cbf0c7922";

static sl_time at(int64_t seconds)
{
    return (sl_time){seconds * 1000000000};
}

static struct id_key key_of(const char *id)
{
    return id_key_of(slice_of(id));
}

/* A UUID is its own key; whatever differs from one, by a single character, has another. */
static void each_character_of_an_id_counts(void **state)
{
    static const char others[] = "0123456789abcdefABCDEFg-+ \x7f";
    struct id_key key = key_of(uuid), other;
    char id[sizeof(uuid)];

    (void)state;
    assert_true(key.high == UINT64_C(0xec354010c35d4481) &&
                key.low == UINT64_C(0x9030e55cbf0c7922));
    for (size_t i = 0; i + 1 < sizeof(uuid); i++)
        for (size_t k = 0; k + 1 < sizeof(others); k++) {
            memcpy(id, uuid, sizeof(id));
            id[i] = others[k];
            other = key_of(id);
            assert_int_equal(id_key_eq(key, other), others[k] == uuid[i]);
            other.high = key.high; /* both halves are compared */
            assert_int_equal(id_key_eq(key, other), other.low == key.low);
        }
    for (size_t n = 0; n + 1 < sizeof(uuid); n++)
        assert_false(id_key_eq(key, id_key_of((struct slice){uuid, n})));
}

static void an_id_is_forgotten_at_its_own_time(void **state)
{
    struct confirmed c;

    (void)state;
    assert_true(confirmed_init(&c, 4));
    confirmed_add(&c, key_of("long"), at(100));
    confirmed_add(&c, key_of("short"), at(20));
    assert_true(confirmed_has(&c, key_of("short"), at(19)));
    assert_false(
        confirmed_has(&c, key_of("short"), at(20))); /* though it stands behind the other */
    assert_true(confirmed_has(&c, key_of("long"), at(99)));
    confirmed_add(&c, key_of("short"), at(50)); /* once more: the later time counts */
    assert_true(confirmed_has(&c, key_of("short"), at(49)));
    assert_false(confirmed_has(&c, key_of("long"), at(100)));
    assert_false(confirmed_has(&c, key_of("short"), at(100)));
    assert_int_equal(c.count, 0);
    confirmed_deinit(&c);
}

static void the_oldest_makes_room(void **state)
{
    struct confirmed c;
    char id[2] = "a";

    (void)state;
    assert_true(confirmed_init(&c, 3));
    for (; id[0] <= 'z'; id[0]++) {
        confirmed_add(&c, key_of(id), at(100));
        assert_true(confirmed_has(&c, key_of(id), at(1)));
    }
    assert_true(confirmed_has(&c, key_of("x"), at(1)));
    assert_false(confirmed_has(&c, key_of("w"), at(1)));
    confirmed_deinit(&c);
}

/* Found by search: the index has both in one place. */
static void ids_of_one_hash_are_told_apart(void **state)
{
    static const char one[] = "ec354010-c35d-4481-9030-e55cbf0282c2";
    static const char other[] = "ec354010-c35d-4481-9030-e55cbf00225c";
    struct confirmed c;

    (void)state;
    assert_int_equal(id_key_hash(key_of(one)), id_key_hash(key_of(other)));
    assert_true(confirmed_init(&c, 4));
    confirmed_add(&c, key_of(one), at(100));
    assert_true(confirmed_has(&c, key_of(one), at(1)));
    assert_false(confirmed_has(&c, key_of(other), at(1)));
    confirmed_add(&c, key_of(other), at(200));
    assert_true(confirmed_has(&c, key_of(other), at(150)));
    assert_false(confirmed_has(&c, key_of(one), at(150)));
    confirmed_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_character_of_an_id_counts),
        cmocka_unit_test(an_id_is_forgotten_at_its_own_time),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(ids_of_one_hash_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
