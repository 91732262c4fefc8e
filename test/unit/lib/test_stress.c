/*
 * Tasks that send, receive, select, sleep and close at random, with contexts that end at random, for
 * many seeds, with and without shuffling; the books must balance afterwards:
 *   what was sent is received or dropped, once; what was not sent is never seen;
 *   each receiver sees the values of one sender on one channel in the order of sending.
 */
#include "test/unit/lib/world.h"

enum { TASKS = 24, CHANNELS = 6, ROUNDS = 120, SEEDS = 60 };

struct value {
    uint32_t sender, channel, number;
};

SL_CHAN_OF(values, struct value);

enum state { UNUSED, OFFERED, SENT, REFUSED, SEEN };

struct books {
    struct values *channels[CHANNELS];
    bool closed[CHANNELS];
    uint8_t states[TASKS][ROUNDS * 2 + 2];
    uint32_t last[TASKS][TASKS][CHANNELS];
    uint64_t random, hash;
    unsigned sent, seen, dropped;
};

static struct books *books_;

static uint64_t any(struct books *b, uint64_t n)
{
    b->random = b->random * 6364136223846793005 + 1442695040888963407;
    return (b->random >> 33) % n;
}

static void mix(struct books *b, uint64_t x)
{
    b->hash = (b->hash ^ x) * 0x100000001b3;
}

static void saw(struct books *b, const struct value *v)
{
    uint8_t *state = &b->states[v->sender][v->number];

    /* The receiver may run before the sender knows. */
    assert_true(*state == SENT || *state == OFFERED);
    *state = SEEN;
}

static void drop(struct value *v)
{
    saw(books_, v);
    books_->dropped++;
}

static void received(struct books *b, uint32_t me, const struct value *v)
{
    saw(b, v);
    assert_true(v->number > b->last[me][v->sender][v->channel]);
    b->last[me][v->sender][v->channel] = v->number;
    b->seen++;
    mix(b, (uint64_t)me << 40 ^ (uint64_t)v->sender << 20 ^ v->number);
}

static void sent(struct books *b, const struct value *v, int result)
{
    uint8_t *state = &b->states[v->sender][v->number];

    if (result == SL_OK) {
        b->sent++;
        if (*state == OFFERED)
            *state = SENT;
    } else {
        assert_int_equal(*state, OFFERED); /* nobody has seen it */
        *state = REFUSED;
    }
    mix(b, (uint64_t)result + 17);
}

static struct value next_value(struct books *b, uint32_t me, uint32_t *number, uint32_t channel)
{
    struct value v = {me, channel, ++*number};

    b->states[me][v.number] = OFFERED;
    return v;
}

static struct values *some_channel(struct books *b, uint32_t *index)
{
    *index = (uint32_t)any(b, CHANNELS);
    return any(b, 10) == 0 ? NULL : b->channels[*index];
}

static void random_select(struct books *b, struct sl_ctx *ctx, uint32_t me, uint32_t *number)
{
    struct sl_case cases[6];
    struct value in, out = {0};
    size_t n = 0;
    uint32_t index;
    int chosen;

    for (size_t i = any(b, 4); i > 0; i--)
        cases[n++] = values_on_recv(some_channel(b, &index), &in);
    if (any(b, 2)) {
        struct values *ch = some_channel(b, &index);

        out = next_value(b, me, number, index);
        cases[n++] = values_on_send(ch, &out);
    }
    if (any(b, 3) == 0)
        cases[n++] = SL_AT(sl_time_add(sl_now(), sl_us((int64_t)any(b, 2000))));
    else if (any(b, 4) == 0)
        cases[n++] = SL_DEFAULT;
    chosen = sl_select(ctx, cases, n);
    for (int i = 0; i < (int)n; i++) {
        bool done = i == chosen && cases[i].result == SL_OK;

        if (cases[i].kind == SL_CASE_SEND)
            sent(b, &out, done ? SL_OK : SL_WOULD_BLOCK);
        else if (cases[i].kind == SL_CASE_RECV && done)
            received(b, me, &in);
    }
    mix(b, (uint64_t)(chosen + 1000));
}

static void random_operation(struct books *b, struct sl_ctx *ctx, uint32_t me, uint32_t *number)
{
    uint32_t index;
    struct values *ch = some_channel(b, &index);
    struct value v;
    int result;

    switch (any(b, 16)) {
    case 0:
        SL_IGNORE(sl_sleep(ctx, sl_us((int64_t)any(b, 3000))));
        break;
    case 1:
        sl_yield();
        break;
    case 2:
        v = next_value(b, me, number, index);
        sent(b, &v, values_try_send(ch, v));
        break;
    case 3:
        if (values_try_recv(ch, &v) == SL_OK)
            received(b, me, &v);
        break;
    case 4:
        if (any(b, 40) == 0 && !b->closed[index]) {
            b->closed[index] = true;
            values_close(b->channels[index]);
        }
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        v = next_value(b, me, number, index);
        sent(b, &v, values_send(ch, ctx, v));
        break;
    case 9:
        result = values_recv_until(ch, ctx, sl_time_add(sl_now(), sl_us((int64_t)any(b, 900))), &v);
        if (result == SL_OK)
            received(b, me, &v);
        break;
    case 10:
    case 11:
    case 12:
        if (values_recv(ch, ctx, &v) == SL_OK)
            received(b, me, &v);
        break;
    default:
        random_select(b, ctx, me, number);
        break;
    }
}

struct actor {
    struct books *books;
    uint32_t me;
};

SL_TASK(actor)
{
    struct books *b = my->books;
    uint32_t number = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct sl_ctx *brief =
            sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = sl_us((int64_t)any(b, 5000) + 1)});

        if (any(b, 20) == 0)
            sl_ctx_cancel(brief, 0);
        for (uint64_t n = any(b, 4); n > 0 && number < ROUNDS * 2; n--)
            random_operation(b, brief, my->me, &number);
        sl_ctx_leave(brief);
    }
    return 0;
}

static int stress(struct sl_ctx *ctx, void *arg)
{
    struct books *b = arg;
    struct sl_ctx *actors = sl_ctx_new(ctx, NULL);

    for (size_t i = 0; i < CHANNELS; i++)
        b->channels[i] = values_new(ctx, i % 3 * i, drop);
    for (uint32_t i = 0; i < TASKS; i++)
        SL_GO(actors, actor, .books = b, .me = i);
    if (any(b, 4) == 0) {
        SL_IGNORE(sl_sleep(ctx, sl_ms((int64_t)any(b, 200))));
        sl_ctx_cancel(actors, 0);
    }
    SL_IGNORE(sl_ctx_wait(actors, NULL));
    return sl_ctx_leave(actors);
}

static uint64_t run_seed(uint64_t seed, bool shuffle, unsigned *sent_all)
{
    struct books *b = calloc(1, sizeof(*b));
    uint64_t hash;

    assert_non_null(b);
    books_ = b;
    b->random = seed;
    assert_int_equal(
        sl_virtual_run(&(struct sl_virtual_options){.seed = seed, .shuffle = shuffle}, stress, b),
        0);
    assert_int_equal(b->sent, b->seen + b->dropped);
    for (int s = 0; s < TASKS; s++)
        for (int n = 0; n < ROUNDS * 2 + 2; n++)
            assert_true(b->states[s][n] != OFFERED && b->states[s][n] != SENT);
    *sent_all += b->sent;
    hash = b->hash;
    free(b);
    return hash;
}

static void the_books_balance(void **state)
{
    const char *given = getenv("SLUICE_TEST_SEED");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1, seeds = given ? 1 : SEEDS;
    unsigned sent_all = 0;

    (void)state;
    printf("seeds %llu to %llu (SLUICE_TEST_SEED=n runs one)\n", (unsigned long long)first,
           (unsigned long long)(first + seeds - 1));
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        for (int shuffle = 0; shuffle < 2; shuffle++) {
            uint64_t hash = run_seed(seed, shuffle, &sent_all);

            if (seed % 10 == 1)
                assert_int_equal(hash, run_seed(seed, shuffle, &sent_all)); /* a seed replays */
        }
    }
    printf("%u values sent\n", sent_all);
    assert_true(sent_all > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_books_balance)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
