"""sluice queue --data is killed under load, again and again: what it acknowledged is what it has.

Every answer is an entry in a ledger: sent, deleted, or asked for without an answer, which leaves it open. A message that was
acknowledged as sent has to come out in the end unless its deletion was asked for, and one whose deletion was acknowledged must
never be seen again. What is received and not deleted when the process dies is deleted after it is back, with the handle from
before. On the FIFO queue, what was sent is sent again after the kill: it must not be there twice.

KILLS (default 300) and SEED in the environment change how often and which.
"""
import http.client
import itertools
import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path

import pytest

from world.program import SLUICE

KILLS = int(os.environ.get("KILLS", "300"))
SEED = int(os.environ.get("SEED", time.time_ns() % 2**32))
STANDARD, FIFO = "orders", "orders.fifo"
VISIBILITY = 20  # s; more than a cycle takes on any machine, and what the last messages may have to be waited for


class Gone(Exception):
    """The process died before it answered."""


class Refused(AssertionError):
    """An answer that is no success."""


class Server:
    """One life of the process."""

    def __init__(self, file, queues=(f"{STANDARD},visibility={VISIBILITY}s", f"{FIFO},fifo,visibility={VISIBILITY}s")):
        self.process = subprocess.Popen(
            [SLUICE, "queue", "--listen", "127.0.0.1:0", "--data", str(file), *(f"--queue={queue}" for queue in queues)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})
        self.address = None

    def wait_ready(self):
        for line in self.process.stdout:
            if line.startswith("export AWS_ENDPOINT_URL_SQS=http://"):
                self.address = line.strip().removeprefix("export AWS_ENDPOINT_URL_SQS=http://")
            if line.startswith("export AWS_ACCESS_KEY_ID"):
                return
        raise AssertionError(f"it did not start: {self.process.wait()}\n{self.process.stderr.read()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Client:
    """A connection of one thread, speaking AWS JSON 1.0."""

    def __init__(self, address):
        self.address = address
        host, port = address.split(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=30)

    def call(self, operation, queue, **members):
        body = json.dumps({"QueueUrl": f"http://{self.address}/000000000000/{queue}", **members})
        try:
            self.connection.request("POST", "/", body, {"X-Amz-Target": f"AmazonSQS.{operation}",
                                                        "Content-Type": "application/x-amz-json-1.0"})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as e:
            raise Gone from e
        if answer.status != 200:
            raise Refused(f"{operation}: {answer.status} {text[:300]}")
        return json.loads(text or b"{}")


class Ledger:
    """What is known of each body. A set's own operations are atomic; each body is of one thread at a time."""

    def __init__(self):
        self.sent, self.maybe_sent = set(), set()
        self.deleted, self.maybe_deleted = set(), set()
        self.held = []  # (queue, body, handle): received by a process that is dead
        self.problems = []
        self.numbers = itertools.count()

    def note_received(self, body):
        if body in self.deleted:
            self.problems.append(f"{body} was deleted, and is back")
        if body not in self.sent and body not in self.maybe_sent:
            self.problems.append(f"{body} was never sent")


def number_of(body):
    return int(body.split("-")[1])


def entry(queue, body):
    fifo = {"MessageGroupId": f"group-{number_of(body) % 5}", "MessageDeduplicationId": f"id-{number_of(body)}"}
    return {"MessageBody": body, **(fifo if queue == FIFO else {})}


def send_batch(client, ledger, queue, bodies):
    ledger.maybe_sent.update(bodies)
    answer = client.call("SendMessageBatch", queue,
                         Entries=[{"Id": str(i), **entry(queue, body)} for i, body in enumerate(bodies)])
    ledger.sent.update(bodies[int(done["Id"])] for done in answer.get("Successful", []))
    ledger.problems += [f"{bodies[int(e['Id'])]} not sent: {e}" for e in answer.get("Failed", [])]


def send(client, ledger, queue, size):
    while True:
        bodies = [f"{size}-{next(ledger.numbers)}-{'x' * size}" for _ in range(10)]
        send_batch(client, ledger, queue, bodies)


def delete(client, ledger, queue, messages):
    """messages: (body, handle)"""
    bodies = [body for body, _ in messages]
    ledger.maybe_deleted.update(bodies)
    answer = client.call("DeleteMessageBatch", queue,
                         Entries=[{"Id": str(i), "ReceiptHandle": handle} for i, (_, handle) in enumerate(messages)])
    ledger.deleted.update(bodies[int(done["Id"])] for done in answer.get("Successful", []))
    ledger.problems += [f"{bodies[int(e['Id'])]} not deleted: {e}" for e in answer.get("Failed", [])]


def receive(client, ledger, queue):
    answer = client.call("ReceiveMessage", queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    messages = [(m["Body"], m["ReceiptHandle"]) for m in answer.get("Messages", [])]
    for body, _ in messages:
        ledger.note_received(body)
    return messages


def consume(client, ledger, queue):
    """Deletes most of what comes; the rest is kept for the next life."""
    for n in itertools.count():
        messages = receive(client, ledger, queue)
        if n % 4 == 3:
            ledger.held += [(queue, *message) for message in messages]
        elif messages:
            delete(client, ledger, queue, messages)


ROLES = [(send, STANDARD, 10), (send, STANDARD, 1000), (send, FIFO, 100),
         (consume, STANDARD), (consume, STANDARD), (consume, FIFO)]


def play(role, address, ledger):
    try:
        role[0](Client(address), ledger, *role[1:])
    except Gone:
        pass
    except Exception as e:  # pylint: disable=broad-except
        ledger.problems.append(f"{role[0].__name__} {role[1]}: {e!r}")


def pay_debts(server, ledger, rng):
    """Deletes with handles of the last life, and sends again what the FIFO queue has or may have."""
    client = Client(server.address)
    held, ledger.held = ledger.held, []
    for queue in (STANDARD, FIFO):
        mine = [(body, handle) for q, body, handle in held if q == queue]
        for at in range(0, len(mine), 10):
            delete(client, ledger, queue, mine[at:at + 10])
    again = sorted((body for body in ledger.maybe_sent if body.startswith("100-")), key=number_of)[-40:]
    if again:
        send_batch(client, ledger, FIFO, rng.sample(again, min(10, len(again))))


def live_and_die(server, ledger, rng):
    server.wait_ready()
    pay_debts(server, ledger, rng)
    threads = [threading.Thread(target=play, args=(role, server.address, ledger)) for role in ROLES]
    for thread in threads:
        thread.start()
    time.sleep(rng.uniform(0.005, 0.08))  # when the kill comes is what is random here
    server.kill()
    for thread in threads:
        thread.join()


def die_early(server, rng):
    """Killed while it opens and recovers."""
    time.sleep(rng.uniform(0, 0.01))
    server.kill()


def drain(server, ledger):
    """Takes all that is left, also what was in flight with a process that is dead. What came, each once."""
    client, came = Client(server.address), []
    end = time.monotonic() + VISIBILITY + 20
    for queue in (STANDARD, FIFO):
        while True:
            messages = receive(client, ledger, queue)
            came += [body for body, _ in messages]
            if messages:
                delete(client, ledger, queue, messages)
                continue
            counts = client.call("GetQueueAttributes", queue, AttributeNames=["All"])["Attributes"]
            left = sum(int(counts[name]) for name in ("ApproximateNumberOfMessages",
                                                      "ApproximateNumberOfMessagesNotVisible"))
            if left == 0:
                break
            assert time.monotonic() < end, f"{left} messages of {queue} don't come"
    return came


@pytest.mark.timeout(900)
def test_kill_9_loses_nothing(tmp_path):
    print(f"seed {SEED}, {KILLS} kills")
    rng, ledger, file = random.Random(SEED), Ledger(), Path(tmp_path) / "queue.db"
    early = 0
    for _ in range(KILLS):
        server = Server(file)
        try:
            if rng.random() < 0.1:
                die_early(server, rng)
                early += 1
            else:
                live_and_die(server, ledger, rng)
        finally:
            server.kill()
        assert not ledger.problems, ledger.problems[:10]

    server = Server(file)
    try:
        server.wait_ready()
        pay_debts(server, ledger, rng)
        expected = ledger.sent - ledger.maybe_deleted
        came = drain(server, ledger)
    finally:
        server.kill()
    print(f"{KILLS} kills, {early} of them while it opened: {len(ledger.sent)} sent, {len(ledger.maybe_sent - ledger.sent)} "
          f"without an answer; {len(ledger.deleted)} deleted; {len(came)} came in the end, {len(expected)} had to")
    assert not ledger.problems, ledger.problems[:10]
    assert len(came) == len(set(came)), "some came twice"
    missing = expected - set(came)
    assert not missing, f"{len(missing)} were acknowledged and are lost: {sorted(missing)[:10]}"
    assert len(ledger.sent) > 10 * KILLS and len(ledger.deleted) > KILLS, "that was no load"


def test_a_dead_letter_is_deleted_by_its_handle_after_a_kill(tmp_path):
    queues = ("q,visibility=0s,dlq=dead:1", "dead")
    for i in range(10):
        file = Path(tmp_path) / f"queue{i}.db"
        server = Server(file, queues)
        server.wait_ready()
        client = Client(server.address)
        client.call("SendMessage", "q", MessageBody="a")
        assert client.call("ReceiveMessage", "q")["Messages"]
        assert client.call("ReceiveMessage", "q") == {}  # which moves it
        handle = client.call("ReceiveMessage", "dead")["Messages"][0]["ReceiptHandle"]
        server.kill()
        server = Server(file, queues)
        server.wait_ready()
        client = Client(server.address)
        client.call("DeleteMessage", "dead", ReceiptHandle=handle)
        left = [client.call("GetQueueAttributes", queue, AttributeNames=["All"])["Attributes"] for queue in ("q", "dead")]
        server.kill()
        for attributes in left:
            assert attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
