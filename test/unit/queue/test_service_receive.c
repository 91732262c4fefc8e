/* Receiving as clients see it: what is in an answer, who waits and who is gone, answers that do not arrive, payloads on disk. */
#include "test/unit/queue/service_world.h"

#define INVALID "400 {'__type':'com.amazon.coral.service#InvalidParameterValueException',"
#define ARN     "arn:aws:sqs:us-east-1:000000000000:"

static void send(struct world *w, const char *queue, const char *message)
{
    struct strbuf body = {0};

    strbuf_addf(&body, "{@%s,'MessageBody':'%s'}", queue, message);
    says(w, "SendMessage", body.p, "200 *");
    strbuf_deinit(&body);
}

/* ---- what is in an answer ---- */

SCENE(a_message_has_what_was_asked_for)
{
    static const char message[] =
        "{@q.fifo,'MessageBody':'foobar','MessageGroupId':'g','MessageDeduplicationId':'d',"
        "'MessageAttributes':{'MyAttribute':{'DataType':'String','StringValue':'foobar'},"
        "'n':{'DataType':'Number','StringValue':'1'}},"
        "'MessageSystemAttributes':{'AWSTraceHeader':{'DataType':'String','StringValue':'t'}}}";

    says(w, "SendMessage", message, "200 *");
    says(w, "ReceiveMessage", "{@q.fifo,'VisibilityTimeout':0}",
         "200 {'Messages':[{'MessageId':'*','ReceiptHandle':'*','MD5OfBody':"
         "'3858f62230ac3c915f300c664312c63f','Body':'foobar'}]}");
    says(w, "ReceiveMessage",
         "{@q.fifo,'VisibilityTimeout':0,'AttributeNames':['SequenceNumber'],"
         "'MessageAttributeNames':['MyAttribute']}",
         "200 {*'Body':'foobar','Attributes':{'SequenceNumber':'000*'},'MD5OfMessageAttributes':"
         "'adb59cd4678ea5a855436b949cd07ab6','MessageAttributes':{'MyAttribute':{*'foobar'*}}}]}");
    says(w, "ReceiveMessage",
         "{@q.fifo,'MessageSystemAttributeNames':['All'],'MessageAttributeNames':['.*']}",
         "200 {*'Attributes':{'SenderId':'000000000000','ApproximateFirstReceiveTimestamp':"
         "'1767225600000','ApproximateReceiveCount':'3','SentTimestamp':'1767225600000',"
         "'SequenceNumber':'000*','MessageDeduplicationId':'d','MessageGroupId':'g',"
         "'AWSTraceHeader':'t'},'MD5OfMessageAttributes':'*','MessageAttributes':{*'n':{*}}}]}");
}

SCENE(a_dead_letter_says_where_it_came_from)
{
    send(w, "r", "a");
    says(w, "ReceiveMessage", "{@r,'VisibilityTimeout':0}", "200 {'Messages':*");
    says(w, "ReceiveMessage", "{@r}", "200 {}");
    says(w, "ReceiveMessage", "{@dead,'MessageSystemAttributeNames':['DeadLetterQueueSourceArn']}",
         "200 {*'Attributes':{'DeadLetterQueueSourceArn':'" ARN "r'}}]}");
}

/* A crash that forgot the move would make the handle one of nothing: a delete by it would say yes and do nothing. */
SCENE(what_was_moved_is_given_when_the_move_is_durable, .has_disk = true)
{
    struct asked *poll;

    send(w, "r", "a");
    says(w, "ReceiveMessage", "{@r,'VisibilityTimeout':0}", "200 {'Messages':*");
    w->disk->is_slow = true;
    hears(ask(w, "ReceiveMessage", "{@r}"), "200 {}"); /* moves it */
    poll = ask(w, "ReceiveMessage", "{@dead}");
    hears(poll, "");
    hears(ask(w, "ReceiveMessage", "{@q}"), "200 {}"); /* nothing needs no handle */
    disk_turns(w->disk);
    hears(poll, "200 {*'Body':'a'*");
    w->disk->is_slow = false;
    send(w, "q", "b");
    w->disk->is_slow = true;
    hears(ask(w, "ReceiveMessage", "{@q}"), "200 {*'Body':'b'*"); /* and nobody waits any more */
}

/* Moved while an earlier move is being written. */
SCENE(every_move_is_waited_for, .has_disk = true)
{
    struct asked *first, *second;

    send(w, "r", "a");
    send(w, "r", "b");
    says(w, "ReceiveMessage", "{@r,'VisibilityTimeout':0}", "200 {*'Body':'a'*");
    w->disk->is_slow = true;
    hears(ask(w, "ReceiveMessage", "{@r,'VisibilityTimeout':0}"), ""); /* a goes, b is given */
    first = ask(w, "ReceiveMessage", "{@dead,'VisibilityTimeout':0}");
    hears(ask(w, "ReceiveMessage", "{@r}"), "200 {}"); /* b goes */
    second = ask(w, "ReceiveMessage", "{@dead,'MaxNumberOfMessages':2}");
    hears(first, "");
    hears(second, "");
    disk_turns(w->disk);
    hears(first, "200 {*'Body':'a'*");
    hears(second, "200 {*'Body':'a'*'Body':'b'*");
    first = ask(w, "ReceiveMessage", "{@dead,'VisibilityTimeout':0}");
    hears(first, "200 {}");
    disk_turns(w->disk); /* what was moved since */
}

SCENE(a_disk_that_breaks_under_a_move, .has_disk = true, .result = -EIO)
{
    send(w, "r", "a");
    says(w, "ReceiveMessage", "{@r,'VisibilityTimeout':0}", "200 {'Messages':*");
    w->disk->write_error = -EIO;
    hears(ask(w, "ReceiveMessage", "{@r}"), "200 {}");
    pass(w, sl_ms(1));
    says(w, "ReceiveMessage", "{@dead}", "503 *#ServiceUnavailable*");
}

SCENE(what_a_receive_may_not_be)
{
    static const struct line lines[] = {
        {"ReceiveMessage", "{@nowhere}", "400 *#QueueDoesNotExist*"},
        {"ReceiveMessage", "{@q,'MaxNumberOfMessages':0}", INVALID "*Value 0 for*"},
        {"ReceiveMessage", "{@q,'MaxNumberOfMessages':11}",
         INVALID
         "*Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 "
         "and 10, if provided.'}"},
        {"ReceiveMessage", "{@q,'WaitTimeSeconds':21}",
         INVALID "*Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= "
                 "20, if provided.'}"},
        {"ReceiveMessage", "{@q,'WaitTimeSeconds':-1}", INVALID "*Value -1 for*"},
        {"ReceiveMessage", "{@q,'VisibilityTimeout':-1}", INVALID "*Value -1 for*"},
        {"ReceiveMessage", "{@q,'VisibilityTimeout':43201}", INVALID "*Value 43201 for*"},
        {"ReceiveMessage", "{@q,'ReceiveRequestAttemptId':'a'}",
         INVALID "*Value a for parameter ReceiveRequestAttemptId is invalid. Reason: The request "
                 "include parameter that is not valid for this queue type.'}"},
        {"ReceiveMessage", "{@q.fifo,'ReceiveRequestAttemptId':'a b'}", INVALID "*Value a b for*"},
        {"ReceiveMessage", "{@q.fifo,'ReceiveRequestAttemptId':'a'}", "200 {}"},
        {"ReceiveMessage", "{@q,'AttributeNames':['VisibilityTimeout']}",
         "400 *#InvalidAttributeName*Unknown Attribute VisibilityTimeout.'}"},
        {"ReceiveMessage", "{@q,'MessageSystemAttributeNames':['SenderId','x']}",
         "400 *#InvalidAttributeName*Unknown Attribute x.'}"},
        {"ReceiveMessage", "{@q,'WaitTimeSeconds':0,'VisibilityTimeout':43200}", "200 {}"},
    };

    says_all(w, lines, COUNT(lines));
}

SCENE(too_many_in_flight, .config.limits = {.message_max = 1048576, .in_flight_max = 1})
{
    send(w, "q", "a");
    send(w, "q", "b");
    says(w, "ReceiveMessage", "{@q}", "200 {'Messages':*");
    says(w, "ReceiveMessage", "{@q}", "403 *#OverLimit*");
    stands(w, "q", "1/1/0");
}

/* ---- waiting ---- */

SCENE(a_poll_waits_for_a_message)
{
    struct asked *poll = ask(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':20}");

    pass(w, sl_sec(19));
    hears(poll, "");
    send(w, "q", "a");
    hears(poll, "200 {'Messages':[{*'Body':'a'}]}");
}

SCENE(a_poll_waits_in_vain)
{
    struct asked *poll = ask(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':2}");

    pass(w, sl_ms(1999));
    hears(poll, "");
    pass(w, sl_ms(1));
    hears(poll, "200 {}");
}

/* Without a time of its own a receive waits as long as its queue says. */
SCENE(a_queue_says_how_long_a_receive_waits)
{
    struct asked *poll;

    says(w, "SetQueueAttributes", "{@q,'Attributes':{'ReceiveMessageWaitTimeSeconds':'3'}}",
         "200 ");
    poll = ask(w, "ReceiveMessage", "{@q}");
    pass(w, sl_ms(2999));
    hears(poll, "");
    says(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':0}", "200 {}");
    pass(w, sl_ms(1));
    hears(poll, "200 {}");
}

SCENE(a_poll_hears_that_its_queue_is_gone)
{
    struct asked *poll = ask(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':20}");

    says(w, "DeleteQueue", "{@q}", "200 ");
    hears(poll, "400 *#QueueDoesNotExist*");
}

SCENE(who_left_gets_nothing)
{
    struct asked *first = ask(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':20}");
    struct asked *second = ask(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':20}");

    leaves(first);
    expect(first->ends == 1);
    queue_call_gone(second->call); /* of one that waits still */
    send(w, "q", "a");
    stands(w, "q", "1/0/0");
    says(w, "ReceiveMessage", "{@q,'MessageSystemAttributeNames':['ApproximateReceiveCount']}",
         "200 *'ApproximateReceiveCount':'1'*");
}

/* The loop has not noticed yet: the message goes to the next who waits, and was not received. */
SCENE(who_is_found_to_have_left_gets_nothing)
{
    struct asked *first = ask(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':20}");
    struct asked *second =
        ask(w, "ReceiveMessage",
            "{@q,'WaitTimeSeconds':20,'MessageSystemAttributeNames':['ApproximateReceiveCount']}");

    first->is_gone = true;
    send(w, "q", "a");
    hears(first, "200 ");
    hears(second, "200 {*'Body':'a','Attributes':{'ApproximateReceiveCount':'1'}}]}");
}

/* Who closes its end behind a short poll may only have nothing more to say. */
SCENE(a_short_poll_is_answered_all_the_same)
{
    struct asked *poll;

    send(w, "q", "a");
    w->next_is_slow = true;
    poll = ask(w, "ReceiveMessage", "{@q}");
    hears(poll, "200 {'Messages':*");
    queue_call_gone(poll->call); /* too late */
    stands(w, "q", "0/1/0");
    arrives(poll, true);
    stands(w, "q", "0/1/0");
}

SCENE(an_answer_that_does_not_arrive_is_taken_back)
{
    struct asked *poll;

    send(w, "q", "a");
    w->next_is_slow = true;
    poll = ask(w, "ReceiveMessage", "{@q}");
    stands(w, "q", "0/1/0");
    arrives(poll, false);
    stands(w, "q", "1/0/0");
}

/* Where nothing can be watched the visibility timeout finds it. */
SCENE(an_answer_that_nobody_watches_is_not_taken_back)
{
    struct asked *poll;

    send(w, "q", "a");
    w->next_is_deaf = true;
    poll = ask(w, "ReceiveMessage", "{@q}");
    expect(!poll->call);
    stands(w, "q", "0/1/0");
    pass(w, sl_sec(30));
    stands(w, "q", "1/0/0");
}

SCENE(a_stop_answers_polls_and_makes_them_short)
{
    struct asked *poll = ask(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':20}");

    queue_service_stop(w->service);
    hears(poll, "200 {}");
    says(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':20}", "200 {}");
    send(w, "q", "a");
    says(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':20}", "200 {'Messages':*");
}

/* ---- on purpose ---- */

SCENE(messages_are_given_twice_on_purpose, .config.faults.duplicate = 1)
{
    send(w, "q", "a");
    says(w, "ReceiveMessage", "{@q}", "200 {*'Body':'a'}]}");
    stands(w, "q", "1/0/0");
    says(w, "ReceiveMessage", "{@q}", "200 {*'Body':'a'}]}");
}

SCENE(messages_are_shuffled_on_purpose, .config.faults.shuffle = 1)
{
    const char *seen[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct asked *poll;
    size_t in_order = 0;

    for (size_t i = 0; i < COUNT(seen); i++)
        send(w, "q", seen[i]);
    poll = ask(w, "ReceiveMessage", "{@q,'MaxNumberOfMessages':10}");
    for (size_t i = 0; i < COUNT(seen); i++) {
        char body[16];

        snprintf(body, sizeof body, "'Body':'%s'", seen[i]);
        expect(strstr(poll->answer.p, body));
        if (i > 0) {
            char before[16];

            snprintf(before, sizeof before, "'Body':'%s'", seen[i - 1]);
            in_order += strstr(poll->answer.p, before) < strstr(poll->answer.p, body);
        }
    }
    expect(in_order < COUNT(seen) - 1);
}

/* ---- payloads that only the disk has ---- */

SCENE(payloads_are_fetched_from_the_disk, .has_disk = true)
{
    struct asked *poll;

    world_restarts_full(w, "678");
    w->next_is_slow = true;
    poll = ask(w, "ReceiveMessage", "{@q,'MaxNumberOfMessages':2,'MessageAttributeNames':['All']}");
    hears(poll, "");
    queue_call_gone(poll->call); /* it does not wait for messages any more */
    hears(poll, "");
    queue_service_stop(w->service);
    hears(poll, "");
    disk_turns(w->disk);
    hears(poll, "200 {'Messages':[{*'Body':'6'*'StringValue':'v'*},{*'Body':'7'*}]}");
    arrives(poll, true);
    stands(w, "q", "1/2/0");
}

/* What is next is read before anybody asks. */
SCENE(payloads_are_read_ahead, .has_disk = true)
{
    unsigned reads;

    world_restarts_full(w, "678");
    says(w, "ReceiveMessage", "{@q}", "200 {'Messages':[{*'Body':'6'}]}");
    disk_turns(w->disk);
    reads = w->disk->reads;
    expect(reads == 3);
    hears(ask(w, "ReceiveMessage", "{@q,'MaxNumberOfMessages':3}"),
          "200 {'Messages':[{*'Body':'7'},{*'Body':'8'}]}");
    expect(w->disk->reads == reads);
}

/* Its answer comes without it. */
SCENE(a_message_is_purged_while_it_is_looked_for, .has_disk = true)
{
    struct asked *poll;

    world_restarts_full(w, "678");
    poll = ask(w, "ReceiveMessage", "{@q}");
    ask(w, "PurgeQueue", "{@q}");
    disk_turns(w->disk);
    hears(poll, "200 {}");
}

SCENE(a_disk_that_cannot_be_read, .has_disk = true)
{
    world_restarts_full(w, "678");
    w->disk->read_error = -EIO;
    says(w, "ReceiveMessage", "{@q,'MaxNumberOfMessages':2}", "503 *#ServiceUnavailable*");
    disk_turns(w->disk);
    stands(w, "q", "3/0/0");
    w->disk->read_error = 0;
    says(w, "ReceiveMessage", "{@q}", "200 {'Messages':[{*'Body':'6'}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_what_was_asked_for),
        cmocka_unit_test(a_dead_letter_says_where_it_came_from),
        cmocka_unit_test(what_was_moved_is_given_when_the_move_is_durable),
        cmocka_unit_test(every_move_is_waited_for),
        cmocka_unit_test(a_disk_that_breaks_under_a_move),
        cmocka_unit_test(what_a_receive_may_not_be),
        cmocka_unit_test(too_many_in_flight),
        cmocka_unit_test(a_poll_waits_for_a_message),
        cmocka_unit_test(a_poll_waits_in_vain),
        cmocka_unit_test(a_queue_says_how_long_a_receive_waits),
        cmocka_unit_test(a_poll_hears_that_its_queue_is_gone),
        cmocka_unit_test(who_left_gets_nothing),
        cmocka_unit_test(who_is_found_to_have_left_gets_nothing),
        cmocka_unit_test(a_short_poll_is_answered_all_the_same),
        cmocka_unit_test(an_answer_that_does_not_arrive_is_taken_back),
        cmocka_unit_test(an_answer_that_nobody_watches_is_not_taken_back),
        cmocka_unit_test(a_stop_answers_polls_and_makes_them_short),
        cmocka_unit_test(messages_are_given_twice_on_purpose),
        cmocka_unit_test(messages_are_shuffled_on_purpose),
        cmocka_unit_test(payloads_are_fetched_from_the_disk),
        cmocka_unit_test(payloads_are_read_ahead),
        cmocka_unit_test(a_message_is_purged_while_it_is_looked_for),
        cmocka_unit_test(a_disk_that_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
