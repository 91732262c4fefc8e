/* Queues as clients see them: made, found, listed, described, tagged, permitted, emptied, dropped; and move tasks. */
#include "test/unit/queue/service_world.h"

#define INVALID "400 {'__type':'com.amazon.coral.service#InvalidParameterValueException',"
#define ARN     "arn:aws:sqs:us-east-1:000000000000:"
#define URL     "http://localhost:9324/000000000000/"

/* ---- making and dropping ---- */

SCENE(a_queue_is_made_once)
{
    static const struct line lines[] = {
        {"CreateQueue", "{'QueueName':'n','Attributes':{'VisibilityTimeout':'5'}}",
         "200 {'QueueUrl':'" URL "n'}"},
        {"CreateQueue", "{'QueueName':'n','Attributes':{'VisibilityTimeout':'5'}}",
         "200 {'QueueUrl':'" URL "n'}"},
        {"CreateQueue", "{'QueueName':'n','Attributes':{'VisibilityTimeout':'6'}}",
         "400 *#QueueNameExists*A queue already exists with the same name and a different value "
         "for attribute VisibilityTimeout'}"},
        {"CreateQueue", "{'QueueName':'n','Attributes':{'VisibilityTimeout':'x'}}",
         "400 *#InvalidAttributeValue*"},
        {"CreateQueue", "{'QueueName':'n','Attributes':{'Colour':'red'}}",
         "400 *#InvalidAttributeName*Unknown Attribute Colour.'}"},
        {"CreateQueue", "{'QueueName':'n o'}", INVALID "*"},
        {"CreateQueue", "{'QueueName':'f.fifo','Attributes':{'FifoQueue':'TRUE'}}",
         "400 *#InvalidAttributeName*Unknown Attribute FifoQueue.'}"},
        {"CreateQueue",
         "{'QueueName':'f.fifo','Attributes':{'DelaySeconds':'1','FifoQueue':'true'}}",
         "200 {'QueueUrl':'" URL "f.fifo'}"},
        {"CreateQueue", "{'QueueName':'g','Attributes':{'FifoQueue':'true'}}", INVALID "*"},
        {"CreateQueue", "{'QueueName':'g','Attributes':{'FifoQueue':'false'}}",
         "400 *#InvalidAttributeName*Unknown Attribute FifoQueue.'}"},
        {"DeleteQueue", "{@nowhere}", "400 *#QueueDoesNotExist*"},
        {"DeleteQueue", "{@n}", "200 "},
        {"GetQueueUrl", "{'QueueName':'n'}", "400 *#QueueDoesNotExist*"},
        {"CreateQueue", "{'QueueName':'n'}", "400 *#QueueDeletedRecently*"},
    };

    says_all(w, lines, COUNT(lines));
    pass(w, sl_sec(60));
    says(w, "CreateQueue", "{'QueueName':'n'}", "200 *");
}

SCENE(a_purge_empties_and_is_not_repeated_at_once)
{
    says(w, "SendMessage", "{@q,'MessageBody':'a'}", "200 *");
    says(w, "PurgeQueue", "{@nowhere}", "400 *#QueueDoesNotExist*");
    says(w, "PurgeQueue", "{@q}", "200 ");
    stands(w, "q", "0/0/0");
    says(w, "PurgeQueue", "{@q}",
         "403 *#PurgeQueueInProgress*Only one PurgeQueue operation on q is allowed every 60 "
         "seconds.'}");
}

/* ---- finding ---- */

SCENE(a_url_has_the_host_that_was_asked)
{
    char host[300];

    says(w, "GetQueueUrl", "{'QueueName':'q'}", "200 {'QueueUrl':'" URL "q'}");
    says(w, "GetQueueUrl", "{'QueueName':'q','QueueOwnerAWSAccountId':'000000000000'}", "200 *");
    says(w, "GetQueueUrl", "{'QueueName':'q','QueueOwnerAWSAccountId':'000000000001'}",
         "400 *#QueueDoesNotExist*");
    says(w, "GetQueueUrl", "{'QueueName':'p'}", "400 *#QueueDoesNotExist*");
    w->host = NULL;
    says(w, "GetQueueUrl", "{'QueueName':'q'}",
         "200 {'QueueUrl':'http://localhost/000000000000/q'}");
    snprintf(host, sizeof host, "%0256d", 0);
    w->host = host;
    says(w, "GetQueueUrl", "{'QueueName':'q'}", "200 *'http://localhost/*");
    w->host = host + 1;
    says(w, "GetQueueUrl", "{'QueueName':'q'}", "200 *'http://0000*");
}

SCENE(queues_are_listed_in_pages)
{
    static const struct line lines[] = {
        {"ListQueues", "{}",
         "200 {'QueueUrls':['" URL "dead','" URL "q','" URL "q.fifo','" URL "r']}"},
        {"ListQueues", "{'QueueNamePrefix':'q'}", "200 {'QueueUrls':['" URL "q','" URL "q.fifo']}"},
        {"ListQueues", "{'QueueNamePrefix':'q.fifo.and.more'}", "200 {}"},
        {"ListQueues", "{'QueueNamePrefix':''}", "200 {'QueueUrls':[*dead*r']}"},
        {"ListQueues", "{'MaxResults':4}", "200 {'QueueUrls':[*dead*r']}"},
        {"ListQueues", "{'MaxResults':1,'QueueNamePrefix':'q'}",
         "200 {'QueueUrls':['" URL "q'],'NextToken':'cS5maWZv'}"}, /* base64 of q.fifo */
        {"ListQueues", "{'MaxResults':1,'QueueNamePrefix':'q','NextToken':'cS5maWZv'}",
         "200 {'QueueUrls':['" URL "q.fifo']}"},
        {"ListQueues", "{'NextToken':'cS5maWZv'}",
         "200 {'QueueUrls':['" URL "q.fifo','" URL "r']}"},
        {"ListQueues", "{'NextToken':''}", "200 {'QueueUrls':[*dead*r']}"},
        {"ListQueues", "{'NextToken':'?'}", INVALID "*Invalid NextToken value.'}"},
        {"ListQueues", "{'NextToken':'===='}", INVALID "*Invalid NextToken value.'}"},
        {"ListQueues",
         "{'NextToken':'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
         "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB'"
         "}",
         INVALID "*Invalid NextToken value.'}"},
        {"ListQueues", "{'MaxResults':0}",
         INVALID "*Value 0 for parameter MaxResults is invalid. Reason: MaxResults must be an "
                 "integer between 1 and 1000, if provided.'}"},
        {"ListQueues", "{'MaxResults':1001}", INVALID "*Value 1001 for*"},
        {"ListQueues", "{'MaxResults':1000}", "200 *"},
        {"?/?Action=ListQueues&QueueNamePrefix=q", "",
         "200 <?xml*<QueueUrl>" URL "q</QueueUrl><QueueUrl>" URL "q.fifo</QueueUrl>*"},
    };

    w->method = "POST";
    says_all(w, lines, COUNT(lines) - 1);
    w->method = "GET";
    says_all(w, &lines[COUNT(lines) - 1], 1);
}

/* Without MaxResults a list has a thousand, and no next page. */
static const struct queue_plan *thousand(void)
{
    static struct queue_plan plans[1001];
    static char names[COUNT(plans)][8];

    for (size_t i = 0; i < COUNT(plans); i++) {
        snprintf(names[i], sizeof names[i], "q%04zu", i);
        plans[i] = (struct queue_plan){.name = names[i], .visibility = {-1}, .delay = {-1}};
    }
    return plans;
}

SCENE(a_thousand_queues_are_listed, .config = {.queues = thousand(), .queue_count = 1001})
{
    const struct asked *list = ask(w, "ListQueues", "{}");
    size_t n = 0;

    for (const char *at = list->answer.p; (at = strstr(at, "/q")); at++)
        n++;
    expect(n == 1000 && !strstr(list->answer.p, "NextToken"));
    says(w, "ListQueues", "{'MaxResults':1000}", "200 *q0999'],'NextToken':'*'}");
}

SCENE(sources_of_a_dead_letter_queue_are_listed)
{
    static const struct line lines[] = {
        {"ListDeadLetterSourceQueues", "{@dead}", "200 {'queueUrls':['" URL "r']}"},
        {"ListDeadLetterSourceQueues", "{@q}", "200 {'queueUrls':[]}"},
        {"ListDeadLetterSourceQueues", "{@nowhere}", "400 *#QueueDoesNotExist*"},
        {"ListDeadLetterSourceQueues", "{@dead,'MaxResults':0}", INVALID "*"},
        {"CreateQueue",
         "{'QueueName':'z','Attributes':{'RedrivePolicy':'{\\'deadLetterTargetArn\\':\\'" ARN
         "dead\\',\\'maxReceiveCount\\':1}'}}",
         "200 *"},
        {"ListDeadLetterSourceQueues", "{@dead,'MaxResults':1}",
         "200 {'queueUrls':['" URL "r'],'NextToken':'eg=='}"},
        {"ListDeadLetterSourceQueues", "{@dead,'MaxResults':1,'NextToken':'eg=='}",
         "200 {'queueUrls':['" URL "z']}"},
    };

    says_all(w, lines, COUNT(lines));
}

/* ---- what a queue is like ---- */

SCENE(attributes_are_shown_and_set)
{
    static const struct line lines[] = {
        {"GetQueueAttributes", "{@nowhere}", "400 *#QueueDoesNotExist*"},
        {"GetQueueAttributes", "{@q}", "200 {}"},
        {"GetQueueAttributes", "{@q,'AttributeNames':['Colour']}",
         "400 *#InvalidAttributeName*Unknown Attribute Colour.'}"},
        {"GetQueueAttributes", "{@q,'AttributeNames':['Policy']}", "200 {}"}, /* there is none */
        {"GetQueueAttributes", "{@q,'AttributeNames':['DelaySeconds','QueueArn']}",
         "200 {'Attributes':{'QueueArn':'" ARN "q','DelaySeconds':'0'}}"},
        {"SendMessage", "{@q,'MessageBody':'a'}", "200 *"},
        {"SendMessage", "{@q,'MessageBody':'b','DelaySeconds':5}", "200 *"},
        {"SendMessage", "{@q,'MessageBody':'c'}", "200 *"},
        {"SendMessage", "{@q,'MessageBody':'d'}", "200 *"},
        {"ReceiveMessage", "{@q}", "200 *"},
        {"GetQueueAttributes", "{@q,'AttributeNames':['All']}",
         "200 {'Attributes':{'QueueArn':'" ARN "q','ApproximateNumberOfMessages':'2',"
         "'ApproximateNumberOfMessagesNotVisible':'1','ApproximateNumberOfMessagesDelayed':'1',"
         "'CreatedTimestamp':'1767225600','LastModifiedTimestamp':'1767225600',*"
         "'VisibilityTimeout':'30'*}}"},
        {"SetQueueAttributes", "{@nowhere,'Attributes':{'DelaySeconds':'7'}}",
         "400 *#QueueDoesNotExist*"},
        {"SetQueueAttributes", "{@q,'Attributes':{'DelaySeconds':'901'}}",
         "400 *#InvalidAttributeValue*"},
        {"SetQueueAttributes", "{@q,'Attributes':{'DelaySeconds':'7','QueueArn':'x'}}",
         "400 *#InvalidAttributeName*"},
        {"GetQueueAttributes", "{@q,'AttributeNames':['DelaySeconds']}", "200 *'0'}}"},
        {"SetQueueAttributes", "{@q,'Attributes':{'DelaySeconds':'7'}}", "200 "},
        {"GetQueueAttributes", "{@q,'AttributeNames':['DelaySeconds']}", "200 *'7'}}"},
        {"SetQueueAttributes",
         "{@q,'Attributes':{'RedrivePolicy':'{\\'deadLetterTargetArn\\':\\'" ARN
         "none\\',\\'maxReceiveCount\\':1}'}}",
         "400 *"},
    };

    says_all(w, lines, COUNT(lines));
}

SCENE(tags_are_set_listed_and_taken_off)
{
    struct strbuf body = {0};
    static const struct line lines[] = {
        {"ListQueueTags", "{@nowhere}", "400 *#QueueDoesNotExist*"},
        {"TagQueue", "{@nowhere,'Tags':{'a':'b'}}", "400 *#QueueDoesNotExist*"},
        {"UntagQueue", "{@nowhere,'TagKeys':['a']}", "400 *#QueueDoesNotExist*"},
        {"ListQueueTags", "{@q}", "200 {}"},
        {"TagQueue", "{@q,'Tags':{'a':'1','b':'2'}}", "200 "},
        {"TagQueue", "{@q,'Tags':{'a':'3','c':''}}", "200 "},
        {"ListQueueTags", "{@q}", "200 {'Tags':{'a':'3','b':'2','c':''}}"},
        {"UntagQueue", "{@q,'TagKeys':['b','d']}", "200 "},
        {"ListQueueTags", "{@q}", "200 {'Tags':{'a':'3','c':''}}"},
        {"TagQueue", "{@q,'Tags':{'':'1'}}", INVALID "*Tag keys must be between 1 and 128*"},
        {"TagQueue", "{@q,'Tags':{'aws:x':'1'}}", INVALID "*must not start with aws:*"},
        {"TagQueue", "{@q,'Tags':{'AWS:':'1'}}", INVALID "*must not start with aws:*"},
        {"TagQueue", "{@q,'Tags':{'awsx':'1'}}", "200 "},
        {"TagQueue", "{@q,'Tags':{'k':'v\\u0000w'}}", INVALID "*must not have control*"},
        {"TagQueue", "{@q,'Tags':{'k\\u0000l':'v'}}", INVALID "*must not have control*"},
        {"CreateQueue", "{'QueueName':'n','tags':{'k':'\\u001b'}}", INVALID "*must not have*"},
        {"CreateQueue", "{'QueueName':'n','tags':{'':'1'}}", INVALID "*Tag keys must be*"},
        {"CreateQueue", "{'QueueName':'n','tags':{'k':'v'}}", "200 *"},
        {"ListQueueTags", "{@n}", "200 {'Tags':{'k':'v'}}"},
    };

    says_all(w, lines, COUNT(lines));
    /* 51 at once, and one at a time. */
    for (int most = 51, n = 0; n <= 51; n++) {
        strbuf_reset(&body);
        strbuf_adds(&body, "{@r,'Tags':{");
        for (int i = most == 51 ? 0 : n - 1; i < (most == 51 ? most : n); i++)
            strbuf_addf(&body, "%s'k%d':'v'", i > (most == 51 ? 0 : n - 1) ? "," : "", i);
        strbuf_adds(&body, "}}");
        says(w, "TagQueue", body.p,
             most == 51 || n == 51 ? INVALID "*Too many tags added for queue r.'}" : "200 ");
        most = 1;
    }
    strbuf_reset(&body);
    strbuf_adds(&body, "{'QueueName':'m','tags':{'k':'v'");
    for (int i = 0; i < 50; i++)
        strbuf_addf(&body, ",'k%d':'v'", i);
    strbuf_adds(&body, "}}");
    says(w, "CreateQueue", body.p, INVALID "*Too many tags added for queue m.'}");
    says(w, "GetQueueUrl", "{'QueueName':'m'}", "400 *#QueueDoesNotExist*");
    strbuf_reset(&body);
    strbuf_addf(&body, "{@q,'Tags':{'%0129d':'v'}}", 0);
    says(w, "TagQueue", body.p, INVALID "*Tag keys must be between 1 and 128*");
    strbuf_reset(&body);
    strbuf_addf(&body, "{@q,'Tags':{'k':'%0257d'}}", 0);
    says(w, "TagQueue", body.p, INVALID "*values at most 256.'}");
    for (int i = 0; i < 2; i++) { /* characters count, not bytes */
        strbuf_reset(&body);
        strbuf_adds(&body, "{@tagged,'Tags':{'");
        for (int k = 0; k < 128 + i; k++)
            strbuf_adds(&body, "\xe6\xbc\xa2");
        strbuf_addf(&body, "':'%0256d'}}", 0);
        says(w, i == 0 ? "CreateQueue" : "TagQueue", i == 0 ? "{'QueueName':'tagged'}" : body.p,
             i == 0 ? "200 *" : INVALID "*Tag keys must be between 1 and 128*");
        if (i == 0)
            says(w, "TagQueue", body.p, "200 ");
    }
    strbuf_deinit(&body);
}

SCENE(permissions_are_kept_in_the_policy)
{
    static const struct line lines[] = {
        {"AddPermission",
         "{@nowhere,'Label':'l','AWSAccountIds':['123456789012'],'Actions':['SendMessage']}",
         "400 *#QueueDoesNotExist*"},
        {"RemovePermission", "{@nowhere,'Label':'l'}", "400 *#QueueDoesNotExist*"},
        {"RemovePermission", "{@q,'Label':'l'}", INVALID "*"},
        {"AddPermission",
         "{@q,'Label':'l','AWSAccountIds':['123456789012'],'Actions':['SendMessage']}", "200 "},
        {"AddPermission",
         "{@q,'Label':'l','AWSAccountIds':['123456789012'],'Actions':['SendMessage']}",
         INVALID "*"},
        {"GetQueueAttributes", "{@q,'AttributeNames':['Policy']}",
         "200 {'Attributes':{'Policy':'*arn:aws:iam::123456789012:root*SQS:SendMessage*'}}"},
        {"RemovePermission", "{@q,'Label':'l'}", "200 "},
        {"RemovePermission", "{@q,'Label':'l'}", INVALID "*"},
    };

    says_all(w, lines, COUNT(lines));
}

/* ---- move tasks ---- */

static void kill_one(struct world *w)
{
    says(w, "SendMessage", "{@r,'MessageBody':'a'}", "200 *");
    says(w, "ReceiveMessage", "{@r,'VisibilityTimeout':0}", "200 {'Messages':*");
    says(w, "ReceiveMessage", "{@r}", "200 {}");
}

SCENE(dead_letters_move_back)
{
    kill_one(w);
    stands(w, "dead", "1/0/0");
    says(w, "ListMessageMoveTasks", "{'SourceArn':'" ARN "dead'}", "200 {}");
    says(w, "StartMessageMoveTask", "{'SourceArn':'" ARN "dead'}", "200 {'TaskHandle':'*'}");
    pass(w, sl_sec(2));
    stands(w, "r", "1/0/0");
    says(w, "ListMessageMoveTasks", "{'SourceArn':'" ARN "dead'}",
         "200 {'Results':[{'Status':'COMPLETED','SourceArn':'" ARN
         "dead','ApproximateNumberOfMessagesMoved':1,'ApproximateNumberOfMessagesToMove':1,"
         "'StartedTimestamp':1767225600000}]}");
}

SCENE(a_slow_move_is_cancelled)
{
    struct strbuf body = {0};
    const struct asked *start;
    const char *handle;

    for (int i = 0; i < 3; i++)
        kill_one(w);
    start = ask(w, "StartMessageMoveTask",
                "{'SourceArn':'" ARN "dead','DestinationArn':'" ARN
                "q','MaxNumberOfMessagesPerSecond':1}");
    hears(start, "200 {'TaskHandle':'*'}");
    handle = start->answer.p + strlen("200 {'TaskHandle':'");
    says(w, "ListMessageMoveTasks", "{'SourceArn':'" ARN "dead','MaxResults':10}",
         "200 {'Results':[{'TaskHandle':'*','Status':'RUNNING','SourceArn':'" ARN
         "dead','DestinationArn':'" ARN
         "q','MaxNumberOfMessagesPerSecond':1,'ApproximateNumberOfMessagesMoved':*,"
         "'ApproximateNumberOfMessagesToMove':3,'StartedTimestamp':*}]}");
    pass(w, sl_ms(1500));
    strbuf_addf(&body, "{'TaskHandle':'%.*s'}", (int)strcspn(handle, "'"), handle);
    says(w, "CancelMessageMoveTask", body.p, "200 {'ApproximateNumberOfMessagesMoved':*}");
    pass(w, sl_sec(10));
    says(w, "ListMessageMoveTasks", "{'SourceArn':'" ARN "dead'}",
         "200 {'Results':[{'Status':'CANCELLED',*");
    strbuf_deinit(&body);
}

SCENE(a_move_without_a_destination_fails)
{
    kill_one(w);
    says(w, "DeleteQueue", "{@r}", "200 ");
    says(w, "StartMessageMoveTask", "{'SourceArn':'" ARN "dead'}", "400 *");
    stands(w, "dead", "1/0/0");
}

/* Where to is gone meanwhile: it fails, says why, and what is left stays. */
SCENE(a_move_fails_when_its_destination_goes)
{
    kill_one(w);
    kill_one(w);
    says(w, "StartMessageMoveTask",
         "{'SourceArn':'" ARN "dead','DestinationArn':'" ARN "q','MaxNumberOfMessagesPerSecond':1}",
         "200 *");
    says(w, "DeleteQueue", "{@q}", "200 ");
    pass(w, sl_sec(5));
    says(w, "ListMessageMoveTasks", "{'SourceArn':'" ARN "dead'}",
         "200 {'Results':[{'Status':'FAILED',*'DestinationArn':'" ARN
         "q',*'FailureReason':'*','StartedTimestamp':*}]}");
}

SCENE(what_a_move_task_may_not_be)
{
    static const struct line lines[] = {
        {"StartMessageMoveTask", "{'SourceArn':'" ARN "dead','MaxNumberOfMessagesPerSecond':0}",
         INVALID "*Value 0 for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be "
                 "between 1 and 500.'}"},
        {"StartMessageMoveTask", "{'SourceArn':'" ARN "dead','MaxNumberOfMessagesPerSecond':501}",
         INVALID "*Value 501 for*"},
        {"StartMessageMoveTask", "{'SourceArn':'" ARN "nowhere'}",
         "404 *#ResourceNotFoundException*"},
        {"CancelMessageMoveTask", "{'TaskHandle':'x'}", INVALID "*"},
        {"CancelMessageMoveTask", "{'TaskHandle':'e30='}", INVALID "*"}, /* {} */
        {"CancelMessageMoveTask", "{'TaskHandle':'W10='}", INVALID "*"}, /* [] */
        /* without a source, without a task, of the wrong type, cut off */
        {"CancelMessageMoveTask", "{'TaskHandle':'eyJ0YXNrSWQiOiJ4In0='}", INVALID "*"},
        {"CancelMessageMoveTask", "{'TaskHandle':'eyJzb3VyY2VBcm4iOiJ4In0='}", INVALID "*"},
        {"CancelMessageMoveTask", "{'TaskHandle':'eyJ0YXNrSWQiOjEsInNvdXJjZUFybiI6IngifQ=='}",
         INVALID "*"},
        {"CancelMessageMoveTask", "{'TaskHandle':'eyJ0YXNrSWQiOiJ4Iiwic291cmNlQXJuIjoieCI='}",
         INVALID "*"},
        /* as ours are, of no task and of no queue */
        {"CancelMessageMoveTask",
         "{'TaskHandle':'eyJ0YXNrSWQiOiIwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDAiLCJzb3Vy"
         "Y2VBcm4iOiJhcm46YXdzOnNxczp1cy1lYXN0LTE6MDAwMDAwMDAwMDAwOmRlYWQifQ=='}",
         "404 *#ResourceNotFoundException*"},
        {"CancelMessageMoveTask",
         "{'TaskHandle':'eyJ0YXNrSWQiOiJ4Iiwic291cmNlQXJuIjoiYXJuOmF3czpzcXM6dXMtZWFzdC0xOjAwMDAw"
         "MDAwMDAwMDpub25lIn0='}",
         "404 *#ResourceNotFoundException*"},
        {"ListMessageMoveTasks", "{'SourceArn':'" ARN "dead','MaxResults':0}",
         INVALID "*Value 0 for parameter MaxResults is invalid. Reason: Must be between 1 and 10, "
                 "if provided.'}"},
        {"ListMessageMoveTasks", "{'SourceArn':'" ARN "dead','MaxResults':11}",
         INVALID "*Value 11 for*"},
        {"ListMessageMoveTasks", "{'SourceArn':'" ARN "nowhere'}",
         "404 *#ResourceNotFoundException*"},
    };

    says_all(w, lines, COUNT(lines));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_is_made_once),
        cmocka_unit_test(a_purge_empties_and_is_not_repeated_at_once),
        cmocka_unit_test(a_url_has_the_host_that_was_asked),
        cmocka_unit_test(queues_are_listed_in_pages),
        cmocka_unit_test(a_thousand_queues_are_listed),
        cmocka_unit_test(sources_of_a_dead_letter_queue_are_listed),
        cmocka_unit_test(attributes_are_shown_and_set),
        cmocka_unit_test(tags_are_set_listed_and_taken_off),
        cmocka_unit_test(permissions_are_kept_in_the_policy),
        cmocka_unit_test(dead_letters_move_back),
        cmocka_unit_test(a_slow_move_is_cancelled),
        cmocka_unit_test(a_move_without_a_destination_fails),
        cmocka_unit_test(a_move_fails_when_its_destination_goes),
        cmocka_unit_test(what_a_move_task_may_not_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
