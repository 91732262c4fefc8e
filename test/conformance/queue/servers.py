"""The servers that the suite runs against: sluice's queue, moto and ElasticMQ."""
import contextlib
import os
import re
import selectors
import subprocess
import sys
import time
from pathlib import Path

from world import queues
from world.waiting import free_port, listening, until

ROOT = Path(__file__).resolve().parents[3]
READY_S = 10


@contextlib.contextmanager
def closed_on_error(server):
    """A server that does not get ready is not left behind, if it was begun at all."""
    try:
        yield
    except BaseException:
        if hasattr(server, "process"):
            server.close()
        raise


class Sluice:
    """`sluice queue` in memory. Ready when it has printed its three export lines."""

    def __init__(self, folder, rules):
        self.binary = os.environ.get("SLUICE", str(ROOT / "build" / "release" / "sluice"))
        self.log = open(folder / "sluice.log", "w")
        self.process = subprocess.Popen(
            [self.binary, "queue", "--listen", "127.0.0.1:0", "--expired-handles", rules["expired-handles"]],
            stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL)
        lines = self.first_lines(3)
        values = dict(re.findall(r"(\w+)=(\S+)", lines))
        if "AWS_ENDPOINT_URL_SQS" not in values:
            self.close()
            raise RuntimeError(f"{self.binary} queue printed {lines!r}: {(folder / 'sluice.log').read_text()}")
        self.url = values["AWS_ENDPOINT_URL_SQS"]
        self.region = values["AWS_REGION"]
        self.keys = (values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"])

    def first_lines(self, count):
        text, end = b"", time.monotonic() + READY_S
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            while text.count(b"\n") < count and ready.select(max(0, end - time.monotonic())):
                piece = os.read(self.process.stdout.fileno(), 4096)
                if not piece:
                    break
                text += piece
        return text.decode()

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        self.log.close()


class Moto:
    """moto as people run it, only that its calls go one at a time: see world/moto_guarded.py."""
    region, keys = queues.REGION, ("any", "any")

    def __init__(self, folder, _rules):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(folder / "moto.log", "w")
        self.process = subprocess.Popen(
            [sys.executable, str(queues.HERE / "world" / "moto_guarded.py"), "-H", "127.0.0.1", "-p", str(port)],
            stdout=self.log, stderr=self.log)
        with closed_on_error(self):
            until("moto listens", lambda: listening(port, self.process), 60)

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


class ElasticMQ(queues.ElasticMQ):
    region = queues.REGION

    def __init__(self, folder, _rules):
        with closed_on_error(self):
            super().__init__(folder)


SERVERS = {"sluice": Sluice, "moto": Moto, "elasticmq": ElasticMQ}
