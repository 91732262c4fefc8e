"""What the tests are made of: servers and proxies as processes, a sender that keeps a journal, and a comparison of what was
sent with what arrived. Nothing here looks inside sluice."""
import contextlib
import hashlib
import json
import os
import random
import re
import select
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

from world.program import ROOT, SLUICE, Sluice
from world.waiting import Never, until

PROXY = os.environ.get("TOXIC_PROXY", str(ROOT / "build" / "toxics" / "proxy"))
FULL = os.environ.get("CI") == "true"
REGION = "us-east-1"
KEYS = ("toxics", "toxics-secret")
VISIBILITY = 10  # seconds: the shortest that sluice takes


def new_seed():
    """TOXICS_SEED, or another each time; whoever asks prints it."""
    return int(os.environ.get("TOXICS_SEED") or random.SystemRandom().getrandbits(32))


class Process:
    """A server: `ready` matches the line that tells where it is."""

    def __init__(self, folder, name, arguments, ready):
        self.folder, self.name, self.arguments, self.ready = folder, name, [str(a) for a in arguments], ready
        self.start()

    def start(self):
        with open(self.folder / f"{self.name}.err", "a") as err:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT if self.name == "perseus" else err,
                                            cwd=self.folder, text=True)
        for line in self.process.stdout:
            if match := re.search(self.ready, line):
                self.port = int(match[1])
                return
        raise Never(f"{self.name} did not start: {(self.folder / f'{self.name}.err').read_text()}")

    def killed_and_back(self):
        """kill -9, and the same again at the same port."""
        self.process.kill()
        self.process.communicate()
        self.arguments = [a.replace("127.0.0.1:0", f"127.0.0.1:{self.port}") for a in self.arguments]
        self.start()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


class Proxy(Process):
    def __init__(self, folder, name, port, seed, watch=None, tap=False):
        self.log_file, self.tap_file = folder / f"{name}.log", folder / f"{name}.tap"
        super().__init__(folder, name, [
            PROXY, "--to", f"127.0.0.1:{port}", "--log", self.log_file, "--seed", seed,
            *(["--watch", watch] if watch else []), *(["--tap", self.tap_file] if tap else [])], r"listening (\d+)")

    def tell(self, command=""):
        """Gives a command; what has been injected since the beginning."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer[0] == "ok", (command, answer)
        return int(answer[1])

    def log(self):
        self.tell()
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def injected(self):
        return Counter(line["toxic"] for line in self.log() if "toxic" in line)

    def stop(self):
        self.process.communicate(timeout=10)


class Queue:
    """sluice queue with its data in a file; it checks signatures, so that a request that was changed on its way is refused, as by
    AWS."""

    def __init__(self, folder, *names):
        (folder / "keys").write_text(" ".join(KEYS) + "\n")
        (folder / "keys").chmod(0o600)
        self.server = Process(folder, "queue", [
            SLUICE, "queue", "--listen", "127.0.0.1:0", "--data", folder / "queue.db", "--keys", folder / "keys",
            *[a for name in names for a in ("--queue", f"{name},visibility={VISIBILITY}s")]],
            r"AWS_ENDPOINT_URL_SQS=http://127\.0\.0\.1:(\d+)")
        self.port = self.server.port
        # Each thread has a client of its own: they wait for each other in one.
        self.clients = threading.local()

    @property
    def sqs(self):
        if not hasattr(self.clients, "sqs"):
            self.clients.sqs = boto3.session.Session().client(
                "sqs", endpoint_url=f"http://127.0.0.1:{self.port}", region_name=REGION, aws_access_key_id=KEYS[0],
                aws_secret_access_key=KEYS[1], config=Config(retries={"total_max_attempts": 1}))
        return self.clients.sqs

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/000000000000/{name}"

    def counts(self, name):
        """(visible, in flight or delayed)"""
        a = self.sqs.get_queue_attributes(QueueUrl=self.url(name), AttributeNames=["All"])["Attributes"]
        return (int(a["ApproximateNumberOfMessages"]),
                int(a["ApproximateNumberOfMessagesNotVisible"]) + int(a["ApproximateNumberOfMessagesDelayed"]))

    def stop(self):
        self.server.stop()


class Perseus(Process):
    def __init__(self, folder, *arguments):
        self.ledger, self.read_to, self.events = folder / "ledger", 0, []
        super().__init__(folder, "perseus", [SLUICE, "perseus", "--listen", "127.0.0.1:0", "--ledger", self.ledger,
                                             *arguments], r"listening on http://127\.0\.0\.1:(\d+)/batch")

    def accepted(self):
        """The events, in the order of acceptance."""
        with open(self.ledger, "rb") as ledger:
            ledger.seek(self.read_to)
            text = ledger.read()
        whole = text[:text.rfind(b"\n") + 1]
        self.read_to += len(whole)
        self.events += [json.loads(line) for line in whole.splitlines()]
        return self.events


class Journal:
    """Sends events to a queue, and remembers each that the queue acknowledged, by the MD5 of its body, which is unique. The
    messageId is not what an event is known by here: one that the network changed can't be told from another."""

    def __init__(self, queue, name, seed):
        self.queue, self.name, self.random = queue, name, random.Random(seed)
        self.tried, self.sent = set(), {}  # MD5 of the body; and the messageId, if the queue acknowledged it
        self.number, self.failures = 0, 0

    def body(self):
        self.number += 1
        return json.dumps({"queue": self.name, "number": self.number, "filling": "x" * self.random.randrange(400)})

    def send(self, count):
        for first in range(0, count, 10):
            bodies = [self.body() for _ in range(min(10, count - first))]
            keys = [hashlib.md5(body.encode()).hexdigest() for body in bodies]
            self.tried |= set(keys)
            answer = self.queue.sqs.send_message_batch(
                QueueUrl=self.queue.url(self.name),
                Entries=[{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)])
            assert not answer.get("Failed"), answer
            for entry in answer["Successful"]:
                self.sent[keys[int(entry["Id"])]] = entry["MessageId"]

    @contextlib.contextmanager
    def sending(self, rate, count, bears=()):
        """Sends `count` events meanwhile, `rate` a second; leaving waits for the last of them. Goes on with other events after
        the exceptions that it bears: of those ten nobody knows whether they were sent."""
        failures, last = [], self.number + count

        def run():
            first, began = self.number, time.monotonic()
            try:
                while self.number < last:
                    due = min(last, first + int((time.monotonic() - began) * rate)) - self.number
                    try:
                        self.send(due) if due >= 10 or self.number + due == last else time.sleep(0.02)
                    except bears:
                        self.failures += 1
                        time.sleep(0.1)
            except Exception as failure:  # told where it counts, in the test
                failures.append(failure)

        thread = threading.Thread(target=run)
        thread.start()
        yield
        thread.join()
        assert not failures, failures


@dataclass
class Comparison:
    sent: int
    accepted: int
    lost: set
    unexpected: set
    duplicates: Counter  # MD5 of the body: how many times too often

    @property
    def repeated(self):
        return self.duplicates.total()

    def __str__(self):
        return (f"{self.sent} sent, {self.accepted} accepted, {len(self.lost)} lost, {len(self.unexpected)} unexpected, "
                f"{self.repeated} duplicates")


def compare(journals, accepted):
    sent = {md5 for journal in journals for md5 in journal.sent}
    tried = {md5 for journal in journals for md5 in journal.tried}
    times = Counter(event["md5"] for event in accepted)
    return Comparison(len(sent), len(accepted), sent - times.keys(), times.keys() - tried,
                      Counter({md5: n - 1 for md5, n in times.items() if n > 1}))


def assert_complete(result):
    assert not result.lost, f"{len(result.lost)} of {result.sent} lost: {sorted(result.lost)[:5]}"
    assert not result.unexpected, f"{len(result.unexpected)} were never sent: {sorted(result.unexpected)[:5]}"


class Forwarder(Sluice):
    """sluice run, from a queue behind one port to a service behind another."""

    def __init__(self, folder, name, queue_port, service_port, *arguments):
        folder.mkdir(exist_ok=True)
        super().__init__(folder, "run", "--from", name, "--to", f"http://127.0.0.1:{service_port}/batch", *arguments, env={
            "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{queue_port}", "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1]})
        self.handle = os.pidfd_open(self.process.pid)

    def read_err(self):
        self.line_times = []
        for line in self.process.stderr:
            with self.changed:
                self.line_times.append(time.time())
                self.lines.append(line.decode("utf-8", "replace"))
                self.changed.notify_all()

    def said_at(self, text):
        """When a line with this text had come, or None."""
        return next((t for t, line in zip(self.line_times, self.lines) if text in line), None)

    def terminate(self):
        self.told_at = time.time()
        super().terminate()

    def end(self, timeout=60):
        """As Sluice's, and `seconds` is exact: the kernel tells when the process is gone."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        gone = poll.poll(timeout * 1000)
        seconds = time.monotonic() - self.began
        self.gone_at = time.time()
        if not gone:
            self.process.kill()
        ended = super().end(5)
        with open(self.folder / "stderr", "a") as file:  # of all that ran in this folder
            file.write(ended.err)
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None
        if not gone:
            raise Never(f"sluice still ran after {timeout} s: {ended}")
        ended.seconds = seconds
        return ended


def until_empty(queue, name, timeout):
    """How long it took."""
    began = time.monotonic()
    until(f"{name} is empty", lambda: queue.counts(name) == (0, 0), timeout, 0.1)
    return time.monotonic() - began
