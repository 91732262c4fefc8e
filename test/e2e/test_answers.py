"""What a service answers, and what becomes of the events: the table of docs/service.md, seen from both ends."""
import itertools
import json
import threading
import time

import pytest

from world.receiver import Answer, failures
from world.waiting import until

QUICK = ["--receive-wait", "1s", "--batch-age", "200ms"]


@pytest.fixture
def orders(moto):
    """A queue whose leases outlive any test here: what is visible again was given back."""
    return moto.queue(VisibilityTimeout=900)


def send(queue, n):
    return dict(zip(queue.send([f"event {i}" for i in range(n)]), (f"event {i}" for i in range(n))))


ACCEPTED = [(200, b""), (200, b"{}"), (200, b"null"), (200, b'{"batchItemFailures":[]}'),
            (200, b'{"batchItemFailures":null}'), (200, b'{"ok":true}'), (201, b""), (202, b'{"ok":true}'), (204, b"")]


@pytest.mark.parametrize("status, body", ACCEPTED, ids=str)
def test_accepted(moto, sluice, receiver, status, body):
    queue, service = moto.queue(), receiver([Answer(status, body)])
    send(queue, 3)
    ended = sluice("run", "--from", queue.name, "--to", service.url, "--until-empty", *QUICK, env=moto.env()).end()
    assert ended.code == 0 and ended.account["deleted"] == 3, ended
    assert len(service.requests) == 1 and queue.is_empty()


def run_until(moto, sluice, service, queue, done, *flags):
    """Runs sluice until something is true of the world, then stops it: the stop gives back what is held."""
    program = sluice("run", "--from", queue.name, "--to", service.url, "--drain", "3s", *QUICK, *flags, env=moto.env())
    until("the program did what was waited for", lambda: done(program), 30)
    program.terminate()
    return program.end(10)


@pytest.mark.parametrize("spelling", [("batchItemFailures", "itemIdentifier"), ("BatchItemFailures", "ItemIdentifier"),
                                      ("batchitemfailures", "ITEMIDENTIFIER")], ids=lambda s: s[0] + "." + s[1])
def test_just_the_named_go_back(moto, orders, sluice, receiver, spelling):
    ids = send(orders, 10)
    bad = set(list(ids)[3:6])
    key, item = spelling
    service = receiver(lambda request: failures(*(i for i in request.message_ids if i in bad), key=key, item=item))

    ended = run_until(moto, sluice, service, orders, lambda _: sum(orders.counts()) == 3)

    assert ended.account["deleted"] == 7, ended
    assert ended.account["returned"] == ended.account["received"] - 7, ended
    until("the three are visible", lambda: orders.counts() == (3, 0), 30)
    assert {m["MessageId"] for m in orders.receive_all()} == bad


NO_LIST = {
    "unknown id": b'{"batchItemFailures":[{"itemIdentifier":"no-such-message"}]}',
    "empty id": b'{"batchItemFailures":[{"itemIdentifier":""}]}',
    "null id": b'{"batchItemFailures":[{"itemIdentifier":null}]}',
    "number id": b'{"batchItemFailures":[{"itemIdentifier":7}]}',
    "no id": b'{"batchItemFailures":[{}]}',
    "no object": b'{"batchItemFailures":["x"]}',
    "no array": b'{"batchItemFailures":{"itemIdentifier":"x"}}',
    "near miss": b'{"batchItemFailure":[{"itemIdentifier":"x"}]}',
    "near miss of the other": b'{"batchItemFailures":[{"itemIdentifer":"x"}]}',
    "cut json": b'{"batchItemFailures":[',
    "not json": b"all well",
}


@pytest.mark.parametrize("body", NO_LIST.values(), ids=NO_LIST.keys())
def test_a_list_that_cannot_be_read_fails_the_batch(moto, orders, sluice, receiver, body):
    send(orders, 5)
    service = receiver([Answer(200, body)])
    ended = run_until(moto, sluice, service, orders, lambda _: service.requests)
    assert ended.account["deleted"] == 0, ended
    until("all are in the queue", lambda: sum(orders.counts()) == 5)


def test_an_answer_in_plain_text_is_no_list(moto, sluice, receiver):
    queue, service = moto.queue(), receiver([Answer(200, b"OK", "text/plain")])
    send(queue, 5)
    ended = sluice("run", "--from", queue.name, "--to", service.url, "--until-empty", *QUICK, env=moto.env()).end()
    assert ended.code == 0 and ended.account["deleted"] == 5, ended


CUT = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{\"batchItem"
CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"
HUGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * (4 << 20)
TROUBLE = {
    "500": Answer(500, b'{"error":"x"}'), "502": Answer(502), "503": Answer(503), "504": Answer(504), "429": Answer(429),
    "408": Answer(408), "409": Answer(409), "425": Answer(425),
    "cut": Answer(raw=CUT), "cut chunk": Answer(raw=CHUNK), "reset": Answer(reset=True), "no http": Answer(raw=b"SSH-2.0-x\r\n"),
    "closed": Answer(raw=b""), "huge": Answer(raw=HUGE),
}


@pytest.mark.parametrize("answer", TROUBLE.values(), ids=TROUBLE.keys())
def test_trouble_is_met_with_the_same_bytes_and_key(moto, orders, sluice, receiver, answer):
    send(orders, 5)
    service = receiver([answer, answer, Answer()])

    ended = run_until(moto, sluice, service, orders, lambda _: orders.is_empty())

    assert ended.code == 0 and ended.account["deleted"] == 5 == ended.account["received"], ended
    assert ended.account["requests"] == 3 and ended.account["batches"] == 1, ended
    assert len({r.body for r in service.requests}) == len({r.headers["idempotency-key"] for r in service.requests}) == 1
    assert [r.headers["sluice-attempt"] for r in service.requests] == ["1", "2", "3"]


@pytest.mark.parametrize("status", [301, 307, 308, 401, 403, 404, 405, 410, 415, 501])
def test_a_service_that_is_wrong_is_paused_for(moto, orders, sluice, receiver, status):
    send(orders, 5)
    answers = [Answer(status, headers={"Location": "/elsewhere"} if status < 400 else {})]
    service = receiver(answers)
    ended = run_until(moto, sluice, service, orders, lambda program: any(f"{status}" in line for line in program.lines))
    assert ended.account["deleted"] == 0 and ended.account["returned"] == 5, ended
    assert {r.path for r in service.requests} == {"/batch"}
    until("all are visible", lambda: orders.counts() == (5, 0), 5)


def test_a_service_that_was_wrong_is_probed(moto, orders, sluice, receiver):
    send(orders, 5)
    service = receiver([Answer(401), Answer(401), Answer()])
    ended = run_until(moto, sluice, service, orders, lambda _: orders.is_empty())
    assert ended.code == 0 and ended.account["deleted"] == 5, ended


@pytest.mark.parametrize("status", [400, 422])
def test_refused_events_go_back_with_a_delay(moto, orders, sluice, receiver, status):
    send(orders, 5)
    service = receiver([Answer(status, b"no")])
    ended = run_until(moto, sluice, service, orders, lambda program: any(f"{status}" in line for line in program.lines))
    assert ended.account["deleted"] == 0, ended
    assert ended.account["returned"] == ended.account["received"], ended
    until("all are in the queue", lambda: sum(orders.counts()) == 5)


def test_413_is_split_until_it_fits(moto, orders, sluice, receiver):
    send(orders, 60)
    service = receiver(lambda request: Answer(413 if len(request.body) > 12_000 else 200))
    ended = run_until(moto, sluice, service, orders, lambda _: orders.is_empty())
    assert ended.code == 0 and ended.account["deleted"] == 60, ended
    taken = [r for r in service.requests if len(r.body) <= 12_000]
    assert sorted(b for r in taken for b in r.bodies) == sorted(f"event {i}" for i in range(60))
    keys = {}
    for request in service.requests:  # other bytes, another key
        assert keys.setdefault(request.headers["idempotency-key"], request.body) == request.body


def test_an_event_too_big_for_the_service_holds_up_no_other(moto, orders, sluice, receiver):
    orders.send([f"event {i}" for i in range(9)] + ["x" * 50_000])
    service = receiver(lambda request: Answer(413 if len(request.body) > 12_000 else 200))
    ended = run_until(moto, sluice, service, orders, lambda _: sum(orders.counts()) == 1)
    assert ended.account["deleted"] == 9, ended
    until("the big one is in the queue", lambda: sum(orders.counts()) == 1)


def test_retry_after_is_kept(moto, orders, sluice, receiver):
    send(orders, 5)
    service = receiver([Answer(503, headers={"Retry-After": "2"}), Answer()])
    ended = run_until(moto, sluice, service, orders, lambda _: orders.is_empty())
    assert ended.code == 0, ended
    first, second = service.requests
    assert 2.0 <= second.at - first.at < 6, second.at - first.at


def test_a_poisoned_batch_goes_back_while_others_are_accepted(moto, sluice, receiver):
    """An exception in a handler is a 500, for ever: with the five-times rule its batch does not block a courier for ever."""
    queue = moto.queue(VisibilityTimeout=900)
    service = receiver(lambda request: Answer(500 if "poison" in request.bodies else 200))
    bodies = ["poison"] + [f"event {i}" for i in range(99)]
    queue.send(bodies)
    counter = itertools.count(99)

    def done(program):
        # a service that accepts: another event, now and then
        queue.send([f"event {next(counter)}"])
        return any("poison" in r.bodies and r.headers["sluice-attempt"] == "5" for r in service.requests)

    ended = run_until(moto, sluice, service, queue, done, "--batch-count", "5", "--concurrency", "2")
    delivered = [b for r in service.requests if "poison" not in r.bodies for b in r.bodies]
    assert len(delivered) == len(set(delivered)), "an event was accepted twice"
    assert ended.account["returned"] >= 1, ended
    until("the poison is in the queue", lambda: sum(queue.counts()) >= 1)


def test_redrive_takes_what_is_refused_again_and_again(moto, sluice, receiver):
    dead = moto.queue()
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})
    queue = moto.queue(VisibilityTimeout=900, RedrivePolicy=policy)
    service = receiver(lambda request: failures(*(r["messageId"] for r in request.records if r["body"] == "poison")))
    queue.send(["poison", "good"])
    ended = run_until(moto, sluice, service, queue, lambda _: dead.counts() == (1, 0))
    assert service.bodies.count("poison") == 2 and service.bodies.count("good") == 1, ended
    assert [m["Body"] for m in dead.receive_all()] == ["poison"]


def test_held_ten_times_the_visibility_timeout_and_delivered_once(moto, sluice, receiver):
    """moto counts visibility in seconds and sluice refuses less than 10 s, so this is the longest test of all."""
    queue = moto.queue(VisibilityTimeout=30)
    answers = threading.Event()
    service = receiver([Answer(hold=answers)])
    send(queue, 20)
    program = sluice("run", "--from", queue.name, "--to", service.url, "--visibility", "10s", "--timeout", "10m",
                     "--batch-count", "20", "--batch-age", "1m", "--receive-wait", "1s", env=moto.env())
    service.wait(1)
    began = service.requests[0].at
    # nothing is to be waited for but time: what is held stays in flight, whenever one looks
    while time.monotonic() < began + 100:
        time.sleep(1)
        assert queue.counts() == (0, 20)
    answers.set()
    until("all are deleted", queue.is_empty)
    program.terminate()
    ended = program.end(10)
    assert ended.code == 0 and ended.account["received"] == ended.account["deleted"] == 20, ended
    assert len(service.bodies) == 20
