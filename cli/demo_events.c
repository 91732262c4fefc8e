#include "cli/demo_events.h"

#include <inttypes.h>

/* splitmix64: every bit of the seed reaches every choice. */
struct dice {
    uint64_t state;
};

static uint64_t roll(struct dice *dice, uint64_t sides)
{
    uint64_t x = dice->state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (x ^ x >> 31) % sides;
}

#define PICK(dice, array) (array)[roll((dice), sizeof(array) / sizeof((array)[0]))]

static const char *const names[] = {"Łucja Żak",  "Jürgen Groß", "Siobhán O'Brien", "Anaïs Lefèvre",
                                    "Åse Bjørnø", "Tomás Núñez", "Ada Lovelace",    "Zoë van Dijk"};
static const char *const towns[] = {"Aarhus", "Gdańsk", "Köln", "Porto", "Reykjavík", "Zürich"};
static const char *const titles[] = {"Coffee grinder",      "Bicycle lamp",
                                     "Notebook A5, dotted", "Wool socks \\\"warm\\\"",
                                     "Espresso cups",       "Desk lamp"};
static const char *const carriers[] = {"DHL", "GLS", "PostNord", "CTT"};
static const char *const methods[] = {"card", "sepa_debit", "paypal", "invoice"};
static const char *const notes[] = {
    "Please ring \\\"Møller\\\", second door", "Bitte beim Nachbarn abgeben 🚲",
    "gift wrap\\nand a card: happy birthday", "call before delivery"};

static void add_money(struct strbuf *out, const char *name, uint64_t cents)
{
    strbuf_addf(out, "\"%s\":{\"value\":\"%" PRIu64 ".%02" PRIu64 "\",\"currency\":\"EUR\"}", name,
                cents / 100, cents % 100);
}

static void add_order(struct strbuf *out, struct dice *dice)
{
    uint64_t lines = 1 + roll(dice, 3), total = 0;

    strbuf_addf(out,
                "\"type\":\"order.created\",\"order\":{\"number\":\"%06" PRIu64
                "\",\"customer\":{\"id\":\"cus_%08" PRIx64 "\",\"name\":\"%s\",\"town\":\"%s\"},"
                "\"lines\":[",
                100000 + roll(dice, 900000), roll(dice, UINT32_MAX), PICK(dice, names),
                PICK(dice, towns));
    for (uint64_t i = 0; i < lines; i++) {
        uint64_t quantity = 1 + roll(dice, 4), price = 250 + roll(dice, 9000);
        strbuf_addf(out,
                    "%s{\"sku\":\"SKU-%04" PRIu64 "\",\"title\":\"%s\",\"quantity\":%" PRIu64 ",",
                    i ? "," : "", roll(dice, 10000), PICK(dice, titles), quantity);
        add_money(out, "price", price);
        strbuf_addc(out, '}');
        total += quantity * price;
    }
    strbuf_adds(out, "],");
    add_money(out, "total", total);
    strbuf_addc(out, '}');
}

static void add_payment(struct strbuf *out, struct dice *dice)
{
    strbuf_addf(out,
                "\"type\":\"payment.%s\",\"api_version\":\"2026-05-01\",\"livemode\":false,"
                "\"data\":{\"object\":{\"id\":\"pay_%08" PRIx64 "\",\"order\":\"%06" PRIu64
                "\",\"method\":\"%s\",",
                roll(dice, 10) ? "captured" : "declined", roll(dice, UINT32_MAX),
                100000 + roll(dice, 900000), PICK(dice, methods));
    add_money(out, "amount", 250 + roll(dice, 50000));
    strbuf_adds(out, "}}");
}

static void add_parcel(struct strbuf *out, struct dice *dice)
{
    strbuf_addf(out,
                "\"type\":\"parcel.%s\",\"parcel\":{\"carrier\":\"%s\",\"tracking\":\"%012" PRIu64
                "\",\"order\":\"%06" PRIu64 "\",\"town\":\"%s\",\"grams\":%" PRIu64 "}",
                roll(dice, 2) ? "sent" : "delivered", PICK(dice, carriers),
                roll(dice, 1000000000000), 100000 + roll(dice, 900000), PICK(dice, towns),
                100 + roll(dice, 20000));
}

static void add_note(struct strbuf *out, struct dice *dice)
{
    strbuf_addf(out,
                "\"type\":\"order.note_added\",\"order\":\"%06" PRIu64
                "\",\"author\":\"%s\",\"note\":\"%s\"",
                100000 + roll(dice, 900000), PICK(dice, names), PICK(dice, notes));
}

void demo_event_write(struct strbuf *out, uint64_t number, uint64_t seed, int64_t wall_ms)
{
    static void (*const kinds[])(struct strbuf *, struct dice *) = {
        add_order, add_order, add_payment, add_payment, add_parcel, add_note};
    struct dice dice = {seed};

    strbuf_addf(out, "{\"id\":\"evt_%016" PRIx64 "\",\"number\":%" PRIu64 ",\"at\":%" PRId64 ",",
                seed, number, wall_ms);
    PICK(&dice, kinds)(out, &dice);
    strbuf_addc(out, '}');
}
