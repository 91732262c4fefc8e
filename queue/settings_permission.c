/*
 * settings_permission -- the Policy attribute: checked to be a policy's JSON, and edited by AddPermission and
 * RemovePermission. A policy is never taken apart: statements are copied as they stand, so what somebody wrote survives.
 */
#include <stdlib.h>

#include "core/json.h"
#include "queue/settings_policy.h"

enum { LABEL_MAX = 80, ACTIONS_MAX = 7, ACCOUNT_DIGITS = 12 };

/* What an owner can share (developer guide, "Amazon SQS policies"). */
static const char *const shareable[] = {
    "*",           "ChangeMessageVisibility",    "DeleteMessage", "GetQueueAttributes",
    "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue",    "ReceiveMessage",
    "SendMessage",
};

enum { SHAREABLE = sizeof(shareable) / sizeof(shareable[0]) };

/* ---- a policy's statements ---- */

struct statements {
    struct slice before,
        after; /* of the policy, around the member's value; without a member: where one fits */
    struct slice value; /* an array or an object; {NULL, 0}: there is no such member */
    bool is_array;
    bool is_last; /* of a policy without: other members are before it */
};

/* false: no JSON object, or statements that are neither an object nor an array of objects. */
static bool find_statements(struct slice policy, struct statements *out)
{
    struct json_value key, value;
    struct json j;
    size_t end = 0;

    *out = (struct statements){0};
    json_init(&j, policy);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return false;
    end = json_position(&j);
    while (json_member(&j, &key)) {
        if (!json_skip(&j, &value))
            return false;
        out->is_last = true;
        end = json_position(&j);
        if (!json_is(&key, "Statement"))
            continue;
        if (value.type != JSON_ARRAY && value.type != JSON_OBJECT)
            return false;
        out->value = value.text;
        out->is_array = value.type == JSON_ARRAY;
    }
    if (!json_end(&j))
        return false;
    if (out->value.p)
        end = (size_t)(out->value.p - policy.p);
    out->before = (struct slice){policy.p, end};
    out->after = (struct slice){policy.p + end + out->value.n, policy.n - end - out->value.n};
    return true;
}

/* Whether a statement has that Sid. *ok becomes false if it is no object. */
static bool has_sid(struct slice statement, struct slice label, bool *ok)
{
    struct json_value key, value;
    struct json j;
    bool found = false;

    json_init(&j, statement);
    if (json_next(&j, NULL) != JSON_OBJECT) {
        *ok = false;
        return false;
    }
    while (json_member(&j, &key) && json_skip(&j, &value))
        if (json_is(&key, "Sid") && value.type == JSON_STRING)
            found =
                value.escaped ? json_equals_unescaped(&value, label) : slice_eq(value.text, label);
    return found;
}

/* What walk_statements found, and where it copies to. */
struct walk {
    struct slice label;
    struct strbuf *kept; /* NULL, or the statements without that label, with commas between */
    size_t count, found;
    bool ok;
};

static void walk_one(struct walk *w, struct slice statement)
{
    w->count++;
    if (has_sid(statement, w->label, &w->ok)) {
        w->found++;
        return;
    }
    if (!w->kept)
        return;
    if (w->kept->n > 0)
        strbuf_addc(w->kept, ',');
    strbuf_add_slice(w->kept, statement);
}

static void walk_statements(struct walk *w, const struct statements *statements)
{
    struct json_value value;
    struct json j;

    w->ok = true;
    if (!statements->value.p)
        return;
    if (!statements->is_array) {
        walk_one(w, statements->value);
        return;
    }
    json_init(&j, statements->value);
    (void)json_next(&j, NULL);
    while (json_element(&j) && json_skip(&j, &value))
        walk_one(w, value.text);
}

/* ---- the attribute ---- */

enum queue_error settings_set_policy(struct settings *settings, struct slice value,
                                     bool at_creation, struct queue_refusal *refusal)
{
    struct statements statements;
    struct walk w = {.label = {NULL, 0}};

    if (value.n > 0) {
        if (value.n > POLICY_MAX || !find_statements(value, &statements))
            return settings_refuse_value("Policy", refusal);
        walk_statements(&w, &statements);
        if (!w.ok || w.count == 0)
            return settings_refuse_value("Policy", refusal);
        if (w.count > POLICY_STATEMENTS_MAX)
            return queue_refuse(refusal, at_creation ? QUEUE_PARAMETER_INVALID : QUEUE_OVER_LIMIT,
                                "%zu statements were found in the submitted policy, max allowed "
                                "is %d",
                                w.count, POLICY_STATEMENTS_MAX);
    }
    if (!settings_replace(&settings->policy, value))
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    return QUEUE_OK;
}

/* ---- permissions ---- */

static bool is_label(struct slice label)
{
    if (label.n == 0 || label.n > LABEL_MAX)
        return false;
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

static enum queue_error refuse_label(struct slice label, const char *reason,
                                     struct queue_refusal *refusal)
{
    return queue_refuse(
        refusal, QUEUE_PARAMETER_INVALID, "Value %.*s for parameter Label is invalid. Reason: %s",
        label.n < LABEL_MAX ? (int)label.n : LABEL_MAX, label.p ? label.p : "", reason);
}

static bool is_account(struct slice account)
{
    for (size_t i = 0; i < account.n; i++)
        if (account.p[i] < '0' || account.p[i] > '9')
            return false;
    return account.n == ACCOUNT_DIGITS;
}

static bool is_shareable(struct slice action)
{
    for (size_t i = 0; i < SHAREABLE; i++)
        if (slice_eq_nocase(action, slice_of(shareable[i])))
            return true;
    return false;
}

static enum queue_error check_permission(struct slice label, const struct slice *accounts,
                                         size_t account_count, const struct slice *actions,
                                         size_t action_count, struct queue_refusal *refusal)
{
    if (!is_label(label))
        return refuse_label(label,
                            "Can only include alphanumeric characters, hyphens, or underscores. "
                            "1 to 80 in length",
                            refusal);
    if (action_count == 0)
        return queue_refuse(refusal, QUEUE_PARAMETER_MISSING,
                            "The request must contain the parameter Actions.");
    if (account_count == 0)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value [] for parameter PrincipalId is invalid. Reason: Unable to "
                            "verify.");
    if (action_count > ACTIONS_MAX)
        return queue_refuse(refusal, QUEUE_OVER_LIMIT,
                            "%zu Actions were found, maximum allowed is %d.", action_count,
                            ACTIONS_MAX);
    for (size_t i = 0; i < action_count; i++)
        if (!is_shareable(actions[i]))
            return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                                "Value SQS:%.*s for parameter ActionName is invalid. Reason: Only "
                                "the queue owner is allowed to invoke this action.",
                                actions[i].n < LABEL_MAX ? (int)actions[i].n : LABEL_MAX,
                                actions[i].p);
    for (size_t i = 0; i < account_count; i++)
        if (!is_account(accounts[i]))
            return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                                "Value [%.*s] for parameter PrincipalId is invalid. Reason: "
                                "Unable to verify.",
                                accounts[i].n < LABEL_MAX ? (int)accounts[i].n : LABEL_MAX,
                                accounts[i].p);
    return QUEUE_OK;
}

/* One text, or an array of several. */
static void write_texts(struct strbuf *out, const char *before, const struct slice *texts,
                        size_t count, const char *after)
{
    if (count > 1)
        strbuf_addc(out, '[');
    for (size_t i = 0; i < count; i++) {
        strbuf_adds(out, i > 0 ? ",\"" : "\"");
        strbuf_adds(out, before);
        json_escape(texts[i], out);
        strbuf_adds(out, after);
        strbuf_addc(out, '"');
    }
    if (count > 1)
        strbuf_addc(out, ']');
}

static void write_statement(struct strbuf *out, struct slice queue_arn, struct slice label,
                            const struct slice *accounts, size_t account_count,
                            const struct slice *actions, size_t action_count)
{
    strbuf_adds(out, "{\"Sid\":\"");
    strbuf_add_slice(out, label);
    strbuf_adds(out, "\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":");
    write_texts(out, "arn:aws:iam::", accounts, account_count, ":root");
    strbuf_adds(out, "},\"Action\":");
    write_texts(out, "SQS:", actions, action_count, "");
    strbuf_adds(out, ",\"Resource\":\"");
    json_escape(queue_arn, out);
    strbuf_adds(out, "\"}");
}

/* Writes the policy with these statements in the place of its own. */
static void write_policy(struct strbuf *out, const struct statements *around,
                         const struct strbuf *statements)
{
    strbuf_add_slice(out, around->before);
    if (!around->value.p)
        strbuf_adds(out, around->is_last ? ",\"Statement\":" : "\"Statement\":");
    strbuf_addc(out, '[');
    strbuf_add_slice(out, strbuf_slice(statements));
    strbuf_addc(out, ']');
    strbuf_add_slice(out, around->after);
}

static enum queue_error take_policy(struct settings *settings, struct strbuf *policy,
                                    struct queue_refusal *refusal)
{
    if (policy->n > POLICY_MAX)
        return queue_refuse(refusal, QUEUE_OVER_LIMIT, "The policy would be longer than %d bytes.",
                            POLICY_MAX);
    if (strbuf_failed(policy) || !settings_replace(&settings->policy, strbuf_slice(policy)))
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    return QUEUE_OK;
}

/* The policy to edit: the queue's own, or the empty one that SQS begins with. */
static bool begin_policy(const struct settings *settings, struct slice queue_arn,
                         struct strbuf *out)
{
    if (settings->policy) {
        strbuf_adds(out, settings->policy);
    } else {
        strbuf_adds(out, "{\"Version\":\"2008-10-17\",\"Id\":\"");
        json_escape(queue_arn, out);
        strbuf_adds(out, "/SQSDefaultPolicy\"}");
    }
    return !strbuf_failed(out);
}

/* Checks that there is room for one more, and appends it to those that are kept. */
static enum queue_error add_statement(struct walk *w, const struct strbuf *statement,
                                      struct queue_refusal *refusal)
{
    if (w->found > 0)
        return refuse_label(w->label, "Already exists.", refusal);
    if (w->count >= POLICY_STATEMENTS_MAX)
        return queue_refuse(refusal, QUEUE_OVER_LIMIT,
                            "%zu statements were found in the submitted policy, max allowed is %d",
                            w->count + 1, POLICY_STATEMENTS_MAX);
    if (w->kept->n > 0)
        strbuf_addc(w->kept, ',');
    strbuf_add_slice(w->kept, strbuf_slice(statement));
    w->kept->failed |= statement->failed;
    return QUEUE_OK;
}

static enum queue_error add_to_policy(struct settings *settings, struct slice policy,
                                      const struct strbuf *statement, struct slice label,
                                      struct queue_refusal *refusal)
{
    struct strbuf kept = {0}, edited = {0};
    struct walk w = {.label = label, .kept = &kept};
    struct statements around;
    enum queue_error error;

    if (!find_statements(policy, &around))
        return settings_refuse_value("Policy", refusal);
    walk_statements(&w, &around);
    error = add_statement(&w, statement, refusal);
    if (!error) {
        write_policy(&edited, &around, &kept);
        edited.failed |= kept.failed;
        error = take_policy(settings, &edited, refusal);
    }
    strbuf_deinit(&kept);
    strbuf_deinit(&edited);
    return error;
}

enum queue_error settings_permission_add(struct settings *settings, struct slice queue_arn,
                                         struct slice label, const struct slice *accounts,
                                         size_t account_count, const struct slice *actions,
                                         size_t action_count, struct queue_refusal *refusal)
{
    struct strbuf policy = {0}, statement = {0};
    enum queue_error error =
        check_permission(label, accounts, account_count, actions, action_count, refusal);

    if (error)
        return error;
    write_statement(&statement, queue_arn, label, accounts, account_count, actions, action_count);
    if (!begin_policy(settings, queue_arn, &policy))
        error = queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    else
        error = add_to_policy(settings, strbuf_slice(&policy), &statement, label, refusal);
    strbuf_deinit(&policy);
    strbuf_deinit(&statement);
    return error;
}

enum queue_error settings_permission_remove(struct settings *settings, struct slice label,
                                            struct queue_refusal *refusal)
{
    struct strbuf kept = {0}, policy = {0};
    struct walk w = {.label = label, .kept = &kept, .ok = true};
    struct statements around;
    enum queue_error error;

    if (settings->policy && find_statements(slice_of(settings->policy), &around))
        walk_statements(&w, &around);
    if (w.found == 0) {
        error = refuse_label(label, "can't find label.", refusal);
    } else {
        /* A policy without statements is none. */
        if (w.found < w.count)
            write_policy(&policy, &around, &kept);
        policy.failed |= kept.failed;
        error = take_policy(settings, &policy, refusal);
    }
    strbuf_deinit(&kept);
    strbuf_deinit(&policy);
    return error;
}
