"""What is wrong inside well-framed requests to sluice queue: each gets the exact SQS error, and the connection stays."""
import contextlib
import json
import re
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from world.raw_queue import Closed, Queue, Server, Wire, ask, both_servers, request, server  # noqa: F401

MIB = 1 << 20


# ---- what the front door says ----

def error(answer, status, type_, code, text=None):
    assert answer.status == status, answer
    assert answer.type == type_, answer
    assert answer.headers["x-amzn-query-error"].split(";")[0] == code, answer
    assert answer.headers["content-type"] == "application/x-amz-json-1.0", answer
    if text:
        assert answer.json["message"] == text, answer


def test_unknown_operations(server):
    with Wire(server) as wire:
        for operation in ("Nonsense", "", "receivemessage", "ReceiveMessage ReceiveMessage", "x" * 5000):
            wire.send(request(server, operation, {}))
            error(wire.answer(), 400, "UnknownOperationException", "InvalidAction")
        wire.send(request(server, "", {}).replace(b"AmazonSQS.", b"DynamoDB_20120810.ListTables"))
        error(wire.answer(), 400, "UnknownOperationException", "InvalidAction")
        wire.send(f"GET /?Action=Nonsense HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
        answer = wire.answer()
        assert (answer.status, b"<Code>InvalidAction</Code>" in answer.body) == (400, True), answer


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_methods(server, method):
    for version in ("HTTP/1.1", "HTTP/1.0"):
        with Wire(server) as wire:
            wire.send(f"{method} / {version}\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
            head = wire.line_end(b"\r\n\r\n")
            assert re.match(rb"HTTP/1\.[01] (4\d\d|501) ", head), head
            with pytest.raises(Closed):
                while True:
                    wire.more()


def test_a_get_may_ask_too(server):
    queue = Queue(server)
    with Wire(server) as wire:
        wire.send(f"GET /?Action=GetQueueUrl&QueueName={queue.name}&Version=2012-11-05 HTTP/1.1\r\n"
                  f"Host: {server.host}\r\n\r\n".encode())
        answer = wire.answer()
    assert answer.status == 200 and f"<QueueUrl>{queue.url}</QueueUrl>".encode() in answer.body, answer


@pytest.mark.parametrize("host", ["", "evil.example", "a b", 'x"><script>', "[::1", "x\\", "\x7f", "h" * 5000, "x/../../y", "1.2.3.4:99999"])
def test_host_headers(server, host):
    """A queue's URL is built from it: what comes out must be JSON and XML, or nothing."""
    queue = Queue(server)
    whole = request(server, "GetQueueUrl", {"QueueName": queue.name}).replace(server.host.encode(), host.encode(), 1)
    query = (f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
             f"Content-Length: {31 + len(queue.name)}\r\n\r\nAction=GetQueueUrl&QueueName={queue.name}  ")
    for text in (whole, query.encode()):
        with Wire(server) as wire, contextlib.suppress(Closed):
            wire.send(text)
            answer = wire.answer()
            assert answer.status in (200, 400, 413, 431), answer
            if answer.headers.get("content-type") == "application/x-amz-json-1.0":
                assert isinstance(answer.json, dict)
            assert b"<script>" not in answer.body or answer.headers["content-type"] == "application/x-amz-json-1.0"


def test_no_host_header(server):
    queue = Queue(server)
    with Wire(server) as wire, contextlib.suppress(Closed):
        wire.send(re.sub(rb"Host: .*\r\n", b"", queue.request("GetQueueUrl", QueueName=queue.name)))
        assert wire.answer().status in (200, 400)


JSONS = {
    "half": b'{"QueueName":', "two": b"{}{}", "list": b"[]", "text": b'"x"', "null": b"null", "nan": b'{"MaxResults":NaN}',
    "infinite": b'{"MaxResults":1e999}', "long-number": b'{"MaxResults":' + b"1" * 100_000 + b"}", "fraction": b'{"MaxResults":1.5}',
    "deep": b"[" * 500_000, "deep-inside": b'{"x":' * 100_000, "surrogate": b'{"QueueNamePrefix":"\\ud800"}',
    "not-utf8": b'{"QueueNamePrefix":"\xff\xfe"}', "overlong": b'{"QueueNamePrefix":"\xc0\xaf"}', "bom": b"\xef\xbb\xbf{}",
    "nul": b'{"QueueNamePrefix":"a"}\x00', "control": b'{"QueueNamePrefix":"a\nb"}', "quotes": b"{'QueueNamePrefix':'a'}",
    "wrong-type": b'{"QueueNamePrefix":17}', "number-as-text": b'{"MaxResults":"ten"}', "comma": b'{"QueueNamePrefix":"a",}',
    "comment": b'{/**/}', "form": b"Action=ListQueues",
}


@pytest.mark.parametrize("body", JSONS.values(), ids=JSONS)
def test_bodies_that_are_no_input(server, body):
    with Wire(server) as wire:
        wire.send(request(server, "ListQueues", body))
        answer = wire.answer()
        assert answer.status == 400 and answer.type == "SerializationException", answer
        assert ask(server, "ListQueues", wire).status == 200, "the connection is as good as before"


# ---- limits of calls ----

def entries(operation, ids):
    more = {"SendMessageBatch": {"MessageBody": "x"}, "DeleteMessageBatch": {"ReceiptHandle": "x"},
            "ChangeMessageVisibilityBatch": {"ReceiptHandle": "x", "VisibilityTimeout": 1}}[operation]
    return [{"Id": id_, **more} for id_ in ids]


@pytest.mark.parametrize("operation", ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"])
def test_batches(server, operation):
    queue = Queue(server)
    aws = "AWS.SimpleQueueService."

    def answer(ids):
        return queue.ask(operation, Entries=entries(operation, ids))

    error(answer(map(str, range(11))), 400, "TooManyEntriesInBatchRequest", aws + "TooManyEntriesInBatchRequest",
          "Maximum number of entries per request are 10. You have sent 11.")
    error(answer(map(str, range(1000))), 400, "TooManyEntriesInBatchRequest", aws + "TooManyEntriesInBatchRequest",
          "Maximum number of entries per request are 10. You have sent 1000.")
    assert answer(map(str, range(20_000))).status in (400, 413)
    error(answer([]), 400, "EmptyBatchRequest", aws + "EmptyBatchRequest")
    error(answer(["a", "b", "a"]), 400, "BatchEntryIdsNotDistinct", aws + "BatchEntryIdsNotDistinct")
    for bad in ("a b", "x" * 81, "", "é", "../a"):
        error(answer(["a", bad]), 400, "InvalidBatchEntryId", aws + "InvalidBatchEntryId",
              "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
              "It can be at most 80 letters long.")
    assert queue.depth() == 0


def test_messages_over_the_limit(server):
    queue = Queue(server)
    error(queue.ask("SendMessage", MessageBody="x" * (MIB + 1)), 400, "InvalidParameterValueException", "InvalidParameterValue",
          "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.")
    halves = [{"Id": "a", "MessageBody": "x" * (MIB // 2)}, {"Id": "b", "MessageBody": "x" * (MIB // 2 + 1)}]
    error(queue.ask("SendMessageBatch", Entries=halves), 400, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong",
          "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.")
    assert queue.depth() == 0
    # Of the largest message every character may be escaped in JSON.
    whole = b'{"QueueUrl":"%s","MessageBody":"%s"}' % (queue.url.encode(), b"\\u0041" * MIB)
    with Wire(server) as wire:
        wire.send(request(server, "SendMessage", whole))
        answer = wire.answer()
    assert answer.status == 200, answer
    assert queue.receive() == [("A" * MIB, 1)]


# ---- signatures ----

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(f"{KEY} {SECRET}\nAKIDOTHER other-secret\n")
    (folder / "keys").chmod(0o600)
    server = Server(folder, "--keys", "keys", "--queue", "orders")
    yield server
    assert SECRET not in server.log()
    server.close()


def signed(server, key=KEY, secret=SECRET, minutes=0, service="sqs", region="us-east-1", **body):
    """A request, signed by botocore as at another time."""
    body = json.dumps({"QueueUrl": f"http://{server.host}/000000000000/orders", **body})
    made = AWSRequest("POST", f"http://{server.host}/", {
        "Host": server.host, "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}, body)

    class At(SigV4Auth):
        def _modify_request_before_signing(self, request):
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + 60 * minutes))
            request.context["timestamp"] = stamp
            super()._modify_request_before_signing(request)

    At(Credentials(key, secret), service, region).add_auth(made)
    headers = "".join(f"{name}: {value}\r\n" for name, value in made.headers.items())
    return f"POST / HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def said(server, text):
    with Wire(server) as wire:
        wire.send(text)
        return wire.answer()


def test_signatures(guarded):
    assert said(guarded, signed(guarded, MessageBody="x")).status == 200
    assert said(guarded, signed(guarded, "AKIDOTHER", "other-secret", MessageBody="x")).status == 200
    unsigned = request(guarded, "SendMessage", {"QueueUrl": f"http://{guarded.host}/000000000000/orders", "MessageBody": "x"})
    for text, code in [
            (signed(guarded, secret="wrong", MessageBody="x"), "SignatureDoesNotMatch"),
            (signed(guarded, secret="other-secret", MessageBody="x"), "SignatureDoesNotMatch"),
            (signed(guarded, key="AKIDNOBODY", MessageBody="x"), "InvalidClientTokenId"),
            (unsigned, "MissingAuthenticationToken")]:
        answer = said(guarded, text)
        assert (answer.status, answer.headers["x-amzn-query-error"]) == (403, f"{code};Sender"), answer


@pytest.mark.parametrize("minutes, served", [(-16, False), (-14, True), (0, True), (14, True), (16, False), (-60 * 24 * 366, False)])
def test_a_signature_holds_for_fifteen_minutes(guarded, minutes, served):
    """Within them a request that somebody recorded can be sent again, as at AWS; after that it can't."""
    text = signed(guarded, minutes=minutes, MessageBody="x")
    for _ in range(2):
        answer = said(guarded, text)
        if served:
            assert answer.status == 200, answer
        else:
            assert (answer.status, answer.headers["x-amzn-query-error"]) == (400, "RequestExpired;Sender"), answer


@pytest.mark.parametrize("old, new", [
    (b'"MessageBody": "x"', b'"MessageBody": "y"'), (b"AmazonSQS.SendMessage", b"AmazonSQS.PurgeQueue\r\nX: "), (b"us-east-1/sqs", b"us-east-2/sqs"),
    (b"Signature=", b"Signature=0"), (b"SignedHeaders=", b"SignedHeaders=x-none;"), (b"aws4_request", b"aws5_request"),
    (b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA1"), (b"Credential=", b"Credentiel="), (b"Authorization: ", b"Authorization: Basic "),
    (b"Signature=", b"Signature=" + b"f" * 20_000), (b"SignedHeaders=", b"SignedHeaders=" + b";" * 5_000), (b"POST /", b"POST /x"),
], ids=lambda v: v[:24].decode().strip())
def test_a_request_that_was_changed(guarded, old, new):
    text = signed(guarded, MessageBody="x")
    assert old in text
    text = text.replace(old, new, 1)
    with Wire(guarded) as wire, contextlib.suppress(Closed):
        wire.send(text)
        assert wire.answer().status in (400, 403, 431)
