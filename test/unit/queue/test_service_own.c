/* The two operations of our own: how all queues stand, and a look at messages that leaves them as they are. */
#include "test/unit/queue/service_world.h"

#define URL      "http://localhost:9324/000000000000/"
#define DESCRIBE "Sluice.DescribeQueues"
#define PEEK     "Sluice.PeekMessages"

static void send(struct world *w, const char *queue, const char *rest)
{
    struct strbuf body = {0};

    strbuf_addf(&body, "{@%s,'MessageBody':%s}", queue, rest);
    says(w, "SendMessage", body.p, "200 *");
    strbuf_deinit(&body);
}

SCENE(all_queues_are_described)
{
    static const struct line lines[] = {
        {DESCRIBE, "{'QueueNamePrefix':'q'}",
         "200 {'Queues':[{'Fifo':false,'Name':'q','QueueUrl':'" URL "q','Visible':2,'InFlight':1,"
         "'Delayed':1,'Sent':4,'OldestSentMs':1767225600000,'DeadLetter':null,"
         "'MaxReceives':null},{'Fifo':true,'Name':'q.fifo','QueueUrl':'" URL "q.fifo',"
         "'Visible':0,'InFlight':0,'Delayed':0,'Sent':0,'OldestSentMs':null,'DeadLetter':null,"
         "'MaxReceives':null}]}"},
        {DESCRIBE, "{'QueueNamePrefix':'r','Other':[1,{'a':2}]}",
         "200 {'Queues':[{'Fifo':false,'Name':'r',*'DeadLetter':'dead','MaxReceives':1}]}"},
        {DESCRIBE, "{}", "200 {'Queues':[{*'dead'*},{*'q'*},{*'q.fifo'*},{*'r'*}]}"},
        {DESCRIBE, "{'QueueNamePrefix':1}", "200 {'Queues':[{*'dead'*},{*'r'*}]}"},
        {DESCRIBE, "{'QueueNamePrefix':'q.fifo.x'}", "200 {'Queues':[]}"},
        {DESCRIBE, "{'QueueNamePrefix':'z'}", "200 {'Queues':[]}"},
        {DESCRIBE, "[]", "400 *#SerializationException*The request is no JSON object.'}"},
        {DESCRIBE, "{'QueueNamePrefix':}", "400 *#SerializationException*"},
        {DESCRIBE, "{'a'", "400 *#SerializationException*"},
        {DESCRIBE, "{} x", "400 *#SerializationException*"},
    };

    send(w, "q", "'a'");
    send(w, "q", "'b'");
    send(w, "q", "'c'");
    send(w, "q", "'d','DelaySeconds':5");
    says(w, "ReceiveMessage", "{@q}", "200 *");
    says_all(w, lines, COUNT(lines));
}

SCENE(messages_are_looked_at)
{
    static const struct line lines[] = {
        {PEEK, "{'QueueName':'q'}",
         "200 {'Messages':[{'Status':'in flight','MessageId':'*-*','HiddenForMs':20000,'Receives':1,"
         "'SentMs':1767225600000,'Bytes':3,'Group':null},{'Status':'ready','MessageId':'*',"
         "'HiddenForMs':0,'Receives':0,'SentMs':*,'Bytes':1,'Group':'t'},"
         "{'Status':'delayed',*'HiddenForMs':890000,*}]}"},
        {PEEK, "{'QueueName':'q','Body':true,'MaxNumberOfMessages':1}",
         "200 {'Messages':[{*'Group':null,'Body':'a\\'\\\\'}]}"},
        {PEEK, "{'QueueName':'q','Body':false,'MaxNumberOfMessages':0}",
         "200 {'Messages':[{*'Group':null}]}"},
        {PEEK, "{'QueueName':'q','MaxNumberOfMessages':10000000000000000000}",
         "200 {'Messages':[{*},{*},{*}]}"},
        {PEEK, "{'QueueName':'r'}", "200 {'Messages':[]}"},
        {PEEK, "{'QueueName':'nowhere'}", "400 *#QueueDoesNotExist*"},
        {PEEK, "{'QueueName':7}", "400 *#QueueDoesNotExist*"},
        {PEEK, "{}", "400 *#QueueDoesNotExist*"},
        {PEEK, "", "400 *#SerializationException*"},
    };

    send(w, "q", "'a\\'\\\\'");
    send(w, "q", "'b','MessageGroupId':'t'");
    send(w, "q", "'c','DelaySeconds':900");
    says(w, "ReceiveMessage", "{@q}", "200 {*'Body':'a*");
    pass(w, sl_sec(10));
    says_all(w, lines, COUNT(lines));
    stands(w, "q", "1/1/1");
    says(w, "ReceiveMessage", "{@q,'MessageSystemAttributeNames':['ApproximateReceiveCount']}",
         "200 {*'ApproximateReceiveCount':'1'*");
}

SCENE(a_hundred_at_most_are_looked_at)
{
    struct asked *look;
    size_t n = 0;

    for (int i = 0; i < 101; i++)
        send(w, "q", "'a'");
    look = ask(w, PEEK, "{'QueueName':'q','MaxNumberOfMessages':101}");
    for (const char *at = look->answer.p; (at = strstr(at, "'ready'")); at++)
        n++;
    expect(n == 100);
}

/* ---- payloads that only the disk has ---- */

SCENE(bodies_on_the_disk_are_looked_at, .has_disk = true)
{
    struct asked *look;

    world_restarts_full(w, "cb");
    look = ask(w, PEEK, "{'QueueName':'q','Body':true}");
    hears(look, "");
    disk_turns(w->disk);
    hears(look, "200 {'Messages':[{*'Bytes':1,*'Body':'c'},{*'Body':'b'}]}");
    stands(w, "q", "2/0/0");
}

SCENE(what_is_purged_meanwhile_is_not_shown, .has_disk = true)
{
    struct asked *look;

    world_restarts_full(w, "cb");
    look = ask(w, PEEK, "{'QueueName':'q'}");
    ask(w, "PurgeQueue", "{@q}");
    disk_turns(w->disk);
    hears(look, "200 {'Messages':[]}");
}

/* An empty list would say that there is nothing. */
SCENE(a_disk_that_cannot_be_read_shows_nothing, .has_disk = true)
{
    world_restarts_full(w, "cb");
    w->disk->read_error = -EIO;
    says(w, PEEK, "{'QueueName':'q'}", "503 *#ServiceUnavailable*");
}

/* They only look, and do so also when nothing can be written. */
SCENE(a_full_disk_can_be_looked_at, .has_disk = true, .result = -ENOSPC)
{
    send(w, "q", "'a'");
    w->disk->write_error = -ENOSPC;
    says(w, "SendMessage", "{@q,'MessageBody':'b'}", "503 *");
    says(w, PEEK, "{'QueueName':'q','Body':true}", "200 {'Messages':[{*'Body':'a'}*]}");
    says(w, DESCRIBE, "{}", "200 *");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_queues_are_described),
        cmocka_unit_test(messages_are_looked_at),
        cmocka_unit_test(a_hundred_at_most_are_looked_at),
        cmocka_unit_test(bodies_on_the_disk_are_looked_at),
        cmocka_unit_test(what_is_purged_meanwhile_is_not_shown),
        cmocka_unit_test(a_disk_that_cannot_be_read_shows_nothing),
        cmocka_unit_test(a_full_disk_can_be_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
