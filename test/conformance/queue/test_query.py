"""The Query protocol: form fields in, XML out; GET and POST; errors."""
import base64

import pytest

from case import MODEL, QUERY_GUIDE, documented, operation, recorded, row, seen
from checks import SQS, holds, same
from test_send import md5, md5_of_attributes, string

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"


def find(answer, path):
    """The text of one element of a 200; None: it is not there."""
    holds(answer.status == 200, answer)
    return answer.xml().findtext(path)


def pairs(element, kind, key="Name", value="Value"):
    return {e.findtext(key): e.findtext(value) for e in element.iter(kind)}


def failed(answer, code, text=None, status=400):
    holds(answer.status >= 400, answer)
    root = answer.xml()
    did = f"{answer.status} {root.findtext('.//Code')}: {root.findtext('.//Message')}"
    holds(answer.status == status and root.findtext(".//Code") == code, did)
    if text is not None:
        holds(root.findtext(".//Message") == text, did)
    return root


@documented("query.answer", f"{QUERY_GUIDE}: structure of a response")
def test_answer(wire, queue):
    """An answer is ACTIONResponse with ACTIONResult and ResponseMetadata/RequestId, in the namespace of 2012-11-05."""
    answer = wire.query("SendMessage", queue().path, MessageBody="b")
    same("status", answer.status, 200)
    root = answer.xml()
    same("elements", (root.tag, [e.tag for e in root]), ("SendMessageResponse", ["SendMessageResult", "ResponseMetadata"]))
    same("MD5OfMessageBody", root.findtext("SendMessageResult/MD5OfMessageBody"), md5("b"))
    holds(root.findtext("ResponseMetadata/RequestId"), "no RequestId")
    holds(f'xmlns="{NAMESPACE}"' in answer.text, "another namespace")
    same("Content-Type", answer.headers.get("content-type", "").split(";")[0], "text/xml")


@documented("query.request-id", QUERY_GUIDE)
def test_request_id(wire):
    """x-amzn-RequestId has the RequestId of the answer's metadata."""
    answer = wire.query("ListQueues")
    same("RequestId", find(answer, "ResponseMetadata/RequestId"), answer.headers.get("x-amzn-requestid"))


@recorded("query.get", seen("test_get_send_and_receive_messages"))
def test_get(wire, queue):
    """Send and receive with GET on the queue's URL; Version may be left out."""
    a, b = queue(), queue()
    sent = wire.request("GET", f"{a.path}?Action=SendMessage&MessageBody=foobar")
    same("status", sent.status, 200)
    nothing = wire.request("GET", f"{b.path}?Action=ReceiveMessage")
    same("elements", [e.tag for e in nothing.xml().find("ReceiveMessageResult") or []], [])
    got = wire.request("GET", f"{a.path}?Action=ReceiveMessage&WaitTimeSeconds=5")
    same("Body", find(got, "ReceiveMessageResult/Message/Body"), "foobar")
    same("MD5OfBody", find(got, "ReceiveMessageResult/Message/MD5OfBody"), md5("foobar"))


@recorded("query.empty", seen("test_get_send_and_receive_messages"))
def test_empty(wire, queue):
    """An empty receive has an empty ReceiveMessageResult."""
    answer = wire.query("ReceiveMessage", queue().path)
    same("status", answer.status, 200)
    result = answer.xml().find("ReceiveMessageResult")
    holds(result is not None and len(result) == 0, answer)


@documented("query.root", QUERY_GUIDE)
def test_queue_url_as_field(wire, queue):
    """POST to / with the field QueueUrl."""
    q = queue()
    same("MD5OfMessageBody", find(wire.query("SendMessage", QueueUrl=q.url, MessageBody="b"), ".//MD5OfMessageBody"),
         md5("b"))
    q.take()


@recorded("query.url-wins", seen("test_overwrite_queue_url_in_params"))
def test_queue_url_wins(wire, queue):
    """QueueUrl as a field wins over the path."""
    a, b = queue(), queue()
    answer = wire.query("GetQueueAttributes", a.path, QueueUrl=b.url, **{"AttributeName.1": "QueueArn"})
    holds(find(answer, ".//Attribute/Value") == b.arn, "answered for the queue of the path")


@recorded("query.attributes", seen("test_get_queue_attributes_with_query_args"))
def test_attributes(wire, queue):
    """GetQueueAttributes has Attribute elements with Name and Value, of those asked for."""
    q = queue()
    answer = wire.query("GetQueueAttributes", q.path, method="GET", **{"AttributeName.1": "QueueArn",
                                                                      "AttributeName.2": "VisibilityTimeout"})
    same("status", answer.status, 200)
    same("attributes", pairs(answer.xml().find("GetQueueAttributesResult"), "Attribute"),
         {"QueueArn": q.arn, "VisibilityTimeout": "30"})


@recorded("query.attributes-fifo", seen("test_get_queue_attributes_of_fifo_queue"))
def test_attributes_of_fifo(wire, queue):
    """A FIFO queue's have FifoQueue true."""
    answer = wire.query("GetQueueAttributes", queue(fifo=True).path, **{"AttributeName.1": "All"})
    same("FifoQueue", pairs(answer.xml(), "Attribute").get("FifoQueue"), "true")


@documented("query.create", operation("CreateQueue"))
def test_create(wire, sqs, name):
    """CreateQueue takes Attribute.N.Name, Attribute.N.Value, Tag.N.Key and Tag.N.Value."""
    one = name()
    url = find(wire.query("CreateQueue", QueueName=one, **{
        "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "7", "Attribute.2.Name": "DelaySeconds",
        "Attribute.2.Value": "3", "Tag.1.Key": "team", "Tag.1.Value": "red"}), "CreateQueueResult/QueueUrl")
    same("URL", url, sqs.get_queue_url(QueueName=one)["QueueUrl"])
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "DelaySeconds"])["Attributes"]
    same("attributes", got, {"VisibilityTimeout": "7", "DelaySeconds": "3"})
    same("tags", pairs(wire.query("ListQueueTags", QueueUrl=url).xml(), "Tag", key="Key"), {"team": "red"})


@documented("query.set", operation("SetQueueAttributes"))
def test_set(wire, queue):
    """SetQueueAttributes takes Attribute.N.Name and .Value; its answer has metadata only."""
    q = queue()
    answer = wire.query("SetQueueAttributes", q.path, **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "4"})
    same("elements", (answer.status, answer.xml().tag, [e.tag for e in answer.xml()]),
         (200, "SetQueueAttributesResponse", ["ResponseMetadata"]))
    same("DelaySeconds", q.attributes("DelaySeconds"), {"DelaySeconds": "4"})


@recorded("query.list", seen("test_get_list_queues_with_query_auth"))
def test_list(wire, queue, name):
    """ListQueues on / with GET has QueueUrl elements."""
    stem = name()
    urls = {queue(name=f"{stem}-{i}").url for i in range(2)}
    answer = wire.query("ListQueues", method="GET", QueueNamePrefix=stem)
    same("status", answer.status, 200)
    same("elements", (answer.xml().tag, {e.text for e in answer.xml().iter("QueueUrl")}), ("ListQueuesResponse", urls))


@recorded("query.get-url", seen("test_get_queue_url_work_for_different_queue"))
def test_get_url(wire, queue):
    """GetQueueUrl works on the URL of another queue, too."""
    a, b = queue(), queue()
    same("QueueUrl", find(wire.query("GetQueueUrl", a.path, method="GET", QueueName=b.name), ".//QueueUrl"), b.url)


@recorded("query.delete-queue", seen("test_get_delete_queue"))
def test_delete_queue(wire, sqs, queue):
    """DeleteQueue with GET on the queue's URL."""
    q = queue()
    answer = wire.query("DeleteQueue", q.path, method="GET")
    same("elements", (answer.status, answer.xml().tag), (200, "DeleteQueueResponse"))
    failed(wire.query("GetQueueUrl", QueueName=q.name), f"{SQS}NonExistentQueue")


ATTRIBUTES = {
    "MessageAttribute.1.Name": "a", "MessageAttribute.1.Value.DataType": "String",
    "MessageAttribute.1.Value.StringValue": "v", "MessageAttribute.2.Name": "b",
    "MessageAttribute.2.Value.DataType": "Binary",
    "MessageAttribute.2.Value.BinaryValue": base64.b64encode(b"\0\xff+/").decode()}


@documented("query.message-attributes", operation("SendMessage"))
def test_message_attributes(wire, queue):
    """MessageAttribute.N.Name and .Value.DataType, .StringValue, .BinaryValue go in; MessageAttribute elements come out."""
    q = queue()
    digest = md5_of_attributes({"a": string("v"), "b": {"DataType": "Binary", "BinaryValue": b"\0\xff+/"}})
    sent = wire.query("SendMessage", q.path, MessageBody="m", **ATTRIBUTES)
    same("MD5OfMessageAttributes", find(sent, ".//MD5OfMessageAttributes"), digest)
    got = wire.query("ReceiveMessage", q.path, WaitTimeSeconds=5, **{"MessageAttributeName.1": "All"})
    same("MD5OfMessageAttributes", find(got, ".//MD5OfMessageAttributes"), digest)
    values = {e.findtext("Name"): (e.findtext("Value/DataType"), e.findtext("Value/StringValue"),
                                   e.findtext("Value/BinaryValue")) for e in got.xml().iter("MessageAttribute")}
    same("attributes", values, {"a": ("String", "v", None),
                                "b": ("Binary", None, base64.b64encode(b"\0\xff+/").decode())})


@documented("query.system-attributes", operation("ReceiveMessage"))
def test_system_attributes(wire, queue):
    """System attributes are Attribute elements with Name and Value, asked for with AttributeName.N."""
    q = queue()
    q.send()
    answer = wire.query("ReceiveMessage", q.path, WaitTimeSeconds=5, **{"AttributeName.1": "ApproximateReceiveCount"})
    same("attributes", pairs(answer.xml(), "Attribute"), {"ApproximateReceiveCount": "1"})


@recorded("query.escaping", seen("test_send_receive_message_encoded_content"))
def test_escaping(wire, queue):
    """Markup, quotes, entities and CR survive XML."""
    q = queue()
    body = '<a b="c">&amp; \'d\' ]]> é 🎉\r\n\t"&quot;\r'
    q.send(body)
    answer = wire.query("ReceiveMessage", q.path, WaitTimeSeconds=5)
    same("Body", find(answer, ".//Body"), body)
    same("MD5OfBody", find(answer, ".//MD5OfBody"), md5(body))


@documented("query.form", "HTML, application/x-www-form-urlencoded")
def test_form(wire, queue):
    """A + is a space, %2B a +, and UTF-8 is percent-encoded."""
    q = queue()
    wire.request("POST", q.path, b"Action=SendMessage&MessageBody=a+b%2Bc%3D%26%C3%BC",
                 Content_Type="application/x-www-form-urlencoded; charset=utf-8")
    same("Body", q.take()["Body"], "a b+c=&ü")


@documented("query.batch", operation("SendMessageBatch"))
def test_batch(wire, queue):
    """SendMessageBatchRequestEntry.N.* go in; SendMessageBatchResultEntry and BatchResultErrorEntry come out."""
    q = queue()
    answer = wire.query("SendMessageBatch", q.path, **{
        "SendMessageBatchRequestEntry.1.Id": "a", "SendMessageBatchRequestEntry.1.MessageBody": "one",
        "SendMessageBatchRequestEntry.2.Id": "b", "SendMessageBatchRequestEntry.2.MessageBody": "\1"})
    same("status", answer.status, 200)
    result = answer.xml().find("SendMessageBatchResult")
    same("sent", pairs(result, "SendMessageBatchResultEntry", "Id", "MD5OfMessageBody"), {"a": md5("one")})
    same("failed", pairs(result, "BatchResultErrorEntry", "Id", "Code"), {"b": "InvalidMessageContents"})
    same("SenderFault", pairs(result, "BatchResultErrorEntry", "Id", "SenderFault"), {"b": "true"})


@documented("query.delete", operation("DeleteMessage"))
def test_delete(wire, queue):
    """DeleteMessage and ChangeMessageVisibility answer with metadata only."""
    q = queue()
    q.send()
    handle = find(wire.query("ReceiveMessage", q.path, WaitTimeSeconds=5), ".//ReceiptHandle")
    changed = wire.query("ChangeMessageVisibility", q.path, ReceiptHandle=handle, VisibilityTimeout=600)
    deleted = wire.query("DeleteMessage", q.path, ReceiptHandle=handle)
    same("elements", [(a.status, a.xml().tag, [e.tag for e in a.xml()]) for a in (changed, deleted)],
         [(200, "ChangeMessageVisibilityResponse", ["ResponseMetadata"]),
          (200, "DeleteMessageResponse", ["ResponseMetadata"])])
    same("counts", q.counts(), (0, 0, 0))


@documented("query.delete-batch", operation("DeleteMessageBatch"))
def test_delete_batch(wire, queue):
    """DeleteMessageBatchRequestEntry.N.* go in, DeleteMessageBatchResultEntry come out; the same for changes."""
    q = queue()
    q.send()
    handle = find(wire.query("ReceiveMessage", q.path, WaitTimeSeconds=5), ".//ReceiptHandle")
    changed = wire.query("ChangeMessageVisibilityBatch", q.path, **{
        "ChangeMessageVisibilityBatchRequestEntry.1.Id": "a",
        "ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle": handle,
        "ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout": 60})
    same("changed", [e.findtext("Id") for e in changed.xml().iter("ChangeMessageVisibilityBatchResultEntry")], ["a"])
    deleted = wire.query("DeleteMessageBatch", q.path, **{
        "DeleteMessageBatchRequestEntry.1.Id": "b", "DeleteMessageBatchRequestEntry.1.ReceiptHandle": handle})
    same("deleted", [e.findtext("Id") for e in deleted.xml().iter("DeleteMessageBatchResultEntry")], ["b"])
    same("counts", q.counts(), (0, 0, 0))


@documented("query.fifo", operation("SendMessage"))
def test_fifo(wire, queue):
    """A FIFO queue's answer has SequenceNumber."""
    answer = wire.query("SendMessage", queue(fifo=True).path, MessageBody="b", MessageGroupId="g",
                        MessageDeduplicationId="d")
    holds((find(answer, "SendMessageResult/SequenceNumber") or "").isdigit(), answer)


# ---- errors ----

@documented("query.error", f"{QUERY_GUIDE}: structure of an error response")
def test_error(wire):
    """An error is ErrorResponse with Error/Type, Code, Message and RequestId."""
    answer = wire.query("GetQueueUrl", QueueName="q-none")
    root = failed(answer, f"{SQS}NonExistentQueue")
    same("elements", (root.tag, [e.tag for e in root]), ("ErrorResponse", ["Error", "RequestId"]))
    same("Type", root.findtext("Error/Type"), "Sender")
    same("Content-Type", answer.headers.get("content-type", "").split(";")[0], "text/xml")


@recorded("query.error.no-queue", seen("test_get_on_deleted_queue_fails"))
def test_no_such_queue(wire, queue):
    """A queue that is not there: NonExistentQueue, "… for this wsdl version."."""
    failed(wire.query("GetQueueAttributes", queue().path + "none", **{"AttributeName.1": "QueueArn"}),
           f"{SQS}NonExistentQueue", "The specified queue does not exist for this wsdl version.")


@recorded("query.error.action", seen("test_invalid_action_raises_exception"))
def test_unknown_action(wire, queue):
    """An action that there is not: InvalidAction."""
    failed(wire.query("FooBar", queue().path, method="GET"), "InvalidAction",
           "The action FooBar is not valid for this endpoint.")


@pytest.mark.parametrize("action", [
    row(recorded("query.error.create-on-queue", seen("test_get_create_queue_fails")),
        "CreateQueue on a queue's URL: InvalidAction.", "CreateQueue"),
    row(recorded("query.error.list-on-queue", seen("test_get_list_queues_fails")),
        "ListQueues on a queue's URL: InvalidAction.", "ListQueues"),
])
def test_action_on_queue(wire, queue, name, action):
    more = {"QueueName": name()} if action == "CreateQueue" else {}
    failed(wire.query(action, queue().path, method="GET", **more), "InvalidAction",
           f"The action {action} is not valid for this endpoint.")


@recorded("query.error.missing", seen("test_valid_action_with_missing_parameter_raises_exception"))
def test_missing(wire, queue):
    """A parameter that is missing: MissingParameter, and which."""
    failed(wire.query("SendMessage", queue().path, method="GET"), "MissingParameter",
           "The request must contain the parameter MessageBody.")


@recorded("query.error.attribute", seen("test_get_queue_attributes_with_invalid_arg_returns_error"))
def test_unknown_attribute(wire, queue):
    """An attribute that there is not: InvalidAttributeName."""
    failed(wire.query("GetQueueAttributes", queue().path, **{"AttributeName.1": "Foobar"}), "InvalidAttributeName",
           "Unknown Attribute Foobar.")


@recorded("query.error.dedup", seen("test_posting_to_fifo_requires_deduplicationid_group_id: query"))
def test_no_dedup(wire, queue):
    """Errors have the same code and text as in AWS JSON."""
    failed(wire.query("SendMessage", queue(fifo=True).path, MessageBody="b", MessageGroupId="g"), "InvalidParameterValue",
           "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")


@recorded("query.error.batch", seen("test_too_many_entries_in_batch_request"))
def test_too_many(wire, queue):
    """Codes of batches begin with AWS.SimpleQueueService."""
    fields = {}
    for i in range(1, 12):
        fields[f"SendMessageBatchRequestEntry.{i}.Id"] = f"m{i}"
        fields[f"SendMessageBatchRequestEntry.{i}.MessageBody"] = "b"
    failed(wire.query("SendMessageBatch", queue().path, **fields), f"{SQS}TooManyEntriesInBatchRequest",
           "Maximum number of entries per request are 10. You have sent 11.")


@recorded("query.error.no-query", seen("test_get_without_query_json_format_returns_returns_xml"))
def test_no_query(wire, queue):
    """A GET of a queue's URL without Action is answered in XML, whatever is accepted: UnknownOperationException, 404."""
    answer = wire.request("GET", queue().path, Accept="application/json")
    holds(answer.status == 404 and "<UnknownOperationException" in answer.text, answer)


@documented("query.error.no-action", f"{MODEL}; {QUERY_GUIDE}")
def test_no_action(wire, queue):
    """A POST without Action is refused as the client's fault."""
    answer = wire.query(None, queue().path)
    holds(400 <= answer.status < 500, answer)


@documented("query.unicode", operation("SendMessage"))
def test_forbidden_character(wire, queue):
    """Characters that are not allowed: InvalidMessageContents."""
    failed(wire.query("SendMessage", queue().path, MessageBody="a\x08"), "InvalidMessageContents")
