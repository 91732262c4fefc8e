"""The forwarder is killed under load, again and again, at any moment: nothing is lost, and every duplicate is an event that it held
when it was killed."""
import random
import signal
import time
from collections import Counter

from rig import FULL, VISIBILITY, Forwarder, Journal, Perseus, Proxy, Queue, assert_complete, compare, until_empty
from wiretap import held
from world.waiting import until

KILLS = 60 if FULL else 10
RATE = 250  # events a second


def test_kill(tmp_path, running, seed, figure):
    chance = random.Random(seed)
    queue = running(Queue(tmp_path, "events"))
    perseus = running(Perseus(tmp_path, "--latency", "20ms,p99=300ms"))
    proxy = running(Proxy(tmp_path, "proxy", queue.port, seed, tap=True))  # harmless: it listens
    journal = Journal(queue, "events", seed)
    marks = []

    def start():
        return running(Forwarder(tmp_path / "sluice", "events", proxy.port, perseus.port, "--batch-count", 20, "--batch-age",
                                 "100ms", "--receive-wait", "1s"))

    began = time.monotonic()
    with journal.sending(RATE, KILLS * RATE // 2):
        for n in range(KILLS):
            before, forwarder = len(perseus.accepted()), start()
            if n % 4:  # the others are killed while they start, or soon after
                until("something is delivered", lambda: len(perseus.accepted()) > before, 30)
            time.sleep(chance.uniform(0, 0.8))  # any moment
            forwarder.signal(signal.SIGKILL)
            assert forwarder.end(10).code == -signal.SIGKILL
            proxy.tell()
            marks.append(proxy.tap_file.stat().st_size)
    lasted = time.monotonic() - began
    forwarder = start()
    took = until_empty(queue, "events", 2 * VISIBILITY + 60)
    forwarder.terminate()
    assert forwarder.end(30).code == 0
    proxy.tell()

    accepted = perseus.accepted()
    result = compare([journal], accepted)
    lives = held(proxy.tap_file.read_bytes(), marks)
    times_held = Counter(message for life in lives for message in life)
    repeated = Counter(event["messageId"] for event in accepted)
    unexplained = {m: n - 1 for m, n in repeated.items() if n - 1 > times_held[m]}
    figure(f"{KILLS} kills in {lasted:.0f} s; {result}; held when killed: {sum(map(len, lives))} in all, "
           f"{max(map(len, lives))} at most; empty {took:.1f} s after the last")
    assert_complete(result)
    assert result.repeated <= sum(map(len, lives))
    assert not unexplained, f"{len(unexplained)} duplicates were not held at a kill: {list(unexplained.items())[:5]}"
