"""Real input over real interfaces: what boto3 sends arrives byte for byte at a service in Python, once."""
import base64
import collections
import hashlib
import json
import math

import pytest

# A poll that finds nothing ends soon, and so does a batch that is not full.
QUICK = ["--receive-wait", "1s", "--batch-age", "300ms"]

THREE = {
    "tenant": {"DataType": "String", "StringValue": "acme"},
    "weight": {"DataType": "Number.kg", "StringValue": "12.5"},
    "thumb": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
}


def some_attributes(n):
    return THREE if n % 3 == 0 else {}


ON_MOTO = [pytest.param("moto", f, id=f"moto-{f}") for f in ("lambda", "json", "ndjson", "raw")]
ON_ELASTICMQ = [pytest.param("elasticmq", f, id=f"elasticmq-{f}", marks=pytest.mark.xdist_group("elasticmq"))
                for f in ("lambda", "json", "ndjson", "raw")]


@pytest.mark.parametrize("server, form", ON_MOTO + ON_ELASTICMQ)
def test_every_event_arrives_once_byte_for_byte(request, server, form, events, sluice, receiver):
    server = request.getfixturevalue(server)
    queue, service = server.queue(), receiver()
    queue.send(events, attributes=some_attributes)

    ended = sluice("run", "--from", queue.url, "--to", service.url, "--format", form, "--until-empty", *QUICK,
                   env=server.env()).end()

    assert ended.code == 0, ended
    assert collections.Counter(service.bodies) == collections.Counter(events)
    assert queue.is_empty()
    # A busy queue may give an event to two polls (moto does); the second copy is deleted, and never posted.
    assert ended.account["deleted"] - ended.account["suppressed"] == len(events), ended
    assert ended.account["abandoned"] == ended.account["in_doubt"] == 0, ended
    assert ended.account["outcome"] == "drained"


@pytest.mark.parametrize("server", ["moto", pytest.param("elasticmq", marks=pytest.mark.xdist_group("elasticmq"))])
def test_every_event_arrives_before_a_sigterm_ends_it(request, server, events, sluice, receiver):
    server = request.getfixturevalue(server)
    queue, service = server.queue(), receiver()
    queue.send(events, attributes=some_attributes)
    program = sluice("run", "--from", queue.name, "--to", service.url, *QUICK, env=server.env())
    service.wait_events(len(events))

    program.terminate()
    ended = program.end()

    assert ended.code == 0, ended
    assert collections.Counter(service.bodies) == collections.Counter(events)
    assert queue.is_empty(), ended


@pytest.mark.parametrize("server", ["moto", pytest.param("elasticmq", marks=pytest.mark.xdist_group("elasticmq"))])
def test_a_record_is_what_lambda_would_get(request, server, sluice, receiver):
    server = request.getfixturevalue(server)
    queue, service = server.queue(), receiver()
    with_three, without = queue.send(["grün ✓", "plain"], attributes=lambda n: THREE if n == 0 else {})

    ended = sluice("run", "--from", queue.arn, "--to", service.url, "--until-empty", *QUICK, env=server.env()).end()

    assert ended.code == 0, ended
    records = {record["messageId"]: record for r in service.requests for record in r.records}
    record = records[with_three]
    assert set(record) == {"messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody",
                           "md5OfMessageAttributes", "eventSource", "eventSourceARN", "awsRegion"}
    assert record["body"] == "grün ✓"
    assert record["md5OfBody"] == hashlib.md5("grün ✓".encode()).hexdigest()
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", queue.arn, "eu-central-1")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"].isdigit()
    lists = {"stringListValues": [], "binaryListValues": []}
    assert record["messageAttributes"] == {
        "tenant": {"stringValue": "acme", "dataType": "String", **lists},
        "weight": {"stringValue": "12.5", "dataType": "Number.kg", **lists},
        "thumb": {"binaryValue": base64.b64encode(bytes(range(256))).decode(), "dataType": "Binary", **lists},
    }
    assert records[without]["messageAttributes"] == {}
    assert "md5OfMessageAttributes" not in records[without]


LEGAL = ["\t\n\r", *(chr(c) for c in range(0x20, 0x7f)), "\x7f\x80\x9f\xa0", "é€\ud7ff\ue000\ufffd", "😀\U00010000\U0010ffff",
         "\u2028\u2029\u200b\ufeff", '"\\/', '{"a":"\\ud83d\\ude00"}', "</script>", "null", "1e400"]


def value(body):
    """What a body becomes in json and ndjson: itself if it is JSON, else a string. A number that is none in Python either,
    infinite, is not JSON to sluice."""
    def refuse(name):
        raise ValueError(name)

    def finite(text):
        return float(text) if math.isfinite(float(text)) else refuse(text)

    try:
        return json.loads(body, parse_constant=refuse, parse_float=finite)
    except ValueError:
        return body


@pytest.mark.parametrize("form", ["lambda", "raw", "json", "ndjson"])
def test_every_legal_character(moto, sluice, receiver, form):
    queue, service = moto.queue(), receiver()
    # every character that SQS allows outside the surrogates, 4,096 to a body
    points = [c for c in range(0x20, 0xfffe) if not 0xd800 <= c < 0xe000]
    sweep = ["".join(map(chr, points[i:i + 4096])) for i in range(0, len(points), 4096)]
    bodies = LEGAL + sweep
    queue.send(bodies)

    ended = sluice("run", "--from", queue.name, "--to", service.url, "--format", form, "--until-empty", *QUICK,
                   env=moto.env()).end()

    assert ended.code == 0, ended
    if form in ("lambda", "raw"):
        assert collections.Counter(service.bodies) == collections.Counter(bodies)
    else:
        got = [json.loads(body) for body in service.bodies]
        assert collections.Counter(map(json.dumps, got)) == collections.Counter(json.dumps(value(b)) for b in bodies)
    assert queue.is_empty()


def test_bodies_of_1_mib(moto, sluice, receiver):
    queue, service = moto.queue(), receiver()
    size = 1 << 20
    bodies = ["x" * size, '"' * size, "€" * (size // 3) + "x", "\n" * size]
    queue.send(bodies)

    ended = sluice("run", "--from", queue.name, "--to", service.url, "--batch-bytes", "10MB", "--until-empty", *QUICK,
                   env=moto.env()).end()

    assert ended.code == 0, ended
    assert collections.Counter(service.bodies) == collections.Counter(bodies)
    assert queue.is_empty()


def test_a_batch_is_never_bigger_than_its_limits(moto, events, sluice, receiver):
    queue, service = moto.queue(), receiver()
    queue.send(events[:150])

    ended = sluice("run", "--from", queue.name, "--to", service.url, "--batch-count", "20", "--batch-bytes", "100KB",
                   "--until-empty", *QUICK, env=moto.env()).end()

    assert ended.code == 0, ended
    assert collections.Counter(service.bodies) == collections.Counter(events[:150])
    assert all(len(r.body) <= 100_000 and 1 <= len(r.records) <= 20 for r in service.requests)
    assert all(int(r.headers["sluice-batch-count"]) == len(r.records) for r in service.requests)


def test_headers(moto, tmp_path, sluice, receiver):
    queue, service = moto.queue(), receiver()
    queue.send(["one"])
    (tmp_path / "token").write_text("secret-of-the-service\n")
    (tmp_path / "headers").write_text("X-Two: from a file\n")

    ended = sluice("run", "--from", queue.name, "--to", service.url, "--header", "X-One: said", "--header-file",
                   tmp_path / "headers", "--bearer-file", tmp_path / "token", "--until-empty", *QUICK,
                   env=moto.env()).end()

    assert ended.code == 0, ended
    (request,) = service.requests
    headers = request.headers
    assert (headers["x-one"], headers["x-two"]) == ("said", "from a file")
    assert headers["authorization"] == "Bearer secret-of-the-service"
    assert headers["idempotency-key"] == headers["sluice-batch-id"]
    assert headers["sluice-attempt"] == "1"
    assert headers["content-type"] == "application/json"
    assert len(headers["traceparent"].split("-")) == 4
    assert "expect" not in headers and "cookie" not in headers
    assert "secret-of-the-service" not in ended.err


def test_the_two_bugs_of_the_demonstration(sluice, receiver):
    """A batch's age counts from its first event, though events keep coming, and there is no empty batch."""
    service = receiver()
    ended = sluice("run", "--from", "synthetic:", "--rate", "10/s", "--to", service.url, "--batch-age", "1s", "--for",
                   "2500ms").end()
    assert ended.code == 0, ended
    sizes = [len(r.records) for r in service.requests]
    assert min(sizes) >= 1
    # one event each 100 ms: the first batch holds at most the 11 of its second, not the 25 of the whole run
    assert sizes[0] <= 12 and len(sizes) >= 2, sizes
    assert sum(sizes) == ended.account["received"]
