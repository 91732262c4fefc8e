"""The proxy itself: each toxic does what toxics.h says, and says so in the log."""
import socket
import threading
import time

import pytest

from rig import Proxy


class Pair:
    """A connection through the proxy, both ends in our hands."""

    def __init__(self, proxy, listener):
        self.client = socket.create_connection(("127.0.0.1", proxy.port), 10)
        self.server, _ = listener.accept()
        self.server.settimeout(10)

    def close(self):
        self.client.close()
        self.server.close()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


@pytest.fixture
def proxy(tmp_path, running, seed, listener):
    return running(Proxy(tmp_path, "proxy", listener.getsockname()[1], seed, watch="abcabd"))


def read(end, n):
    got = b""
    while len(got) < n and (part := end.recv(n - len(got))):
        got += part
    return got


def read_all(end):
    got = b""
    while part := end.recv(65536):
        got += part
    return got


@pytest.fixture
def pair(proxy, listener):
    pair = Pair(proxy, listener)
    yield pair
    pair.close()


def exchange(pair, n=100_000):
    """Bytes each way, at once; what arrived, and how long it took."""
    data = bytes(range(256)) * (n // 256)
    began = time.monotonic()
    threads = [threading.Thread(target=end.sendall, args=(data,)) for end in (pair.client, pair.server)]
    for thread in threads:
        thread.start()
    arrived = read(pair.server, len(data)), read(pair.client, len(data))
    for thread in threads:
        thread.join()
    return data, arrived, time.monotonic() - began


def test_without_toxics_all_passes_and_ends_pass_too(proxy, pair):
    data, arrived, _ = exchange(pair, 4_000_000)
    assert arrived == (data, data)
    pair.client.shutdown(socket.SHUT_WR)
    assert pair.server.recv(1) == b""
    pair.server.sendall(b"one end is still open")
    pair.server.close()
    assert read_all(pair.client) == b"one end is still open"
    assert proxy.log() == []


@pytest.mark.parametrize("toxic, least", [
    ("latency ms=200", 0.2), ("bandwidth bytes_s=200000", 0.4), ("slicer bytes=500 us=2000", 0.1), ("jitter ms=20", 0)])
def test_what_is_slow_is_whole(proxy, pair, toxic, least):
    proxy.tell("on " + toxic)
    data, arrived, took = exchange(pair)
    assert arrived == (data, data)
    assert took >= least
    assert proxy.injected()[toxic.split()[0]] >= 2
    proxy.tell("off")
    before = proxy.tell()
    assert exchange(pair)[1] == (data, data)
    assert proxy.tell() == before


def test_one_direction(proxy, pair):
    proxy.tell("on latency down ms=300")
    began = time.monotonic()
    pair.client.sendall(b"x")
    pair.server.recv(1)
    assert time.monotonic() - began < 0.3
    pair.server.sendall(b"x")
    pair.client.recv(1)
    assert time.monotonic() - began > 0.3
    assert [line["dir"] for line in proxy.log()] == ["down"]


def test_slow_close(proxy, pair):
    proxy.tell("on slow_close ms=300")
    began = time.monotonic()
    pair.client.close()
    assert pair.server.recv(1) == b""
    assert time.monotonic() - began > 0.3


def test_limit_passes_so_much_and_closes(proxy, pair):
    proxy.tell("on limit up bytes=1000")
    pair.client.sendall(b"x" * 5000)
    got = read_all(pair.server)
    assert 1 <= len(got) <= 1000
    assert pair.client.recv(1) == b""
    (line,) = proxy.log()
    assert (line["toxic"], line["dir"], line["passed"]) == ("limit", "up", len(got))


def test_limit_with_slow_close_is_quiet_before_it_ends(proxy, pair):
    proxy.tell("on limit up bytes=1000")
    proxy.tell("on slow_close ms=300")
    began = time.monotonic()
    pair.client.sendall(b"x" * 5000)
    read_all(pair.server)
    assert time.monotonic() - began > 0.3


def test_reset_reaches_both(proxy, pair):
    proxy.tell("on reset up bytes=1000")
    pair.client.sendall(b"x" * 5000)
    for end in (pair.server, pair.client):
        with pytest.raises(ConnectionResetError):
            read_all(end)
    assert proxy.injected() == {"reset": 1}


def test_timeout_is_silent_until_the_client_gives_up(proxy, pair):
    proxy.tell("on timeout up bytes=1000")
    pair.client.sendall(b"x" * 5000)
    pair.server.settimeout(0.5)
    pair.client.settimeout(0.5)
    assert 1 <= len(pair.server.recv(5000)) <= 1000
    proxy.tell("off")  # too late for this connection
    pair.server.sendall(b"an answer")
    for end in (pair.server, pair.client):
        with pytest.raises(TimeoutError):
            end.recv(1)
    pair.client.close()
    with pytest.raises(ConnectionResetError):
        pair.server.recv(1)


def test_garbage(proxy, pair):
    proxy.tell("on garbage up bytes=10000")
    pair.client.sendall(b"x" * 1_000_000)
    pair.client.shutdown(socket.SHUT_WR)
    got, lines = read_all(pair.server), proxy.log()
    inserted = sum(line.get("inserted", 0) for line in lines)
    assert len(got) == 1_000_000 + inserted
    assert 50 < len(lines) < 200  # a hundred, on average
    assert 0 < len(got) - got.count(b"x") <= len(lines) + inserted


def test_down_refuses_and_resets(proxy, pair, listener):
    proxy.tell("on down")
    with pytest.raises(ConnectionResetError):
        pair.client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), 5)
    proxy.tell("off")
    again = Pair(proxy, listener)
    again.client.sendall(b"x")
    assert again.server.recv(1) == b"x"
    again.close()


def test_watched_text_is_found_across_reads_with_its_time(proxy, pair):
    began = time.time()
    for part in (b"abc", b"abcab", b"d abc", b"abd"):
        pair.client.sendall(part)
        read(pair.server, len(part))
    lines = proxy.log()
    assert len(lines) == 2 and all(line["watched"] for line in lines)
    assert began - 0.001 <= lines[0]["t"] <= lines[1]["t"] <= time.time()


def test_the_same_seed_does_the_same(tmp_path, running, seed, listener):
    def spoilt(name):
        proxy = running(Proxy(tmp_path, name, listener.getsockname()[1], seed))
        proxy.tell("on garbage up bytes=50")
        pair = Pair(proxy, listener)
        pair.client.sendall(b"x" * 5000)
        pair.client.shutdown(socket.SHUT_WR)
        got = read_all(pair.server)
        pair.close()
        return got
    assert spoilt("one") == spoilt("two")


def test_what_is_not_understood(proxy):
    for command in ("on", "on fire", "on latency", "on latency ms=-1", "on latency ms=1 bytes=2", "of"):
        with pytest.raises(AssertionError, match="error"):
            proxy.tell(command)


def test_it_is_not_the_bottleneck(proxy, pair, figure):
    """Per second of its own processor time, for the machine may have other things to do."""
    size, piece = 512 << 20, b"x" * (1 << 20)

    def send():
        for _ in range(size // len(piece)):
            pair.client.sendall(piece)

    thread = threading.Thread(target=send)
    began = time.monotonic()
    thread.start()
    got, into = 0, bytearray(1 << 20)
    while got < size:
        got += pair.server.recv_into(into)
    thread.join()
    wall = time.monotonic() - began
    fields = open(f"/proc/{proxy.process.pid}/stat").read().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / 100
    figure(f"{size / wall / 1e6:.0f} MB/s, {size / max(cpu, 0.01) / 1e6:.0f} MB for each second of its processor time")
    assert size / max(cpu, 0.01) > 200e6
