"""AWS JSON 1.0 on the wire: headers, errors, types, and HTTP itself."""
import base64
import json
import socket

import pytest

from case import COMMON, JSON_GUIDE, MODEL, QUERY_GUIDE, documented, operation, recorded, row, seen
from checks import SQS, Differs, holds, same
from test_send import md5
from wire import JSON, read_from

SMITHY = "Smithy, AWS JSON 1.0 protocol"
HTTP = "RFC 9112"
CONVERSION = "async-aws/aws#1667: AWS's answer"


@documented("json.headers", JSON_GUIDE)
def test_headers(wire, queue):
    """A success is 200 with Content-Type application/x-amz-json-1.0 and x-amzn-RequestId."""
    answer = wire.json("SendMessage", {"QueueUrl": queue().url, "MessageBody": "b"})
    same("status", answer.status, 200)
    same("Content-Type", answer.headers.get("content-type", "").split(";")[0], JSON)
    holds(answer.headers.get("x-amzn-requestid"), "no x-amzn-RequestId")


@documented("json.request-ids", JSON_GUIDE)
def test_request_ids(wire):
    """Each request has an id of its own."""
    ids = [wire.json("ListQueues", {}).headers.get("x-amzn-requestid") for _ in range(2)]
    holds(all(ids) and ids[0] != ids[1], "the same id twice, or none")


@documented("json.error", JSON_GUIDE)
def test_error(wire, queue):
    """An error has __type "com.amazonaws.sqs#NAME" and message in its body, x-amzn-query-error and x-amzn-RequestId."""
    answer = wire.json("GetQueueUrl", {"QueueName": "q-none"})
    same("status", answer.status, 400)
    body = answer.json()
    same("__type", body.get("__type"), "com.amazonaws.sqs#QueueDoesNotExist")
    same("message", body.get("message"), "The specified queue does not exist.")
    same("x-amzn-query-error", answer.headers.get("x-amzn-query-error"), f"{SQS}NonExistentQueue;Sender")
    same("Content-Type", answer.headers.get("content-type", "").split(";")[0], JSON)
    holds(answer.headers.get("x-amzn-requestid"), "no x-amzn-RequestId")


def errors():
    """For each error a request that makes it: (operation, members beside QueueUrl, __type, x-amzn-query-error)."""
    long = "a" * 1048577
    ids = [{"Id": "a:b", "MessageBody": "b"}]
    twice = [{"Id": "a", "MessageBody": "b"}] * 2
    many = [{"Id": str(i), "MessageBody": "b"} for i in range(11)]
    two = [{"Id": str(i), "MessageBody": long[:600000]} for i in range(2)]
    yield "GetQueueAttributes", {"AttributeNames": ["Foobar"]}, "InvalidAttributeName", "InvalidAttributeName"
    yield "SetQueueAttributes", {"Attributes": {"DelaySeconds": "901"}}, "InvalidAttributeValue", "InvalidAttributeValue"
    yield "ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValueException", "InvalidParameterValue"
    yield "SendMessage", {"MessageBody": ""}, "MissingRequiredParameterException", "MissingParameter"
    yield "SendMessage", {"MessageBody": "\0"}, "InvalidMessageContents", "InvalidMessageContents"
    yield "DeleteMessage", {"ReceiptHandle": "garbage"}, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"
    yield "SendMessageBatch", {"Entries": []}, "EmptyBatchRequest", f"{SQS}EmptyBatchRequest"
    yield "SendMessageBatch", {"Entries": ids}, "InvalidBatchEntryId", f"{SQS}InvalidBatchEntryId"
    yield "SendMessageBatch", {"Entries": twice}, "BatchEntryIdsNotDistinct", f"{SQS}BatchEntryIdsNotDistinct"
    yield "SendMessageBatch", {"Entries": many}, "TooManyEntriesInBatchRequest", f"{SQS}TooManyEntriesInBatchRequest"
    yield "SendMessageBatch", {"Entries": two}, "BatchRequestTooLong", f"{SQS}BatchRequestTooLong"


SEEN = {"InvalidAttributeName", "InvalidParameterValueException", "MissingRequiredParameterException",
        "InvalidBatchEntryId", "TooManyEntriesInBatchRequest", "BatchRequestTooLong"}


@pytest.mark.parametrize("operation, members, type, code", [
    row((recorded if e[2] in SEEN else documented)(
        f"json.type.{e[2]}", "LocalStack, recorded on AWS: QueryErrorCode of its snapshots" if e[2] in SEEN else
        f"{MODEL}, {e[2]}"), f"The error {e[3]} is {e[2]} in __type, and x-amzn-query-error has its code.", *e)
    for e in errors()])
def test_types(wire, queue, operation, members, type, code):
    answer = wire.json(operation, {"QueueUrl": queue().url, **members})
    holds(answer.status == 400 or type == "ReceiptHandleIsInvalid", answer)  # whose status is a rule of its own
    same("__type", answer.type(), type)
    same("x-amzn-query-error", answer.headers.get("x-amzn-query-error"), f"{code};Sender")


@recorded("json.type.QueueNameExists", seen("test_create_queue_with_different_attributes_raises_exception"))
def test_type_of_existing_name(wire, queue):
    """The error QueueAlreadyExists is QueueNameExists in __type."""
    answer = wire.json("CreateQueue", {"QueueName": queue().name, "Attributes": {"DelaySeconds": "1"}})
    same("error", (answer.status, answer.type(), answer.headers.get("x-amzn-query-error")),
         (400, "QueueNameExists", "QueueAlreadyExists;Sender"))


@recorded("json.queue-path", seen("test_send_message_via_queue_url_with_json_protocol"))
def test_queue_path(wire, queue):
    """AWS JSON may be sent to the queue's URL in place of /."""
    q = queue()
    answer = wire.json("SendMessage", {"QueueUrl": q.url, "MessageBody": "b"}, path=q.path)
    same("status", answer.status, 200)
    same("MD5OfMessageBody", answer.json().get("MD5OfMessageBody"), md5("b"))


@documented("json.escapes", f"{SMITHY}; RFC 8259")
def test_escapes(wire, queue):
    """Escapes in JSON are those of RFC 8259, surrogate pairs too; the MD5 is that of what they stand for."""
    q = queue()
    text = b'{"QueueUrl": "%s", "MessageBody": "\\u00fc\\/\\ud83c\\udf89\\t\\"\\\\"}' % q.url.encode()
    answer = wire.json("SendMessage", text)
    same("MD5OfMessageBody", answer.json().get("MD5OfMessageBody"), md5('ü/🎉\t"\\'))
    same("Body", q.take()["Body"], 'ü/🎉\t"\\')


@documented("json.blob", operation("MessageAttributeValue"))
def test_blob(wire, queue):
    """Binary values are base64 on the wire, both ways."""
    q = queue()
    blob = base64.b64encode(bytes(range(256))).decode()
    wire.json("SendMessage", {"QueueUrl": q.url, "MessageBody": "b", "MessageAttributes": {
        "a": {"DataType": "Binary", "BinaryValue": blob}}})
    got = wire.json("ReceiveMessage", {"QueueUrl": q.url, "WaitTimeSeconds": 5, "MessageAttributeNames": ["a"]}).json()
    same("attribute", got["Messages"][0].get("MessageAttributes"), {"a": {"DataType": "Binary", "BinaryValue": blob}})


@documented("json.null", SMITHY)
def test_null(wire, queue):
    """A member that is null counts as absent."""
    answer = wire.json("SendMessage", {"QueueUrl": queue().url, "MessageBody": "b", "DelaySeconds": None,
                                       "MessageAttributes": None})
    holds(answer.status == 200, answer)


@documented("json.unknown-member", SMITHY)
def test_unknown_member(wire, queue):
    """Members that the service doesn't know are ignored."""
    answer = wire.json("SendMessage", {"QueueUrl": queue().url, "MessageBody": "b", "Urgent": {"very": [1]}})
    holds(answer.status == 200, answer)


# ---- what is no request ----

def malformed(answer, text=None):
    holds(400 <= answer.status < 500, answer)
    same("__type", answer.type(), "SerializationException")
    same("status", answer.status, 400)
    if text:
        body = answer.json()
        same("message", body.get("message", body.get("Message")), text)


@pytest.mark.parametrize("body", [
    row(documented("json.bad.cut", SMITHY), "JSON that ends early: SerializationException.", b'{"QueueName": "x"'),
    row(documented("json.bad.text", SMITHY), "What is no JSON: SerializationException.", b"Action=ListQueues"),
    row(documented("json.bad.array", SMITHY), "The input is an object: an array is SerializationException.", b"[]"),
    row(documented("json.bad.trailing", SMITHY), "Bytes behind the object: SerializationException.", b'{} x'),
    row(documented("json.bad.utf8", f"{SMITHY}; RFC 8259"), "Text is UTF-8: SerializationException.",
        b'{"QueueNamePrefix": "\xff\xfe"}'),
])
def test_malformed(wire, body):
    malformed(wire.json("ListQueues", body))


@pytest.mark.parametrize("members, text", [
    row(recorded("json.wrong-type.string-for-integer", CONVERSION),
        "A string for an integer: SerializationException, \"STRING_VALUE can not be converted to an Integer\".",
        {"MaxNumberOfMessages": "1"}, "STRING_VALUE can not be converted to an Integer"),
    row(documented("json.wrong-type.number-for-string", CONVERSION), "A number for a string: SerializationException.",
        {"ReceiveRequestAttemptId": 5}, None),
    row(documented("json.wrong-type.string-for-list", SMITHY), "A string for a list: SerializationException.",
        {"MessageAttributeNames": "All"}, None),
    row(documented("json.wrong-type.number-in-list", SMITHY), "A number in a list of strings: SerializationException.",
        {"MessageAttributeNames": [1]}, None),
])
def test_wrong_type(wire, queue, members, text):
    malformed(wire.json("ReceiveMessage", {"QueueUrl": queue().url, **members}), text)


@pytest.mark.parametrize("attributes", [
    row(documented("json.wrong-type.list-for-map", SMITHY), "A list for a map: SerializationException.", ["DelaySeconds"]),
    row(documented("json.wrong-type.number-in-map", SMITHY),
        "Queue attributes are strings: a number is SerializationException.", {"DelaySeconds": 1}),
])
def test_wrong_type_of_attributes(wire, queue, attributes):
    malformed(wire.json("SetQueueAttributes", {"QueueUrl": queue().url, "Attributes": attributes}))


@documented("json.bad.base64", SMITHY)
def test_bad_base64(wire, queue):
    """A blob that is no base64: SerializationException."""
    malformed(wire.json("SendMessage", {"QueueUrl": queue().url, "MessageBody": "b", "MessageAttributes": {
        "a": {"DataType": "Binary", "BinaryValue": "!!!"}}}))


@documented("json.bad.surrogate", operation("SendMessage"))
def test_lone_surrogate(wire, queue):
    """Half of a surrogate pair is no character: it is refused, and nothing is sent."""
    q = queue()
    answer = wire.json("SendMessage", b'{"QueueUrl": "%s", "MessageBody": "a\\ud800b"}' % q.url.encode())
    holds(answer.status == 400, answer)
    holds(answer.type() in ("InvalidMessageContents", "SerializationException"), f"__type {answer.type()}")
    q.is_silent()


@documented("json.missing-url", COMMON)
def test_missing_member(wire):
    """A required member that is missing: MissingParameter."""
    answer = wire.json("SendMessage", {"MessageBody": "b"})
    same("error", (answer.status, answer.type()), (400, "MissingRequiredParameterException"))


@documented("json.unknown-operation", COMMON)
def test_unknown_operation(wire):
    """An operation that there is not: UnknownOperationException."""
    answer = wire.json("ExplodeQueue", {})
    holds(answer.status in (400, 404), answer)
    same("__type", answer.type(), "UnknownOperationException")


@documented("json.other-service", COMMON)
def test_other_service(wire):
    """A target of another service is no operation of this one."""
    answer = wire.request("POST", "/", b"{}", Content_Type=JSON, X_Amz_Target="DynamoDB_20120810.ListTables")
    holds(400 <= answer.status < 500, answer)


@documented("json.no-target", JSON_GUIDE)
def test_no_target(wire):
    """X-Amz-Target is needed: without it the request is refused as the client's fault."""
    answer = wire.request("POST", "/", b"{}", Content_Type=JSON)
    holds(400 <= answer.status < 500, answer)


@recorded("json.get", seen("test_get_without_query_returns_unknown_operation"))
def test_get(wire, queue):
    """A GET of a queue's URL without an action: 404, UnknownOperationException."""
    answer = wire.request("GET", queue().path)
    holds(answer.status == 404 and "<UnknownOperationException" in answer.text, answer)


@documented("json.put", f"{QUERY_GUIDE}: GET and POST")
def test_put(wire):
    """Other methods than GET and POST are refused as the client's fault."""
    answer = wire.request("PUT", "/", b"{}", Content_Type=JSON, X_Amz_Target="AmazonSQS.ListQueues")
    holds(400 <= answer.status < 500, answer)


# ---- HTTP ----

def request(wire, operation, body, version="1.1", headers=""):
    body = json.dumps(body).encode()
    more = "".join(f"{k}: {v}\r\n" for k, v in wire.headers(
        Host=wire.host, Content_Type=JSON, X_Amz_Target=f"AmazonSQS.{operation}").items())
    if "chunked" not in headers:
        more += f"Content-Length: {len(body)}\r\n"
    return f"POST / HTTP/{version}\r\n{more}{headers}\r\n".encode(), body


@documented("http.pipelined", f"{HTTP}, 9.3.2 Pipelining")
def test_pipelined(wire, queue):
    """Requests that follow each other on a connection without waiting are answered in their order."""
    q = queue()
    data = b"".join(head + body for head, body in (
        request(wire, "SendMessage", {"QueueUrl": q.url, "MessageBody": str(i)}) for i in range(3)))
    same("MD5s", [a.json().get("MD5OfMessageBody") for a in wire.raw(data, 3)], [md5(str(i)) for i in range(3)])


@documented("http.one-connection", f"{HTTP}, 9.3 Persistence")
def test_one_connection(wire):
    """A connection stays open for the next request, also after an error."""
    connection = wire.connect()
    statuses = []
    try:
        for body in ('{}', '{', '{}'):
            connection.request("POST", "/", body, wire.headers(Content_Type=JSON, X_Amz_Target="AmazonSQS.ListQueues"))
            if not statuses:
                port = connection.sock.getsockname()
            same("connection", connection.sock.getsockname(), port)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
            holds(connection.sock is not None, f"closed after {response.status}")
    finally:
        connection.close()
    same("statuses", statuses, [200, 400, 200])


@documented("http.1.0", f"{HTTP}, 9.3 Persistence")
def test_http_1_0(wire):
    """A request of HTTP/1.0 is answered, and the connection closed."""
    host, _, port = wire.host.rpartition(":")
    head, body = request(wire, "ListQueues", {}, version="1.0")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head + body)
        same("status", read_from(connection, 1)[0].status, 200)
        connection.settimeout(5)
        try:
            rest = connection.recv(1)
        except TimeoutError:
            raise Differs("the connection stays open") from None
        same("after the answer", rest, b"")


@documented("http.continue", "RFC 9110, 10.1.1 Expect")
def test_continue(wire, queue):
    """Expect: 100-continue is answered with 100 before the body is sent."""
    host, _, port = wire.host.rpartition(":")
    head, body = request(wire, "SendMessage", {"QueueUrl": queue().url, "MessageBody": "b"},
                         headers="Expect: 100-continue\r\n")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head)
        connection.settimeout(5)
        try:
            first = connection.recv(25)
        except TimeoutError:
            raise Differs("no 100 within 5 s") from None
        holds(first.startswith(b"HTTP/1.1 100"), f"answered {first!r}")
        connection.sendall(body)
        same("status", read_from(connection, 1)[0].status, 200)


@documented("http.chunked", f"{HTTP}, 7.1 Chunked transfer coding")
def test_chunked(wire, queue):
    """A body may be sent in chunks."""
    head, body = request(wire, "SendMessage", {"QueueUrl": queue().url, "MessageBody": "b"},
                         headers="Transfer-Encoding: chunked\r\n")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:10], body[10:])) + b"0\r\n\r\n"
    answer = wire.raw(head + chunks)[0]
    same("answer", (answer.status, answer.json().get("MD5OfMessageBody")), (200, md5("b")))


@documented("http.header-case", "RFC 9110, 5.1 Field Names")
def test_header_case(wire):
    """Names of headers are case-insensitive."""
    answer = wire.request("POST", "/", b"{}", **{"content_type": JSON, "x_amz_target": "AmazonSQS.ListQueues"})
    same("status", answer.status, 200)


@documented("http.too-large", f"{COMMON}; SendMessage")
def test_far_too_large(wire, queue):
    """A request far beyond the limits is refused as the client's fault, or the connection closed; others are served."""
    q = queue()
    try:
        answer = wire.json("SendMessage", {"QueueUrl": q.url, "MessageBody": "x" * (20 << 20)})
        holds(400 <= answer.status < 500, answer)
    except Differs as did:
        if not str(did).startswith("no answer"):
            raise
    q.is_silent(did="the message was sent")


@documented("http.cut", f"{HTTP}, 8 Handling Incomplete Messages")
def test_cut_request(wire, queue):
    """A request whose body is cut has no effect."""
    q = queue()
    host, _, port = wire.host.rpartition(":")
    head, body = request(wire, "SendMessage", {"QueueUrl": q.url, "MessageBody": "b"})
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head + body[:-1])
    q.is_silent(wait=1, did="the message was sent")
