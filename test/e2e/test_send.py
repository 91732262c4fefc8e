"""sluice send: what it reads, and what it does when calls or single entries fail."""
import hashlib
import json
import os

import pytest

from world.receiver import Answer
from world.waiting import until


def said(**members):
    return Answer(body=json.dumps(members).encode(), content_type="application/x-amz-json-1.0")


def refused(status, code):
    return Answer(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "on purpose"}).encode(),
                  content_type="application/x-amz-json-1.0")


class Queue:
    """A queue whose sends go as `fate` says: a callable from the bodies of a call to an Answer, or to the bodies that fail,
    each with whether that is the sender's fault. What it took is in `bodies`."""

    def __init__(self, receiver, fate, name="orders"):
        self.name, self.fate, self.calls, self.bodies = name, fate, [], []
        self.server = receiver(self.answer)
        self.endpoint = self.server.url.rsplit("/", 1)[0]
        self.env = {"AWS_ENDPOINT_URL_SQS": self.endpoint, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a",
                    "AWS_SECRET_ACCESS_KEY": "b"}

    def answer(self, request):
        operation, asked = request.headers["x-amz-target"].split(".")[1], json.loads(request.body)
        if operation != "SendMessageBatch":
            return said(QueueUrl=f"{self.endpoint}/000000000000/{self.name}")
        self.calls.append([entry["MessageBody"] for entry in asked["Entries"]])
        fate = self.fate(self.calls[-1])
        if isinstance(fate, Answer):
            return fate
        taken = [e for e in asked["Entries"] if e["MessageBody"] not in fate]
        self.bodies += [e["MessageBody"] for e in taken]
        return said(Successful=[{"Id": e["Id"], "MessageId": e["Id"], "SequenceNumber": "1",
                                 "MD5OfMessageBody": hashlib.md5(e["MessageBody"].encode()).hexdigest()} for e in taken],
                    Failed=[{"Id": e["Id"], "Code": "InternalError", "SenderFault": fate[e["MessageBody"]]}
                            for e in asked["Entries"] if e not in taken])


@pytest.fixture
def send(sluice):
    """A function that starts sluice send to a queue."""
    def start(queue, *arguments, lines=None):
        return sluice("send", "--to", queue.name, "--json", *arguments, env=queue.env,
                      stdin="\n".join(lines).encode() if lines else None)
    return start


def test_a_fifo_that_nobody_writes_to(receiver, send, tmp_path):
    queue = Queue(receiver, lambda bodies: {})
    (tmp_path / "first").write_text("one\n")
    os.mkfifo(tmp_path / "second")
    program = send(queue, tmp_path / "first", tmp_path / "second")
    until("the first is sent", lambda: queue.bodies == ["one"])
    program.terminate()
    ended = program.end(20)
    assert ended.code == 75 and "not read   what follows" in ended.err, ended
    assert json.loads(ended.out)["complete"] is False


def test_a_fifo_that_is_written_to_later(receiver, send, tmp_path):
    queue = Queue(receiver, lambda bodies: {})
    os.mkfifo(tmp_path / "fifo")
    program = send(queue, tmp_path / "fifo")
    with open(tmp_path / "fifo", "w") as lines:
        print("one", file=lines, flush=True)
        until("it is sent", lambda: queue.bodies == ["one"])
        print("two", file=lines)
    ended = program.end(20)
    assert ended.code == 0 and queue.bodies == ["one", "two"], ended


@pytest.mark.parametrize("later", [refused(403, "AccessDenied"), None], ids=["refused", "a signal"])
def test_what_was_in_doubt_once_stays_so(receiver, send, later):
    """The first attempts get no answer, so that the events may be in the queue whatever is answered later."""
    lost = Answer(reset=True)
    queue = Queue(receiver, lambda bodies: lost if len(queue.calls) <= 3 or not later else later)
    program = send(queue, lines=["one", "two"])
    if not later:
        program.wait_line("trying again")
        program.terminate()
        program.wait_line("a signal came")
        program.terminate()
    ended = program.end(40)
    told = json.loads(ended.out)
    assert (told["sent"], told["not_sent"], told["in_doubt"]) == (0, 2, 2), ended
    assert ended.code == (77 if later else 75), ended


def test_an_entry_that_is_refused_after_an_attempt_in_doubt(receiver, send):
    queue = Queue(receiver, lambda bodies: Answer(reset=True) if len(queue.calls) <= 3 else {"two": True})
    ended = send(queue, lines=["one", "two"]).end(40)
    told = json.loads(ended.out)
    assert (told["sent"], told["not_sent"], told["in_doubt"]) == (1, 1, 1), ended


def groups_of(bodies):
    """What came of each group, in order."""
    groups = {}
    for event in map(json.loads, bodies):
        groups.setdefault(event["g"], []).append(event["n"])
    return groups


@pytest.mark.parametrize("groups", [1, 3])
def test_the_order_of_a_group_when_an_entry_fails_for_a_moment(receiver, send, groups):
    lines = [json.dumps({"n": n, "g": f"g{n % groups}"}) for n in range(12)]
    failed = set()

    def fate(bodies):
        """The fifth event fails once, wherever it is."""
        first = lines[4] in bodies and lines[4] not in failed
        failed.update(bodies)
        return {lines[4]: False} if first else {}
    queue = Queue(receiver, fate, "orders.fifo")
    ended = send(queue, "--group", "@g", "--dedup", "@n", lines=lines).end(40)
    assert ended.code == 0, ended
    assert groups_of(queue.bodies) == groups_of(lines)


def test_calls_to_a_fifo_queue_are_full_when_groups_are_many(receiver, send):
    queue = Queue(receiver, lambda bodies: {}, "orders.fifo")
    lines = [json.dumps({"n": n, "g": n % 10}) for n in range(30)]
    ended = send(queue, "--group", "@g", "--dedup", "@n", lines=lines).end(40)
    assert ended.code == 0 and [len(call) for call in queue.calls] == [10, 10, 10], ended
