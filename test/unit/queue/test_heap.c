/* The heap: what is the least, after any additions and removals; that deep ones are no trouble; that equals do not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <sluice/base.h>

#include "queue/heap.h"

enum { THINGS = 64, MANY = 1000000 };

struct thing {
    int key, number;
    struct heap_node node;
};

static struct thing *thing_of(const struct heap_node *node)
{
    return SL_CONTAINER_OF(node, struct thing, node);
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    const struct thing *x = thing_of(a), *y = thing_of(b);

    return x->key != y->key ? x->key < y->key : x->number < y->number;
}

/* ---- chance (splitmix64) ---- */

static uint64_t chance_state;

static unsigned below(unsigned n)
{
    uint64_t z = (chance_state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (unsigned)((z ^ (z >> 31)) % n);
}

static void seed_it(void)
{
    const char *text = getenv("SLUICE_SEED");

    chance_state = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
    print_message("SLUICE_SEED=%llu\n", (unsigned long long)chance_state);
}

/* ---- tests ---- */

static void an_empty_heap_has_nothing(void **state)
{
    struct heap heap;

    (void)state;
    heap_init(&heap, before);
    assert_null(heap_first(&heap));
    assert_null(heap_take_all(&heap));
}

static void a_node_knows_whether_it_is_in_a_heap(void **state)
{
    struct thing a = {.key = 1}, b = {.key = 2};
    struct heap heap;

    (void)state;
    heap_init(&heap, before);
    assert_false(heap_holds(&a.node));
    heap_add(&heap, &a.node);
    heap_add(&heap, &b.node);
    assert_true(heap_holds(&a.node));
    assert_true(heap_holds(&b.node));
    heap_remove(&heap, &a.node);
    assert_false(heap_holds(&a.node));
    assert_ptr_equal(heap_first(&heap), &b.node);
    heap_remove(&heap, &b.node);
    assert_false(heap_holds(&b.node));
    assert_null(heap_first(&heap));
    heap_add(&heap, &a.node);
    assert_ptr_equal(heap_first(&heap), &a.node);
}

static const struct thing *least(const struct thing *things)
{
    const struct thing *least = NULL;

    for (int i = 0; i < THINGS; i++)
        if (heap_holds(&things[i].node) && (!least || before(&things[i].node, &least->node)))
            least = &things[i];
    return least;
}

static void the_least_is_first_after_any_steps(void **state)
{
    static struct thing things[THINGS];
    struct heap heap;

    (void)state;
    seed_it();
    heap_init(&heap, before);
    for (int step = 0; step < 200000; step++) {
        struct thing *thing = &things[below(THINGS)];
        const struct thing *expected;

        if (below(3) == 0 && heap_first(&heap))
            thing = thing_of(heap_first(&heap));
        if (heap_holds(&thing->node)) {
            heap_remove(&heap, &thing->node);
        } else {
            thing->key = (int)below(16);
            thing->number = (int)(thing - things);
            heap_add(&heap, &thing->node);
        }
        expected = least(things);
        assert_ptr_equal(heap_first(&heap), expected ? &expected->node : NULL);
    }
}

static void take_all_gives_every_node_once(void **state)
{
    static struct thing things[THINGS];
    bool seen[THINGS] = {false};
    struct heap heap;
    int count = 0;

    (void)state;
    seed_it();
    heap_init(&heap, before);
    for (int i = 0; i < THINGS; i++) {
        things[i] = (struct thing){.key = (int)below(16), .number = i};
        heap_add(&heap, &things[i].node);
        if (i % 5 == 4) /* a shape with some depth */
            heap_remove(&heap, heap_first(&heap));
    }
    for (struct heap_node *node = heap_take_all(&heap), *next; node; node = next) {
        next = node->next;
        assert_null(node->child);
        assert_null(node->prev);
        assert_false(seen[thing_of(node)->number]);
        seen[thing_of(node)->number] = true;
        count++;
    }
    assert_int_equal(count, THINGS - THINGS / 5);
    assert_null(heap_first(&heap));
}

/* In either order: one makes a list as wide as there are nodes, the other one as deep. */
static void a_million_in_a_row_come_out_in_order(void **state)
{
    struct thing *things = calloc(MANY, sizeof *things);
    struct heap heap;

    (void)state;
    assert_non_null(things);
    for (int direction = 0; direction < 2; direction++) {
        heap_init(&heap, before);
        for (int i = 0; i < MANY; i++) {
            things[i] = (struct thing){.key = direction ? i : MANY - i};
            heap_add(&heap, &things[i].node);
        }
        for (int i = 0; i < MANY; i++) {
            struct heap_node *first = heap_first(&heap);

            assert_int_equal(thing_of(first)->key, direction ? i : i + 1);
            heap_remove(&heap, first);
        }
        assert_null(heap_first(&heap));
    }
    free(things);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_nothing),
        cmocka_unit_test(a_node_knows_whether_it_is_in_a_heap),
        cmocka_unit_test(the_least_is_first_after_any_steps),
        cmocka_unit_test(take_all_gives_every_node_once),
        cmocka_unit_test(a_million_in_a_row_come_out_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
