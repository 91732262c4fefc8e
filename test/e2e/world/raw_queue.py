"""sluice queue and raw sockets to it: what no client library would send."""
import contextlib
import json
import os
import re
import resource
import socket
import struct
import subprocess
import uuid

import pytest

from world.program import SLUICE
from world.waiting import Never

PATIENCE = 20  # seconds for an answer that is due at once


class Server:
    def __init__(self, folder, *arguments):
        self.said = open(folder / "stderr", "w+")
        self.process = subprocess.Popen([SLUICE, "queue", "--listen", "127.0.0.1:0", *arguments], cwd=folder,
                                        stdout=subprocess.PIPE, stderr=self.said, text=True, preexec_fn=raise_limit,
                                        env={"PATH": os.environ["PATH"], "HOME": str(folder)})
        line = self.process.stdout.readline()
        found = re.fullmatch(r"export AWS_ENDPOINT_URL_SQS=http://127\.0\.0\.1:(\d+)\n", line)
        if not found:
            self.process.kill()
            raise AssertionError(f"it began with {line!r}\n{self.log()}")
        self.port = int(found[1])
        self.host = f"127.0.0.1:{self.port}"

    def log(self):
        self.said.seek(0)
        return self.said.read()[-4000:]

    def proc(self, word):
        text = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(rf"^{word}:\s+(\d+)", text, re.M)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def close(self):
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log()
        self.said.close()


def raise_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Closed(Exception):
    """The server closed the connection."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        return self.json["__type"].partition("#")[2]

    def __str__(self):
        return f"{self.status} {self.headers}\n{self.body[:2000]!r}"


class Wire:
    """A connection, and nothing that would keep anybody from sending what they like."""

    def __init__(self, server, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", server.port))
        self.read = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *pieces):
        """False when the server does not want to hear more: it may have answered before."""
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def more(self):
        try:
            got = self.socket.recv(1 << 16)
        except ConnectionResetError:
            got = b""
        except TimeoutError:
            raise Never(f"no answer within {PATIENCE} s; so far {self.read[:200]!r}") from None
        if not got:
            raise Closed
        self.read += got

    def line_end(self, mark):
        while mark not in self.read:
            self.more()
        before, self.read = self.read.split(mark, 1)
        return before

    def answer(self):
        """The next answer. Raises Closed."""
        head = self.line_end(b"\r\n\r\n").decode("latin-1")
        first, *lines = head.split("\r\n")
        version, status, *_ = first.split(" ")
        assert version in ("HTTP/1.1", "HTTP/1.0"), first
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if status == "100":
            return self.answer()
        while len(self.read) < int(headers.get("content-length", 0)):
            self.more()
        n = int(headers.get("content-length", 0))
        body, self.read = self.read[:n], self.read[n:]
        return Answer(int(status), headers, body)

    def rest(self):
        """What comes until the server closes the connection."""
        with contextlib.suppress(Closed):
            while True:
                self.more()
        return self.read

    def assert_closed(self):
        assert self.rest() == b"", f"more than one answer: {self.read[:500]!r}"

    def refused(self, *statuses):
        """An answer of those statuses and the end, or the end alone. (libmicrohttpd 0.9.75 sends the head of its own
        refusals twice.)"""
        found = {int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", self.rest())}
        assert found <= set(statuses), self.read[:2000]

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def request(server, operation, body, *headers, version="HTTP/1.1", path="/"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} {version}", f"Host: {server.host}", "Content-Type: application/x-amz-json-1.0",
             f"X-Amz-Target: AmazonSQS.{operation}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(server, operation, wire=None, **body):
    """As an honest client does, on a connection of its own unless it has one."""
    with contextlib.nullcontext(wire) if wire else Wire(server) as w:
        assert w.send(request(server, operation, body))
        return w.answer()


class Queue:
    def __init__(self, server, **attributes):
        self.server, self.name = server, f"q-{uuid.uuid4().hex[:12]}"
        answer = ask(server, "CreateQueue", QueueName=self.name, Attributes=attributes)
        assert answer.status == 200, answer
        self.url = answer.json["QueueUrl"]

    def ask(self, operation, wire=None, **body):
        return ask(self.server, operation, wire, QueueUrl=self.url, **body)

    def send(self, body="honest", wire=None):
        answer = self.ask("SendMessage", wire, MessageBody=body)
        assert answer.status == 200, answer

    def receive(self, wire=None, wait=0, n=10):
        answer = self.ask("ReceiveMessage", wire, MaxNumberOfMessages=n, WaitTimeSeconds=wait,
                          AttributeNames=["ApproximateReceiveCount"])
        assert answer.status == 200, answer
        return [(m["Body"], int(m["Attributes"]["ApproximateReceiveCount"])) for m in answer.json.get("Messages", [])]

    def depth(self):
        answer = self.ask("GetQueueAttributes", AttributeNames=["All"])
        return sum(int(answer.json["Attributes"][f"ApproximateNumberOfMessages{which}"])
                   for which in ("", "NotVisible", "Delayed"))

    def request(self, operation, *headers, version="HTTP/1.1", **body):
        return request(self.server, operation, {"QueueUrl": self.url, **body}, *headers, version=version)


@pytest.fixture(scope="module")
def both_servers(tmp_path_factory):
    memory, durable = tmp_path_factory.mktemp("memory"), tmp_path_factory.mktemp("durable")
    servers = {"memory": Server(memory), "durable": Server(durable, "--data", "queue.db")}
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture
def server(both_servers):
    yield from alive_afterwards(both_servers["memory"])


@pytest.fixture(params=["memory", "durable"])
def either(both_servers, request):
    yield from alive_afterwards(both_servers[request.param])


def alive_afterwards(server):
    yield server
    assert server.process.poll() is None, server.log()
    queue = Queue(server)
    queue.send()
    assert queue.receive() == [("honest", 1)]
