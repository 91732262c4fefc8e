#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sluice/base.h>

#include "queue/agenda.h"
#include "queue/table.h"

enum { THINGS = 400, STEPS = 100000 };

struct thing {
    struct heap_node node;
    uint64_t time;
};

static struct thing things[THINGS];

static bool thing_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct thing *x = SL_CONTAINER_OF(a, struct thing, node);
    const struct thing *y = SL_CONTAINER_OF(b, struct thing, node);

    return x->time != y->time ? x->time < y->time : x < y;
}

static const struct heap_node *least(void)
{
    const struct heap_node *found = NULL;

    for (size_t i = 0; i < THINGS; i++)
        if (agenda_holds(&things[i].node) && (!found || thing_before(&things[i].node, found)))
            found = &things[i].node;
    return found;
}

/* Most in order, some not; taken from the front and from the middle. */
static void the_least_is_first(void **state)
{
    const char *given = getenv("SLUICE_SEED");
    uint64_t random = given ? strtoull(given, NULL, 10) : 20261126;
    struct agenda agenda;

    (void)state;
    print_message("SLUICE_SEED=%llu\n", (unsigned long long)random);
    agenda_init(&agenda, thing_before);
    for (uint64_t i = 0; i < STEPS; i++) {
        struct thing *thing = &things[table_hash_number(++random) % THINGS];

        if (agenda_holds(&thing->node)) {
            agenda_remove(&agenda, &thing->node);
        } else {
            thing->time = i + (random % 7 == 0 ? table_hash_number(random) % 1000 : 100);
            agenda_add(&agenda, &thing->node);
        }
        assert_ptr_equal(agenda_first(&agenda), least());
    }
    for (struct heap_node *node; (node = agenda_first(&agenda)); agenda_remove(&agenda, node))
        assert_ptr_equal(node, least());
    assert_null(least());
}

static void all_are_taken_at_once(void **state)
{
    struct agenda agenda;
    size_t n = 0;

    (void)state;
    agenda_init(&agenda, thing_before);
    for (size_t i = 0; i < THINGS; i++) {
        things[i] = (struct thing){.time = i % 3 == 0 ? i : THINGS - i};
        agenda_add(&agenda, &things[i].node);
    }
    for (struct heap_node *node = agenda_take_all(&agenda), *next; node; node = next, n++) {
        next = node->next;
        assert_false(agenda_holds(node));
    }
    assert_int_equal(n, THINGS);
    assert_null(agenda_first(&agenda));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_is_first),
        cmocka_unit_test(all_are_taken_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
