/* Sending, deleting and hiding, as clients see it: digests, limits, batches, and the words of refusals. */
#include "test/unit/queue/service_world.h"

#define INVALID "400 {'__type':'com.amazon.coral.service#InvalidParameterValueException',"

/* ---- sending ---- */

SCENE(a_send_is_answered_with_digests)
{
    says(w, "SendMessage", "{@q,'MessageBody':'foobar'}",
         "200 {'MD5OfMessageBody':'3858f62230ac3c915f300c664312c63f','MessageId':'*-*-4*-*-*'}");
    says(w, "SendMessage",
         "{@q,'MessageBody':'foobar','MessageAttributes':{'MyAttribute':{'DataType':'String',"
         "'StringValue':'foobar'}}}",
         "200 {'MD5OfMessageBody':'3858f62230ac3c915f300c664312c63f','MD5OfMessageAttributes':"
         "'adb59cd4678ea5a855436b949cd07ab6','MessageId':'*'}");
    says(w, "SendMessage",
         "{@q.fifo,'MessageBody':'foobar','MessageGroupId':'g','MessageDeduplicationId':'d',"
         "'MessageSystemAttributes':{'AWSTraceHeader':{'DataType':'String','StringValue':'x'}}}",
         "200 {'MD5OfMessageBody':'3858f62230ac3c915f300c664312c63f',"
         "'MD5OfMessageSystemAttributes':'*','MessageId':'*','SequenceNumber':'0000*'}");
    says(w, "?/000000000000/q?", "Action=SendMessage&MessageBody=foobar",
         "200 <?xml*<SendMessageResult><MD5OfMessageBody>3858f62230ac3c915f300c664312c63f<*");
    stands(w, "q", "3/0/0");
}

SCENE(what_a_message_may_not_be)
{
    static const struct line lines[] = {
        {"SendMessage", "{@q,'MessageBody':''}",
         "400 {*MissingRequiredParameterException*The request must contain the parameter "
         "MessageBody.'}"},
        {"SendMessage", "{@q,'MessageBody':'a\\u0001'}", "400 *#InvalidMessageContents*"},
        {"SendMessage", "{@q,'MessageBody':'a','DelaySeconds':-1}",
         INVALID "*Value -1 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= "
                 "0 and <= 900.'}"},
        {"SendMessage", "{@q,'MessageBody':'a','DelaySeconds':901}", INVALID "*Value 901 for *"},
        {"SendMessage", "{@q,'MessageBody':'a','MessageDeduplicationId':'d'}",
         INVALID "*Value d for parameter MessageDeduplicationId is invalid. Reason: The request "
                 "include parameter that is not valid for this queue type.'}"},
        {"SendMessage", "{@q,'MessageBody':'a','MessageGroupId':''}",
         INVALID "*parameter MessageGroupId is invalid. Reason: MessageGroupId can only include "
                 "alphanumeric and punctuation characters. 1 to 128 in length.'}"},
        {"SendMessage", "{@q,'MessageBody':'a','MessageGroupId':'a b'}", INVALID "*Value a b for*"},
        {"SendMessage", "{@q,'MessageBody':'a','MessageGroupId':'\\u0000'}", INVALID "*"},
        {"SendMessage",
         "{@q.fifo,'MessageBody':'a','MessageGroupId':'g','MessageDeduplicationId':'\\u00e9'}",
         INVALID "*MessageDeduplicationId can only include*"},
        {"SendMessage",
         "{@q.fifo,'MessageBody':'a','MessageGroupId':'g','MessageDeduplicationId':'d',"
         "'DelaySeconds':2}",
         INVALID "*Value 2 for parameter DelaySeconds is invalid. Reason: The request include "
                 "parameter that is not valid for this queue type.'}"},
        {"SendMessage", "{@q.fifo,'MessageBody':'a'}",
         "400 *MissingRequiredParameterException*The request must contain the parameter "
         "MessageGroupId.'}"},
        {"SendMessage", "{@q.fifo,'MessageBody':'a','MessageGroupId':'g'}",
         INVALID "*The queue should either have ContentBasedDeduplication enabled or "
                 "MessageDeduplicationId provided explicitly'}"},
        {"SendMessage", "{@q,'MessageBody':'a','MessageAttributes':{'':{'DataType':'String'}}}",
         "400 *"},
        {"SendMessage", "{@nowhere,'MessageBody':'a'}", "400 *#QueueDoesNotExist*"},
        {"SendMessage", "{'QueueUrl':'http://h/000000000001/q','MessageBody':'a'}",
         "400 *#QueueDoesNotExist*The specified queue does not exist.'}"},
        {"SendMessage", "{'QueueUrl':'','MessageBody':'a'}",
         "400 *MissingRequiredParameterException*parameter QueueUrl.'}"},
        {"SendMessage", "{'QueueUrl':'q','MessageBody':'a'}", "404 *#InvalidAddress*address q is*"},
        {"SendMessage", "{'QueueUrl':'http://q','MessageBody':'a'}", "404 *#InvalidAddress*"},
        {"SendMessage", "{'QueueUrl':'http://h/q','MessageBody':'a'}", "404 *#InvalidAddress*"},
        {"SendMessage", "{'QueueUrl':'http://h/000000000000/','MessageBody':'a'}",
         "404 *#InvalidAddress*"},
    };

    says_all(w, lines, COUNT(lines));
    stands(w, "q", "0/0/0");
    stands(w, "q.fifo", "0/0/0");
}

SCENE(what_a_trace_header_may_not_be)
{
    static const char *const given[][2] = {
        {"'Other':{'DataType':'String','StringValue':'x'}",
         INVALID "*Message system attribute name 'Other' is invalid.*"},
        {"'AWSTraceHeader':{'DataType':'Binary','BinaryValue':'eA=='}",
         INVALID "*must be of type String*"},
        {"'AWSTraceHeader':{'DataType':'String'}", INVALID "*non-empty*"},
        {"'AWSTraceHeader':{'DataType':'String','StringValue':''}", INVALID "*non-empty*"},
        {"'AWSTraceHeader':{'DataType':'String','StringValue':'\\u0001'}", INVALID "*text of at*"},
    };
    struct strbuf body = {0};

    for (size_t i = 0; i < COUNT(given); i++) {
        strbuf_reset(&body);
        strbuf_addf(&body, "{@q,'MessageBody':'a','MessageSystemAttributes':{%s}}", given[i][0]);
        says(w, "SendMessage", body.p, given[i][1]);
    }
    for (int n = 4096; n <= 4097; n++) {
        strbuf_reset(&body);
        strbuf_addf(&body,
                    "{@q,'MessageBody':'a','MessageSystemAttributes':{'AWSTraceHeader':{"
                    "'DataType':'String','StringValue':'%0*d'}}}",
                    n, 0);
        says(w, "SendMessage", body.p, n == 4096 ? "200 *" : INVALID "*at most 4096 bytes.'}");
    }
    strbuf_deinit(&body);
    stands(w, "q", "1/0/0");
}

SCENE(a_duplicate_is_answered_as_the_first_was)
{
    const struct asked *first, *second;
    static const char send[] = "{@q.fifo,'MessageBody':'a','MessageGroupId':'g',"
                               "'MessageDeduplicationId':'d','DelaySeconds':0}";

    first = ask(w, "SendMessage", send);
    pass(w, sl_sec(299));
    second = ask(w, "SendMessage", send);
    hears(first, "200 {*'MessageId':'*','SequenceNumber':'*'}");
    hears(second, first->answer.p);
    stands(w, "q.fifo", "1/0/0");
    pass(w, sl_sec(1));
    says(w, "SendMessage", send, "200 *");
    stands(w, "q.fifo", "2/0/0");
}

SCENE(ids_have_128_characters_at_most)
{
    struct strbuf body = {0};

    for (int n = 128; n <= 129; n++) {
        strbuf_reset(&body);
        strbuf_addf(&body,
                    "{@q.fifo,'MessageBody':'a','MessageGroupId':'%0*d',"
                    "'MessageDeduplicationId':'%0*d'}",
                    n, 0, n, 0);
        says(w, "SendMessage", body.p,
             n == 128 ? "200 *" : INVALID "*parameter MessageGroupId is invalid.*");
    }
    strbuf_deinit(&body);
}

/* Every character that ids may have is in one. */
SCENE(ids_have_letters_digits_and_punctuation)
{
    says(w, "SendMessage",
         "{@q.fifo,'MessageBody':'a','MessageGroupId':"
         "'azAZ09!\\\"#$%&\\u0027()*+,-./:;<=>?@[\\\\]^_`{|}~','MessageDeduplicationId':'d'}",
         "200 *");
    stands(w, "q.fifo", "1/0/0");
}

static void send_bytes(struct world *w, size_t n, const char *answer)
{
    struct strbuf body = {0};

    strbuf_addf(&body, "{@q,'MessageBody':'%0*d'}", (int)n, 0);
    says(w, "SendMessage", body.p, answer);
    strbuf_deinit(&body);
}

SCENE(a_message_has_a_mebibyte)
{
    send_bytes(w, 1048576, "200 *");
    send_bytes(w, 1048577,
               INVALID "*One or more parameters are invalid. Reason: Message must be shorter than "
                       "1048576 bytes.'}");
    says(w, "SetQueueAttributes", "{@q,'Attributes':{'MaximumMessageSize':'1024'}}", "200 ");
    send_bytes(w, 1024, "200 *");
    send_bytes(w, 1025, INVALID "*shorter than 1024 bytes.'}");
    stands(w, "q", "2/0/0");
}

SCENE(a_relaxed_queue_takes_more,
      .config.limits = {.is_relaxed = true, .message_max = 2000000, .in_flight_max = 10})
{
    send_bytes(w, 2000000, "200 *");
    send_bytes(w, 2000001, INVALID "*shorter than 2000000 bytes.'}");
    stands(w, "q", "1/0/0");
}

/* ---- batches ---- */

SCENE(a_batch_tells_of_each_entry)
{
    says(w, "SendMessageBatch",
         "{@q,'Entries':[{'Id':'a','MessageBody':'foobar'},{'Id':'b','MessageBody':''},"
         "{'Id':'c','MessageBody':'\\u0001'},{'Id':'d','MessageBody':'x','DelaySeconds':901}]}",
         "200 {'Successful':[{'Id':'a','MD5OfMessageBody':'3858f62230ac3c915f300c664312c63f',"
         "'MessageId':'*'}],'Failed':["
         "{'Id':'b','SenderFault':true,'Code':'InvalidParameterValue','Message':'*MessageBody.'},"
         "{'Id':'c','SenderFault':true,'Code':'InvalidMessageContents','Message':'*'},"
         "{'Id':'d','SenderFault':true,'Code':'InvalidParameterValue','Message':'Value 901*'}]}");
    stands(w, "q", "1/0/0");
}

/* Recorded from AWS: an entry without a group fails the whole call, as an invalid parameter. */
SCENE(a_batch_to_a_fifo_queue_needs_ids)
{
    says(w, "SendMessageBatch",
         "{@q.fifo,'Entries':[{'Id':'a','MessageBody':'x','MessageGroupId':'g',"
         "'MessageDeduplicationId':'1'},{'Id':'b','MessageBody':'x'}]}",
         INVALID "*The request must contain the parameter MessageGroupId.'}");
    says(w, "SendMessageBatch",
         "{@q.fifo,'Entries':[{'Id':'b','MessageBody':'x','MessageGroupId':'g'}]}",
         INVALID "*The queue should either have ContentBasedDeduplication enabled*");
    stands(w, "q.fifo", "0/0/0");
}

SCENE(what_a_batch_may_not_be)
{
    static const char *const operations[][2] = {
        {"SendMessageBatch", "'MessageBody':'x'"},
        {"DeleteMessageBatch", "'ReceiptHandle':'x'"},
        {"ChangeMessageVisibilityBatch", "'ReceiptHandle':'x','VisibilityTimeout':1"}};
    struct strbuf body = {0};

    for (size_t i = 0; i < COUNT(operations); i++) {
        const char *name = operations[i][0], *rest = operations[i][1];
        static const char *const ids[][2] = {
            {"", "400 *#InvalidBatchEntryId*A batch entry id can only contain alphanumeric "
                 "characters, hyphens and underscores. It can be at most 80 letters long.'}"},
            {"a.b", "400 *#InvalidBatchEntryId*"},
            {"a[", "400 *#InvalidBatchEntryId*"},
            {"a{", "400 *#InvalidBatchEntryId*"},
            {"a/", "400 *#InvalidBatchEntryId*"},
            {"a:", "400 *#InvalidBatchEntryId*"},
            {"a@", "400 *#InvalidBatchEntryId*"},
            {"0123456789012345678901234567890123456789012345678901234567890123456789012345678901",
             "400 *#InvalidBatchEntryId*"},
            {"azAZ09-_", "400 *#BatchEntryIdsNotDistinct*Id azAZ09-_ repeated.'}"}};

        says(w, name, "{@nowhere}", "400 *#QueueDoesNotExist*");
        says(w, name, "{@q,'Entries':[]}", "400 *#EmptyBatchRequest*There should be at least one*");
        strbuf_reset(&body);
        strbuf_adds(&body, "{@q,'Entries':[");
        for (int n = 0; n < 11; n++)
            strbuf_addf(&body, "%s{'Id':'%d',%s}", n > 0 ? "," : "", n, rest);
        strbuf_adds(&body, "]}");
        says(w, name, body.p,
             "400 *#TooManyEntriesInBatchRequest*Maximum number of entries per request are 10. You "
             "have sent 11.'}");
        for (size_t k = 0; k < COUNT(ids); k++) {
            strbuf_reset(&body);
            strbuf_addf(&body, "{@q,'Entries':[{'Id':'%s',%s},{'Id':'%s',%s}]}", ids[k][0], rest,
                        ids[k][0], rest);
            says(w, name, body.p, ids[k][1]);
        }
    }
    strbuf_deinit(&body);
    stands(w, "q", "0/0/0");
}

/* Attributes count: a name, a type and a value of 10 bytes together make the sum one too many. */
SCENE(a_batch_has_a_mebibyte_in_all)
{
    struct strbuf body = {0};

    for (int n = 524278; n <= 524279; n++) {
        strbuf_reset(&body);
        strbuf_addf(&body,
                    "{@q,'Entries':[{'Id':'a','MessageBody':'%0*d'},{'Id':'b','MessageBody':"
                    "'%0*d','MessageAttributes':{'nam':{'DataType':'String','StringValue':'v'}}}]}",
                    524288, 0, n, 0);
        says(w, "SendMessageBatch", body.p,
             n == 524278 ? "200 *'Failed':[]}"
                         : "400 *#BatchRequestTooLong*Batch requests cannot be longer than 1048576 "
                           "bytes. You have sent 1048577 bytes.'}");
    }
    strbuf_deinit(&body);
    stands(w, "q", "2/0/0");
}

/* ---- deleting, hiding ---- */

SCENE(deletes_by_handle)
{
    says(w, "SendMessage", "{@q,'MessageBody':'a'}", "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 {'Messages':[{*'Body':'a'}]}");
    says(w, "DeleteMessage", "{@nowhere,'ReceiptHandle':'$1'}", "400 *#QueueDoesNotExist*");
    says(w, "DeleteMessage", "{@q,'ReceiptHandle':'x'}", "404 *#ReceiptHandleIsInvalid*");
    says(w, "DeleteMessage", "{@r,'ReceiptHandle':'$1'}", "404 *#ReceiptHandleIsInvalid*");
    stands(w, "q", "0/1/0");
    says(w, "DeleteMessage", "{@q,'ReceiptHandle':'$1'}", "200 ");
    says(w, "DeleteMessage", "{@q,'ReceiptHandle':'$1'}", "200 "); /* SQS says so, too */
    stands(w, "q", "0/0/0");
}

/* Of the right length, and not ours: no base64, of fewer bytes, with another proof. */
SCENE(handles_that_are_none)
{
    static const char *const handles[] = {
        "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    struct strbuf body = {0};

    says(w, "SendMessage", "{@q,'MessageBody':'a'}", "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 *");
    for (size_t i = 0; i < COUNT(handles); i++) {
        strbuf_reset(&body);
        strbuf_addf(&body, "{@q,'ReceiptHandle':'%s'}", handles[i]);
        says(w, "DeleteMessage", body.p, "404 *#ReceiptHandleIsInvalid*");
    }
    /* Each character of one of ours that is another makes it none. */
    for (size_t i = 0; i < 44; i++) {
        char handle[64];

        snprintf(handle, sizeof handle, "%s", w->handles[0]);
        expect(strlen(handle) == 44);
        handle[i] = handle[i] == 'A' ? 'B' : 'A';
        strbuf_reset(&body);
        strbuf_addf(&body, "{@q,'ReceiptHandle':'%s'}", handle);
        says(w, "DeleteMessage", body.p, "404 *#ReceiptHandleIsInvalid*");
    }
    strbuf_deinit(&body);
    stands(w, "q", "0/1/0");
}

SCENE(deletes_some_of_a_batch)
{
    says(w, "SendMessageBatch",
         "{@q,'Entries':[{'Id':'a','MessageBody':'a'},{'Id':'b','MessageBody':'b'}]}", "200 *");
    says(w, "ReceiveMessage", "{@q,'MaxNumberOfMessages':10}", "200 *");
    says(w, "DeleteMessageBatch",
         "{@q,'Entries':[{'Id':'1','ReceiptHandle':'$1'},{'Id':'2','ReceiptHandle':'x'}]}",
         "200 {'Successful':[{'Id':'1'}],'Failed':[{'Id':'2','SenderFault':true,'Code':"
         "'ReceiptHandleIsInvalid','Message':'*'}]}");
    stands(w, "q", "0/1/0");
}

SCENE(hides_and_shows)
{
    says(w, "SendMessage", "{@q,'MessageBody':'a'}", "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 *");
    says(w, "ChangeMessageVisibility", "{@nowhere,'ReceiptHandle':'$1','VisibilityTimeout':1}",
         "400 *#QueueDoesNotExist*");
    says(w, "ChangeMessageVisibility", "{@q,'ReceiptHandle':'x','VisibilityTimeout':1}",
         "404 *#ReceiptHandleIsInvalid*");
    says(w, "ChangeMessageVisibility", "{@q,'ReceiptHandle':'$1','VisibilityTimeout':43201}",
         INVALID "*");
    says(w, "ChangeMessageVisibility", "{@q,'ReceiptHandle':'$1','VisibilityTimeout':100}", "200 ");
    pass(w, sl_sec(99));
    stands(w, "q", "0/1/0");
    says(w, "ChangeMessageVisibility", "{@q,'ReceiptHandle':'$1','VisibilityTimeout':0}", "200 ");
    stands(w, "q", "1/0/0");
}

SCENE(hides_some_of_a_batch)
{
    says(w, "SendMessageBatch",
         "{@q,'Entries':[{'Id':'a','MessageBody':'a'},{'Id':'b','MessageBody':'b'}]}", "200 *");
    says(w, "ReceiveMessage", "{@q,'MaxNumberOfMessages':10}", "200 *");
    says(w, "ChangeMessageVisibilityBatch",
         "{@q,'Entries':[{'Id':'1','ReceiptHandle':'$1','VisibilityTimeout':0},"
         "{'Id':'2','ReceiptHandle':'x','VisibilityTimeout':0},"
         "{'Id':'3','ReceiptHandle':'$2','VisibilityTimeout':43201},"
         "{'Id':'4','ReceiptHandle':'$2'}]}",
         "200 {'Successful':[{'Id':'1'}],'Failed':["
         "{'Id':'2','SenderFault':true,'Code':'ReceiptHandleIsInvalid','Message':'*'},"
         "{'Id':'3','SenderFault':true,'Code':'InvalidParameterValue','Message':'*'},"
         "{'Id':'4','SenderFault':true,'Code':'InvalidParameterValue','Message':'The request must "
         "contain the parameter VisibilityTimeout.'}]}");
    stands(w, "q", "1/1/0");
}

/* ---- faults of single entries and deletes ---- */

SCENE(entries_fail_on_purpose, .config.faults.fail_entry = 1)
{
    says(w, "SendMessage", "{@q,'MessageBody':'a'}", "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 *");
    says(w, "DeleteMessageBatch", "{@q,'Entries':[{'Id':'1','ReceiptHandle':'$1'}]}",
         "200 {'Successful':[],'Failed':[{'Id':'1','SenderFault':false,'Code':'InternalError',"
         "'Message':'*'}]}");
    says(w, "ChangeMessageVisibilityBatch",
         "{@q,'Entries':[{'Id':'1','ReceiptHandle':'$1','VisibilityTimeout':0}]}",
         "200 {'Successful':[],'Failed':[{'Id':'1','SenderFault':false,'Code':'InternalError',*");
    stands(w, "q", "0/1/0");
}

SCENE(deletes_are_dropped_on_purpose, .config.faults.drop_delete = 1)
{
    says(w, "SendMessage", "{@q,'MessageBody':'a'}", "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 *");
    says(w, "DeleteMessage", "{@q,'ReceiptHandle':'$1'}", "200 ");
    says(w, "DeleteMessageBatch", "{@q,'Entries':[{'Id':'1','ReceiptHandle':'$1'}]}",
         "200 {'Successful':[{'Id':'1'}],'Failed':[]}");
    stands(w, "q", "0/1/0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_send_is_answered_with_digests),
        cmocka_unit_test(what_a_message_may_not_be),
        cmocka_unit_test(what_a_trace_header_may_not_be),
        cmocka_unit_test(a_duplicate_is_answered_as_the_first_was),
        cmocka_unit_test(ids_have_128_characters_at_most),
        cmocka_unit_test(ids_have_letters_digits_and_punctuation),
        cmocka_unit_test(a_message_has_a_mebibyte),
        cmocka_unit_test(a_relaxed_queue_takes_more),
        cmocka_unit_test(a_batch_tells_of_each_entry),
        cmocka_unit_test(a_batch_to_a_fifo_queue_needs_ids),
        cmocka_unit_test(what_a_batch_may_not_be),
        cmocka_unit_test(a_batch_has_a_mebibyte_in_all),
        cmocka_unit_test(deletes_by_handle),
        cmocka_unit_test(handles_that_are_none),
        cmocka_unit_test(deletes_some_of_a_batch),
        cmocka_unit_test(hides_and_shows),
        cmocka_unit_test(hides_some_of_a_batch),
        cmocka_unit_test(entries_fail_on_purpose),
        cmocka_unit_test(deletes_are_dropped_on_purpose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
