"""What clients of sluice queue can do to it: they get an answer or a closed connection, and nobody else notices.

Raw sockets, as no client library does what is done here. Whatever a test does, at its end the server must still run and
answer somebody else. What is wrong inside well-framed requests is in test_queue_hostile_calls.py.
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
import time

import pytest

from world.raw_queue import (PATIENCE, Closed, Queue, Wire, ask, both_servers, either, raise_limit, request,  # noqa: F401
                             server)
from world.waiting import Never, until

MIB = 1 << 20
# The server closes a request that does not come whole: 8 s for its head, 30 s for its body (io/http_server.h).
HEAD_S, BODY_S = 8, 30


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
                assert queue.depth() == n
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
        wire.send(queue.request("SendMessage", MessageBody="first") + b"a b c d\r\n\r\n")
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
    "folded-at-once": "Content-Length:\r\n {n}",
    "folded-chunks": "Transfer-Encoding:\r\n chunked",
    "bare-cr": "X: y\rContent-Length: {n}",
}


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
def test_framing_that_can_be_read_in_two_ways_is_refused(server, framing):
    """Whoever stands in front could see other requests than the server does. What is hidden in the body is never run."""
    queue = Queue(server)
    for before in (b"", b"0\r\n\r\n", b"01234"):  # hidden from who reads a length of 0, chunks, a length of 5
        hidden = before + queue.request("SendMessage", MessageBody=SMUGGLED)
        head = (f"POST / HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: application/x-amz-json-1.0\r\n"
                f"X-Amz-Target: AmazonSQS.ListQueues\r\n{framing.format(n=len(hidden))}\r\n\r\n")
        with Wire(server) as wire:
            wire.send(head.encode() + hidden)
            wire.refused(400, 411, 413, 501)
        assert queue.depth() == 0, before


@pytest.mark.parametrize("chunks", [
    b"FFFFFFFFFFFFFFFFF\r\nx", b"FFFFFFFFFFFFFFFF\r\nx", b"7FFFFFFFFFFFFFFF\r\nx", b"-1\r\nx", b"0x5\r\nhello\r\n0\r\n\r\n",
    b"\r\nx", b"xyz\r\nx", b" 5\r\nhello\r\n0\r\n\r\n", b"5;" + b"e" * 100_000, b"5\r\nhelloWORLD\r\n0\r\n\r\n",
    b"1" * 100_000, b"0\r\n" + b"T: x\r\n" * 100_000], ids=lambda v: v[:20].decode().strip() + f"-{len(v)}")
def test_chunks_that_are_none(server, chunks):
    with Wire(server) as wire:
        # A size that can be is believed, and the rest waited for, as long as for any body.
        wire.socket.settimeout(BODY_S + PATIENCE)
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
    with Wire(server) as wire, contextlib.suppress(Closed):
        wire.send(bytes_)
        wire.socket.shutdown(socket.SHUT_WR)
        assert 400 <= wire.answer().status < 600


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
