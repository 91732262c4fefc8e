/*
 * api_answer -- answers, member by member. JSON needs the names alone; XML looks up what an element of a list or a map is
 * called in the rows of the operation's output. A name that the rows do not have is a mistake of the caller, in both.
 */
#include <inttypes.h>
#include <stdio.h>

#include <sluice/base.h>

#include "core/base64.h"
#include "core/json.h"
#include "queue/api.h"

#define XML_HEAD  "<?xml version=\"1.0\"?>"
#define XML_SPACE " xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\""

/* U+FFFD, for what can't be said. */
#define REPLACEMENT "\xef\xbf\xbd"

enum { STACK_MAX = sizeof((struct answer){0}.stack) / sizeof(struct model_member *) };

/* ---- text ---- */

/* Bytes that are no UTF-8, which only damage can bring here: ASCII stays, each other byte is replaced. */
static void add_mended(struct slice text, void (*add)(struct slice, struct strbuf *),
                       struct strbuf *out)
{
    for (size_t i = 0; i < text.n; i++)
        add((unsigned char)text.p[i] < 0x80 ? (struct slice){text.p + i, 1} : SLICE(REPLACEMENT),
            out);
}

static void add_json_piece(struct slice piece, struct strbuf *out)
{
    (void)json_escape(piece, out);
}

static void add_json(struct slice text, struct strbuf *out)
{
    strbuf_addc(out, '"');
    if (!json_escape(text, out))
        add_mended(text, add_json_piece, out);
    strbuf_addc(out, '"');
}

/* What stands for a character in XML's text; NULL: itself. A carriage return that is not escaped would be read as a line
 * feed, and most control characters can't be said at all (XML 1.0, 2.2 and 2.11). */
static const char *xml_escape_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#xD;";
    case '\t':
    case '\n':
        return NULL;
    default:
        return c < 0x20 ? REPLACEMENT : NULL;
    }
}

/* U+FFFE and U+FFFF are no characters of XML. */
static bool is_no_character(const char *p, const char *end)
{
    return end - p >= 3 && memcmp(p, "\xef\xbf", 2) == 0 && (unsigned char)p[2] >= 0xbe;
}

static uint64_t zero_bytes(uint64_t word)
{
    return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

/* Whether eight bytes stand for themselves: no control character, none of <>"& (which differ by a bit in pairs), and not
 * what U+FFFE begins with. May say no to some that do. */
static bool is_plain_word(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return !((word - 0x2020202020202020u) & ~word & 0x8080808080808080u) &&
           !zero_bytes((word & ~(uint64_t)0x0202020202020202u) ^ 0x3c3c3c3c3c3c3c3cu) &&
           !zero_bytes((word & ~(uint64_t)0x0404040404040404u) ^ 0x2222222222222222u) &&
           !zero_bytes(word ^ 0xefefefefefefefefu);
}

static void add_xml_piece(struct slice piece, struct strbuf *out)
{
    const char *p = piece.p;
    const char *end = p + piece.n;
    const char *plain = p;

    while (p < end) {
        const char *escape;
        size_t n = 1;

        if (end - p >= 8 && is_plain_word(p)) {
            p += 8;
            continue;
        }
        escape = xml_escape_of((unsigned char)*p);
        if (is_no_character(p, end)) {
            escape = REPLACEMENT;
            n = 3;
        }
        if (escape) {
            strbuf_add(out, plain, (size_t)(p - plain));
            strbuf_adds(out, escape);
            plain = p + n;
        }
        p += n;
    }
    strbuf_add(out, plain, (size_t)(p - plain));
}

static void add_xml(struct slice text, struct strbuf *out)
{
    if (utf8_is_valid(text))
        add_xml_piece(text, out);
    else
        add_mended(text, add_xml_piece, out);
}

static void add_tag(struct strbuf *out, const char *open, const char *name)
{
    strbuf_adds(out, open);
    strbuf_adds(out, name);
    strbuf_addc(out, '>');
}

static void add_element(struct strbuf *out, const char *name, struct slice text)
{
    add_tag(out, "<", name);
    add_xml(text, out);
    add_tag(out, "</", name);
}

/* ---- rows ---- */

static const struct model_member *top(const struct answer *a)
{
    sl_assert(a->depth > 0);
    return a->stack[a->depth - 1];
}

/* The row of a member of the structure that is being written. */
static const struct model_member *find_member(const struct answer *a, const char *name)
{
    const struct model_member *members =
        a->depth > 0 ? top(a)->members : model_operations[a->operation].output;

    sl_assert(members);
    for (const struct model_member *m = members; m->name; m++)
        if (m->name == name) /* equal literals are mostly one */
            return m;
    while (members->name && strcmp(members->name, name) != 0)
        members++;
    sl_assert(members->name);
    return members;
}

static void push(struct answer *a, const struct model_member *member)
{
    sl_assert(a->depth < STACK_MAX);
    a->stack[a->depth++] = member;
}

static const char *element_name(const struct model_member *member)
{
    return member->query_name ? member->query_name : member->name;
}

/* ---- JSON's punctuation ---- */

static void add_comma(struct answer *a)
{
    if (a->has_comma_due)
        strbuf_addc(a->out, ',');
    a->has_comma_due = true;
}

static void add_key(struct answer *a, const char *name)
{
    add_comma(a);
    strbuf_addc(a->out, '"');
    strbuf_adds(a->out, name);
    strbuf_add(a->out, "\":", 2);
}

static void open_json(struct answer *a, char bracket)
{
    strbuf_addc(a->out, bracket);
    a->has_comma_due = false;
}

static void close_json(struct answer *a, char bracket)
{
    strbuf_addc(a->out, bracket);
    a->has_comma_due = true;
}

/* ---- the whole answer ---- */

void answer_begin(struct answer *a, enum api_protocol protocol, enum operation operation,
                  struct slice request_id, struct strbuf *out)
{
    const struct model_operation *model = &model_operations[operation];

    *a = (struct answer){
        .protocol = protocol, .operation = operation, .request_id = request_id, .out = out};
    if (protocol == API_JSON) {
        if (model->output)
            open_json(a, '{');
        return;
    }
    strbuf_adds(out, XML_HEAD "<");
    strbuf_adds(out, model->name);
    strbuf_adds(out, "Response" XML_SPACE ">");
    if (model->output) {
        strbuf_addc(out, '<');
        strbuf_adds(out, model->name);
        strbuf_adds(out, "Result>");
    }
}

void answer_end(struct answer *a)
{
    const struct model_operation *model = &model_operations[a->operation];

    sl_assert(a->depth == 0);
    if (a->protocol == API_JSON) {
        if (model->output)
            close_json(a, '}');
        return;
    }
    if (model->output) {
        strbuf_adds(a->out, "</");
        strbuf_adds(a->out, model->name);
        strbuf_adds(a->out, "Result>");
    }
    strbuf_adds(a->out, "<ResponseMetadata>");
    add_element(a->out, "RequestId", a->request_id);
    strbuf_adds(a->out, "</ResponseMetadata></");
    strbuf_adds(a->out, model->name);
    strbuf_adds(a->out, "Response>");
}

/* ---- scalars ---- */

void answer_string(struct answer *a, const char *name, struct slice text)
{
    sl_assert(find_member(a, name)->shape == SHAPE_STRING);
    if (a->protocol == API_QUERY) {
        add_element(a->out, name, text);
        return;
    }
    add_key(a, name);
    add_json(text, a->out);
}

/* A number or a word: the same in both protocols. */
static void add_bare(struct answer *a, const char *name, const char *text)
{
    if (a->protocol == API_QUERY) {
        add_element(a->out, name, slice_of(text));
        return;
    }
    add_key(a, name);
    strbuf_adds(a->out, text);
}

void answer_number(struct answer *a, const char *name, int64_t n)
{
    enum shape shape = find_member(a, name)->shape;
    char text[24];

    sl_assert(shape == SHAPE_INTEGER || shape == SHAPE_LONG);
    snprintf(text, sizeof(text), "%" PRId64, n);
    add_bare(a, name, text);
}

void answer_bool(struct answer *a, const char *name, bool value)
{
    sl_assert(find_member(a, name)->shape == SHAPE_BOOLEAN);
    add_bare(a, name, value ? "true" : "false");
}

/* ---- lists ---- */

void answer_list_begin(struct answer *a, const char *name)
{
    const struct model_member *member = find_member(a, name);

    sl_assert(member->shape == SHAPE_STRINGS || member->shape == SHAPE_STRUCTURES);
    if (a->protocol == API_JSON) {
        add_key(a, name);
        open_json(a, '[');
    }
    push(a, member);
}

void answer_list_end(struct answer *a)
{
    if (a->protocol == API_JSON)
        close_json(a, ']');
    sl_assert(a->depth > 0);
    a->depth--;
}

void answer_item_begin(struct answer *a)
{
    sl_assert(top(a)->shape == SHAPE_STRUCTURES);
    if (a->protocol == API_JSON) {
        add_comma(a);
        open_json(a, '{');
        return;
    }
    add_tag(a->out, "<", element_name(top(a)));
}

void answer_item_end(struct answer *a)
{
    sl_assert(top(a)->shape == SHAPE_STRUCTURES);
    if (a->protocol == API_JSON)
        close_json(a, '}');
    else
        add_tag(a->out, "</", element_name(top(a)));
}

void answer_item_string(struct answer *a, struct slice text)
{
    sl_assert(top(a)->shape == SHAPE_STRINGS);
    if (a->protocol == API_QUERY) {
        add_element(a->out, element_name(top(a)), text);
        return;
    }
    add_comma(a);
    add_json(text, a->out);
}

/* ---- maps ---- */

void answer_map_begin(struct answer *a, const char *name)
{
    const struct model_member *member = find_member(a, name);

    sl_assert(member->shape == SHAPE_STRING_MAP || member->shape == SHAPE_ATTRIBUTES);
    if (a->protocol == API_JSON) {
        add_key(a, name);
        open_json(a, '{');
    }
    push(a, member);
}

void answer_map_end(struct answer *a)
{
    if (a->protocol == API_JSON)
        close_json(a, '}');
    sl_assert(a->depth > 0);
    a->depth--;
}

void answer_map_entry(struct answer *a, struct slice key, struct slice value)
{
    const struct model_member *member = top(a);

    sl_assert(member->shape == SHAPE_STRING_MAP);
    if (a->protocol == API_JSON) {
        add_comma(a);
        add_json(key, a->out);
        strbuf_addc(a->out, ':');
        add_json(value, a->out);
        return;
    }
    add_tag(a->out, "<", element_name(member));
    add_element(a->out, member->key_name, key);
    add_element(a->out, member->value_name, value);
    add_tag(a->out, "</", element_name(member));
}

static void add_json_attribute(struct answer *a, const struct payload_attribute *attribute)
{
    add_comma(a);
    add_json(attribute->name, a->out);
    strbuf_adds(a->out, ":{\"DataType\":");
    add_json(attribute->type, a->out);
    if (attribute->kind == PAYLOAD_BINARY) {
        strbuf_adds(a->out, ",\"BinaryValue\":\"");
        base64_encode(attribute->value, a->out);
        strbuf_adds(a->out, "\"}");
    } else {
        strbuf_adds(a->out, ",\"StringValue\":");
        add_json(attribute->value, a->out);
        strbuf_addc(a->out, '}');
    }
}

static void add_xml_attribute(struct answer *a, const struct payload_attribute *attribute)
{
    const struct model_member *member = top(a);

    add_tag(a->out, "<", element_name(member));
    add_element(a->out, member->key_name, attribute->name);
    add_tag(a->out, "<", member->value_name);
    if (attribute->kind == PAYLOAD_BINARY) {
        strbuf_adds(a->out, "<BinaryValue>");
        base64_encode(attribute->value, a->out);
        strbuf_adds(a->out, "</BinaryValue>");
    } else {
        add_element(a->out, "StringValue", attribute->value);
    }
    add_element(a->out, "DataType", attribute->type);
    add_tag(a->out, "</", member->value_name);
    add_tag(a->out, "</", element_name(member));
}

void answer_map_attribute(struct answer *a, const struct payload_attribute *attribute)
{
    sl_assert(top(a)->shape == SHAPE_ATTRIBUTES);
    if (a->protocol == API_JSON)
        add_json_attribute(a, attribute);
    else
        add_xml_attribute(a, attribute);
}

/* ---- refusals ---- */

const char *answer_content_type(enum api_protocol protocol)
{
    return protocol == API_JSON ? "application/x-amz-json-1.0" : "text/xml";
}

/* The Query protocol says one of them in more words (recorded on AWS). */
static void add_query_text(const struct queue_refusal *refusal, struct strbuf *out)
{
    const char *usual = queue_errors[QUEUE_DOES_NOT_EXIST].text;

    if (refusal->error == QUEUE_DOES_NOT_EXIST && strcmp(refusal->text, usual) == 0)
        add_xml(SLICE("The specified queue does not exist for this wsdl version."), out);
    else
        add_xml(slice_of(refusal->text), out);
}

static void refuse_in_xml(const struct queue_refusal *refusal, struct slice request_id,
                          struct strbuf *out)
{
    const struct queue_error_row *row = &queue_errors[refusal->error];

    if (refusal->error == QUEUE_ACTION_MISSING) { /* recorded on AWS */
        strbuf_adds(out, "<UnknownOperationException/>");
        return;
    }
    strbuf_adds(out, XML_HEAD "<ErrorResponse" XML_SPACE "><Error>");
    add_element(out, "Type", row->is_senders_fault ? SLICE("Sender") : SLICE("Receiver"));
    add_element(out, "Code", slice_of(row->code));
    strbuf_adds(out, "<Message>");
    add_query_text(refusal, out);
    strbuf_adds(out, "</Message><Detail/></Error>");
    add_element(out, "RequestId", request_id);
    strbuf_adds(out, "</ErrorResponse>");
}

int answer_refusal(enum api_protocol protocol, const struct queue_refusal *refusal,
                   struct slice request_id, struct strbuf *out, struct strbuf *query_error)
{
    const struct queue_error_row *row = &queue_errors[refusal->error];

    strbuf_reset(out);
    strbuf_reset(query_error);
    if (protocol == API_QUERY) {
        refuse_in_xml(refusal, request_id, out);
        return row->status;
    }
    strbuf_adds(query_error, row->code);
    strbuf_adds(query_error, row->is_senders_fault ? ";Sender" : ";Receiver");
    strbuf_adds(out, "{\"__type\":\"");
    strbuf_adds(out, row->is_in_model ? "com.amazonaws.sqs#" : "com.amazon.coral.service#");
    strbuf_adds(out, row->type);
    strbuf_adds(out, "\",\"message\":");
    add_json(slice_of(refusal->text), out);
    strbuf_addc(out, '}');
    return row->status;
}

void answer_failed_entry(struct answer *a, struct slice id, const struct queue_refusal *refusal)
{
    const struct queue_error_row *row = &queue_errors[refusal->error];
    /* In entries SQS has another word for it (API reference, SendMessageBatch). */
    const char *code = refusal->error == QUEUE_INTERNAL_FAILURE ? "InternalError" : row->code;

    answer_item_begin(a);
    answer_string(a, "Id", id);
    answer_bool(a, "SenderFault", row->is_senders_fault);
    answer_string(a, "Code", slice_of(code));
    answer_string(a, "Message", slice_of(refusal->text));
    answer_item_end(a);
}
