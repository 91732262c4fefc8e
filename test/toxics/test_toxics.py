"""sluice between a queue and a service, with each harm in turn on one of its two sides: nothing is lost, nothing is invented, and
what comes twice is bounded by the faults in the proxy's log. Afterwards the queue empties by itself."""
import time

import pytest

from rig import FULL, VISIBILITY, Forwarder, Journal, Perseus, Proxy, Queue, assert_complete, compare, until_empty

BATCH = 20
EACH = 10 if FULL else 3            # seconds of a toxic
EVENTS = 25_000 if FULL else 6_000  # on each side
# The first four only make things slow, less than any timeout: they are no excuse for a duplicate.
SLOW = [
    ("latency", ["on latency ms=150"]),
    ("jitter", ["on jitter ms=300"]),
    ("bandwidth", ["on bandwidth bytes_s=60000"]),
    ("slicer", ["on slicer bytes=64 us=200"]),
]
# Bytes between two strikes: towards the server, and back. Answers of the service and requests to the queue are small, and the
# cruel moment is that between a request and its answer.
BYTES = {"queue": (10_000, 50_000), "service": (40_000, 2_000)}


def faults(side):
    """Garbage comes before other faults: what it makes the service refuse waits the longer the oftener it was received."""
    def both(kind):
        return [f"on {kind} {way} bytes={bytes}" for way, bytes in zip(("up", "down"), BYTES[side])]

    return [("garbage", both("garbage")), ("slow_close", ["on slow_close ms=700", *both("limit")]), ("reset", both("reset")),
            ("limit", both("limit")), ("down", ["on down"]), ("timeout", both("timeout"))]


HARMLESS = {"latency", "jitter", "bandwidth", "slicer", "slow_close"}


@pytest.mark.parametrize("side", ["queue", "service"])
def test_toxics(side, tmp_path, running, seed, figure):
    queue = running(Queue(tmp_path, "events"))
    perseus = running(Perseus(tmp_path))
    proxy = running(Proxy(tmp_path, "proxy", queue.port if side == "queue" else perseus.port, seed))
    journal = Journal(queue, "events", seed)
    ports = (proxy.port, perseus.port) if side == "queue" else (queue.port, proxy.port)
    forwarder = running(Forwarder(tmp_path / "sluice", "events", *ports, "--batch-count", BATCH, "--batch-age", "200ms",
                                  "--timeout", "3s", "--receive-wait", "1s"))
    phases = SLOW + faults(side)
    count = EVENTS // len(phases)

    def state():
        events = perseus.accepted()
        return proxy.injected(), len(events), len(events) - len({event["md5"] for event in events})

    for name, commands in phases:
        before, had, duplicates = state()
        for command in commands:
            proxy.tell(command)
        with journal.sending(count / EACH, count):
            time.sleep(EACH)  # as long as the harm is to last
        proxy.tell("off")
        injected, has, repeated = state()
        figure(f"{name:10} {dict(injected - before)}, {has - had} accepted, {repeated - duplicates} duplicates")
        assert injected[name] > before[name], f"{name} did nothing"
        if (name, commands) in SLOW:
            assert repeated == 0, f"{name} loses nothing, and yet {repeated} came twice"
    took = until_empty(queue, "events", 2 * VISIBILITY + 60)
    forwarder.terminate()
    ended = forwarder.end(30)

    result = compare([journal], perseus.accepted())
    struck = sum(n for kind, n in proxy.injected().items() if kind not in HARMLESS)
    figure(f"{result}; {struck} faults, so at most {2 * BATCH * struck}; empty {took:.1f} s after the last")
    assert ended.code == 0, ended
    assert_complete(result)
    assert result.sent == EVENTS
    assert result.repeated <= 2 * BATCH * struck
