"""What a client can do to sluice queue: it gets the exact SQS error or a closed connection, and nobody else notices.

Raw sockets, as no client library sends what is sent here. Whatever a test does, at its end the server must still run and
answer somebody else.
"""
import concurrent.futures
import contextlib
import json
import os
import random
import re
import resource
import select
import socket
import struct
import subprocess
import time
import uuid

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from world.program import SLUICE
from world.waiting import Never, until

MIB = 1 << 20
PATIENCE = 20  # seconds for an answer that is due at once
# The server closes a request that does not come whole: 8 s for its head, 30 s for its body (io/http_server.h).
HEAD_S, BODY_S = 8, 30


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

    def assert_closed(self):
        with pytest.raises(Closed):
            while True:
                self.more()
        assert self.read == b"", f"more than one answer: {self.read[:500]!r}"

    def refused(self, *statuses):
        """Either one answer of those statuses, and the end; or the end alone."""
        with contextlib.suppress(Closed):
            answer = self.answer()
            assert answer.status in statuses, answer
        self.assert_closed()

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


# ---- clients that are slow, silent, or many ----

def until_closed(wire, seconds, drip=None):
    """Keeps a connection busy with drops until the server ends it; what the server said."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([wire.socket], [], [], 0.2)[0]:
            with contextlib.suppress(Closed):
                while True:
                    wire.more()
            return wire.read
        if drip:
            wire.send(drip)
    raise Never(f"still open after {seconds} s")


@pytest.mark.parametrize("begin, drip, seconds", [
    (b"", None, HEAD_S),
    (b"P", b"O", HEAD_S),
    (b"POST / HTTP/1.1\r\nHost: x\r\nX-Drip: ", b"x", HEAD_S),
    (b"POST / HTTP/1.1\r\nHost: x\r\n", b"X-Drip: y\r\n", HEAD_S),
    (b"\r\n", b"\r\n", HEAD_S),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", b"x", BODY_S),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", None, BODY_S),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", BODY_S),
], ids=["silent", "method", "header", "headers", "empty-lines", "body", "half-a-body", "chunks"])
def test_who_never_finishes_a_request_is_given_up(server, begin, drip, seconds):
    queue = Queue(server)
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(20) as pool:
        slow = [stack.enter_context(Wire(server)) for _ in range(20)]
        for wire in slow:
            wire.send(begin)
        ends = [pool.submit(until_closed, wire, seconds + 15, drip) for wire in slow]
        honest = stack.enter_context(Wire(server))
        for n in range(50):
            queue.send(f"event {n}", honest)
            assert queue.receive(honest) == [(f"event {n}", 1)]
        for end in ends:
            assert end.result()[:12] in (b"", b"HTTP/1.1 408", b"HTTP/1.1 400", b"HTTP/1.0 408", b"HTTP/1.0 400")


def test_who_leaves_in_the_middle_of_a_request_leaves_nothing(server):
    queue = Queue(server)
    whole = queue.request("SendMessage", MessageBody="never sent")
    before = server.descriptors()
    for n in range(400):
        wire = Wire(server)
        wire.send(whole[:n * len(whole) // 400])
        wire.reset() if n % 2 else wire.socket.close()
    until("the server has closed them too", lambda: server.descriptors() <= before + 2)
    assert queue.depth() == 0


@pytest.mark.timeout(180)
def test_ten_thousand_idle_connections(server):
    many = 10_000
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    if old[1] < many + 500:
        pytest.skip(f"a process may have {old[1]} files here: not enough for {many} connections")
    raise_limit()
    queue = Queue(server)
    asks = queue.request("GetQueueUrl", QueueName=queue.name)
    before, files, idle = server.proc("VmRSS"), server.descriptors(), []
    try:
        with Wire(server) as honest:
            for n in range(many):
                idle.append(Wire(server))
                if idle[-1].send(asks):
                    with contextlib.suppress(Closed):  # the server may have a limit; others must not feel it
                        assert idle[-1].answer().status == 200
                if n % 500 == 0:
                    queue.send(f"event {n}", honest)
                    assert queue.receive() == [(f"event {n}", 1)]
        assert server.descriptors() <= files + many + 20
        assert server.proc("VmRSS") - before <= many * 40, "KB: a connection has 32 KiB for a head at most"
        for wire in idle[::200]:
            with contextlib.suppress(Closed):
                if wire.send(asks):
                    assert wire.answer().status == 200
    finally:
        for wire in idle:
            wire.socket.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, old)
    until("the server has closed them too", lambda: server.descriptors() <= files + 2)


def test_thousands_of_parked_polls_end_with_their_clients(either):
    queue = Queue(either)
    files = either.descriptors()
    poll = queue.request("ReceiveMessage", WaitTimeSeconds=20, MaxNumberOfMessages=10)
    parked = [Wire(either) for _ in range(800)]
    for wire in parked:
        assert wire.send(poll)
    for n, wire in enumerate(parked[1:]):
        wire.reset() if n % 2 else wire.socket.close()
    queue.send("one")
    answer = parked[0].answer()
    assert [m["Body"] for m in answer.json["Messages"]] == ["one"]
    parked[0].socket.close()
    until("the server has closed them too", lambda: either.descriptors() <= files + 2)


# ---- clients that go away ----

@pytest.mark.parametrize("leave", ["close", "reset"])
def test_nothing_is_given_to_who_left_a_long_poll(either, leave):
    queue = Queue(either)
    poll = queue.request("ReceiveMessage", WaitTimeSeconds=20, MaxNumberOfMessages=10)
    with Wire(either) as honest:
        for n in range(60):
            gone = [Wire(either) for _ in range(1 + n % 4)]
            for wire in gone:
                assert wire.send(poll)
            if n % 2:  # else the poll, its end and the message may come in one turn of the server's loop
                assert queue.depth() == 0
            for wire in gone:
                wire.reset() if leave == "reset" else wire.socket.close()
            queue.send(f"event {n}", honest)
            assert queue.receive(honest) == [(f"event {n}", 1)], f"turn {n}"


def test_an_answer_that_fails_gives_its_messages_back_at_once(either):
    queue = Queue(either, VisibilityTimeout="43200")
    bodies = [str(n) * (MIB - 1000) for n in range(10)]  # together more than any socket buffers
    for body in bodies:
        queue.send(body)
    with Wire(either, receive_buffer=4096) as gone:
        assert gone.send(queue.request("ReceiveMessage", MaxNumberOfMessages=10))
        gone.line_end(b"\r\n")  # the answer has begun: they are this client's
        assert queue.receive() == []
        gone.reset()
    got = []
    while len(got) < 10:
        back = queue.receive(wait=10)
        assert back, f"{len(got)} of 10 came back"
        got += back
    assert sorted(got) == sorted((body, 2) for body in bodies)


def test_who_stops_reading_does_not_stop_others(either):
    queue = Queue(either)
    for n in range(10):
        queue.send(str(n) * (MIB - 1000))
    with Wire(either, receive_buffer=4096) as stuck, Wire(either) as honest:
        assert stuck.send(queue.request("ReceiveMessage", MaxNumberOfMessages=10))
        stuck.line_end(b"\r\n")
        for n in range(50):
            queue.send(f"event {n}", honest)
            assert queue.receive(honest) == [(f"event {n}", 1)]


# ---- framing ----

def test_pipelined_requests_are_answered_in_order(either):
    queues = [Queue(either) for _ in range(5)]
    order = [queues[n * 7 % 5] for n in range(100)]
    with Wire(either) as wire:
        assert wire.send(b"".join(q.request("SendMessage", MessageBody=str(n)) + q.request("GetQueueUrl", QueueName=q.name)
                                  for n, q in enumerate(order)))
        for queue in order:
            assert "MessageId" in wire.answer().json
            assert wire.answer().json["QueueUrl"] == queue.url
    for queue in queues:
        got = queue.receive() + queue.receive()
        assert sorted(got) == sorted((str(n), 1) for n, q in enumerate(order) if q is queue)


def test_what_is_pipelined_behind_a_long_poll_waits_for_it(either):
    queue = Queue(either)
    with Wire(either) as wire:
        assert wire.send(queue.request("ReceiveMessage", WaitTimeSeconds=20), queue.request("GetQueueUrl", QueueName=queue.name))
        queue.send()
        assert wire.answer().json["Messages"][0]["Body"] == "honest"
        assert wire.answer().json["QueueUrl"] == queue.url


def test_garbage_behind_a_request_does_not_harm_it(server):
    queue = Queue(server)
    with Wire(server) as wire:
        wire.send(queue.request("SendMessage", MessageBody="first") + b"\x00\x01\x02 nonsense\r\n\r\n")
        assert wire.answer().status == 200
        wire.refused(400, 405, 501, 505)
    assert queue.receive() == [("first", 1)]


@pytest.mark.parametrize("pieces", ["bytes", "head-body"])
def test_a_request_in_pieces(server, pieces):
    queue = Queue(server)
    whole = queue.request("SendMessage", MessageBody="in pieces")
    with Wire(server) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cuts = range(len(whole)) if pieces == "bytes" else [0, whole.index(b"\r\n\r\n") + 2, whole.index(b"\r\n\r\n") + 4]
        for begin, end in zip(cuts, [*cuts[1:], len(whole)]):
            assert wire.send(whole[begin:end])
        assert wire.answer().status == 200
    assert queue.receive() == [("in pieces", 1)]


def test_chunks_and_expectations_are_understood(server):
    queue = Queue(server)
    body = json.dumps({"QueueUrl": queue.url, "MessageBody": "in chunks"}).encode()
    head = request(server, "SendMessage", b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with Wire(server) as wire:
        wire.send(head, *(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7)), b"0\r\n\r\n")
        assert wire.answer().status == 200
        whole = queue.request("SendMessage", "Expect: 100-continue", MessageBody="expected")
        cut = whole.index(b"\r\n\r\n") + 4
        wire.send(whole[:cut])
        wire.more()
        assert wire.read.startswith(b"HTTP/1.1 100 "), wire.read
        wire.send(whole[cut:])
        assert wire.answer().status == 200
    assert sorted(queue.receive()) == [("expected", 1), ("in chunks", 1)]


SMUGGLED = "the smuggled one"
FRAMINGS = {
    "length-and-chunks": "Content-Length: {n}\r\nTransfer-Encoding: chunked",
    "chunks-and-length": "Transfer-Encoding: chunked\r\nContent-Length: {n}",
    "length-and-padded-chunks": "Content-Length: {n}\r\nTransfer-Encoding:\tchunked ",
    "length-and-odd-chunks": "Content-Length: {n}\r\nTransfer-Encoding: xchunked",
    "length-and-upper-case": "CONTENT-LENGTH: {n}\r\nTRANSFER-ENCODING: CHUNKED",
    "two-lengths": "Content-Length: 5\r\nContent-Length: {n}",
    "two-lengths-other-way": "Content-Length: {n}\r\nContent-Length: 5",
    "same-length-twice": "Content-Length: {n}\r\nContent-Length: {n}",
    "list-of-lengths": "Content-Length: 5, {n}",
    "negative": "Content-Length: -5",
    "negative-zero": "Content-Length: -0",
    "plus": "Content-Length: +{n}",
    "hexadecimal": "Content-Length: 0x5",
    "two-numbers": "Content-Length: 5 {n}",
    "no-number": "Content-Length: five",
    "empty": "Content-Length:",
    "2^64+5": "Content-Length: 18446744073709551621",
    "2^63": "Content-Length: 9223372036854775808",
    "space-before-colon": "Content-Length : {n}",
    "two-codings": "Transfer-Encoding: gzip, chunked",
    "other-coding": "Transfer-Encoding: gzip",
    "chunked-twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "folded": "Content-Length: 5\r\n {n}",
    "bare-cr": "X: y\rContent-Length: {n}",
}


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
def test_framing_that_can_be_read_in_two_ways_is_refused(server, framing):
    """Whoever stands in front could see other requests than the server does. What is hidden in the body is never run."""
    queue = Queue(server)
    hidden = b"0\r\n\r\n" + queue.request("SendMessage", MessageBody=SMUGGLED)
    head = (f"POST / HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"X-Amz-Target: AmazonSQS.ListQueues\r\n{framing.format(n=len(hidden))}\r\n\r\n")
    with Wire(server) as wire:
        wire.send(head.encode() + hidden)
        wire.refused(400, 411, 413, 501)
    assert queue.depth() == 0


@pytest.mark.parametrize("chunks", [
    b"FFFFFFFFFFFFFFFFF\r\nx", b"FFFFFFFFFFFFFFFF\r\nx", b"7FFFFFFFFFFFFFFF\r\nx", b"-1\r\nx", b"0x5\r\nhello\r\n0\r\n\r\n",
    b"\r\nx", b"xyz\r\nx", b" 5\r\nhello\r\n0\r\n\r\n", b"5;" + b"e" * 100_000, b"5\r\nhelloWORLD\r\n0\r\n\r\n",
    b"1" * 100_000, b"0\r\n" + b"T: x\r\n" * 100_000], ids=lambda v: v[:20].decode().strip() + f"-{len(v)}")
def test_chunks_that_are_none(server, chunks):
    with Wire(server) as wire:
        wire.send(request(server, "ListQueues", b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"), chunks)
        wire.refused(400, 413, 431)


def test_chunks_without_end(server):
    """The body's limit holds for a body that does not say how long it will be."""
    before = server.proc("VmRSS")
    with Wire(server) as wire:
        wire.send(request(server, "SendMessage", b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        assert not all(wire.send(chunk) for _ in range(4096)), "256 MiB were taken"
    assert server.proc("VmRSS") - before < 64 << 10


@pytest.mark.parametrize("length", [64 * MIB, 2**31, 2**32 + 5, 2**63 - 1])
def test_a_body_over_the_limit_is_refused_before_it_comes(server, length):
    with Wire(server) as wire:
        wire.send(request(server, "SendMessage", b"").replace(b"Content-Length: 0", b"Content-Length: %d" % length), b"{")
        wire.refused(413)


@pytest.mark.parametrize("version, kept", [("HTTP/1.0", False), ("HTTP/1.1", True)])
def test_versions(server, version, kept):
    queue = Queue(server)
    with Wire(server) as wire:
        for n in range(1 + kept):
            wire.send(queue.request("SendMessage", version=version, MessageBody=f"{n}"))
            assert wire.answer().status == 200
        if not kept:
            wire.assert_closed()


@pytest.mark.parametrize("bytes_", [
    b"GET /\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST / HTTP/9.9\r\nHost: x\r\n\r\n", b"POST / HTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2, b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x00" * 4096,
    b"\xff" * 4096, b"POST / HTTP/1.1\r\nHost: x\r\nX\x00Y: z\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n: z\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", b"POST\r\n\r\n", b"POST  HTTP/1.1\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b" / HTTP/1.1\r\nHost: x\r\n\r\n"], ids=lambda v: repr(v[:16])[2:-1])
def test_what_is_no_request(server, bytes_):
    with Wire(server) as wire:
        wire.send(bytes_)
        wire.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(Closed):
            assert 400 <= wire.answer().status < 600
        wire.assert_closed()


@pytest.mark.parametrize("head", [
    b"POST /" + b"a" * MIB + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /?Action=ListQueues&x=" + b"a" * MIB + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"A" * MIB,
    b"POST / HTTP/1.1\r\nHost: " + b"h" * MIB + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * MIB + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
], ids=["path", "query", "method", "host", "header", "headers"])
def test_a_megabyte_where_a_word_is_meant(server, head):
    before = server.proc("VmRSS")
    with Wire(server) as wire:
        wire.send(head)
        wire.refused(400, 413, 414, 431)
    assert server.proc("VmRSS") - before < 16 << 10


def test_random_bytes(server):
    """Requests with some bytes changed, and bytes that never were any; beside an honest client."""
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print("seed", seed)
    chance, queue = random.Random(seed), Queue(server)
    whole = queue.request("ReceiveMessage", MaxNumberOfMessages=1)
    with Wire(server) as honest:
        for n in range(400):
            bad = bytearray(whole if n % 4 else chance.randbytes(chance.randrange(1, 4000)))
            for _ in range(chance.randrange(1, 8)):
                bad[chance.randrange(len(bad))] = chance.randrange(256)
            with Wire(server) as wire:
                wire.send(bytes(bad))
                wire.reset() if n % 3 else wire.socket.close()
            if n % 10 == 0:
                ask(server, "GetQueueUrl", honest, QueueName=queue.name)
    # None of them sends; some may have received, so it is not asked what is visible.
    assert queue.depth() == 0


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
        for operation in ("Nonsense", "", "receivemessage", "ReceiveMessage ReceiveMessage", "ReceiveMessage\x01", "x" * 5000):
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
    "nothing": b"", "half": b'{"QueueName":', "two": b"{}{}", "list": b"[]", "text": b'"x"', "null": b"null", "nan": b'{"MaxResults":NaN}',
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


# ---- all of it at once ----

def test_honest_clients_beside_all_of_them(either):
    """Four clients send and receive 2,000 events while others misbehave: each event comes once."""
    queue = Queue(either)
    ended = []

    def misbehave(n):
        while not ended:
            with Wire(either) as wire:
                if n % 4 == 0:
                    wire.send(b"\xff" * 1000)
                elif n % 4 == 1:
                    wire.send(queue.request("SendMessage", MessageBody="x" * 50_000)[:-1])
                elif n % 4 == 2:
                    wire.send(queue.request("GetQueueUrl", QueueName=queue.name) * 20)
                else:
                    wire.send(request(either, "SendMessageBatch", {"QueueUrl": queue.url, "Entries": []}))
                wire.reset()

    def honest(n):
        got = []
        with Wire(either) as wire:
            for i in range(500):
                queue.send(f"{n}-{i}", wire)
                message = queue.ask("ReceiveMessage", wire).json.get("Messages", [])
                for m in message:
                    assert queue.ask("DeleteMessage", wire, ReceiptHandle=m["ReceiptHandle"]).status == 200
                    got.append(m["Body"])
        return got

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        others = [pool.submit(misbehave, n) for n in range(4)]
        try:
            got = [body for each in [pool.submit(honest, n) for n in range(4)] for body in each.result()]
        finally:
            ended.append(True)
        for other in others:
            other.result()
    assert sorted(got) == sorted(f"{n}-{i}" for n in range(4) for i in range(500))
    assert queue.depth() == 0
