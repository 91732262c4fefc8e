"""Everything at once, by chance: harms on both sides that come and go and overlap, the forwarder killed and told to end, the queue
and the service killed and started again. What the queue acknowledged arrives all the same.

TOXICS_MIX=SECONDS makes it last; a night of it is worth a night."""
import os
import random
import signal
import threading
import time
from collections import Counter

from botocore.exceptions import BotoCoreError, ClientError

from rig import FULL, VISIBILITY, Forwarder, Journal, Perseus, Proxy, Queue, assert_complete, compare, until_empty

SECONDS = float(os.environ.get("TOXICS_MIX") or (60 if FULL else 15))
RATE = 250
BATCH, IN_FLIGHT = 20, 340
DRAIN, GRACE = 2.0, 0.5


def harms(chance, side):
    """A few commands for a proxy. No garbage on the way to the service: what it refuses, it is spared for minutes."""
    up, down = (10_000, 50_000) if side == "queue" else (40_000, 2_000)
    settings = {
        "latency": f"ms={chance.randint(1, 1500)}", "jitter": f"ms={chance.randint(1, 800)}",
        "bandwidth": f"bytes_s={chance.randint(5_000, 500_000)}", "slow_close": f"ms={chance.randint(1, 1000)}",
        "slicer": f"bytes={chance.randint(1, 1000)} us={chance.randint(1, 3000)}", "down": "",
        **{kind: None for kind in ("timeout", "reset", "limit")}}
    if side == "queue":
        settings["garbage"] = None
    for kind in chance.sample(list(settings), chance.randint(1, 3)):
        for way, most in chance.choice([[("up", up)], [("down", down)], [("up", up), ("down", down)]]):
            setting = settings[kind]
            yield f"on {kind} {way} " + (f"bytes={chance.randint(1, most)}" if setting is None else setting)


class Actor(threading.Thread):
    """Does something at random times until told to end."""

    def __init__(self, chance, least, most, act):
        super().__init__()
        self.chance, self.least, self.most, self.act = chance, least, most, act
        self.over, self.failure, self.times = threading.Event(), None, 0
        self.start()

    def run(self):
        try:
            while not self.over.wait(self.chance.uniform(self.least, self.most)):
                self.act(self.chance)
                self.times += 1
        except BaseException as failure:  # told where it counts, in the test
            self.failure = failure

    def stop(self):
        self.over.set()
        self.join()


def test_mix(tmp_path, running, seed, figure):
    queue = running(Queue(tmp_path, "events"))
    perseus = running(Perseus(tmp_path, "--latency", "5ms,p99=500ms"))
    sides = {"queue": running(Proxy(tmp_path, "to-queue", queue.port, seed)),
             "service": running(Proxy(tmp_path, "to-service", perseus.port, seed + 1))}
    journal = Journal(queue, "events", seed)
    ends, late = Counter(), []

    def start():
        return running(Forwarder(tmp_path / "sluice", "events", sides["queue"].port, sides["service"].port, "--batch-count",
                                 BATCH, "--batch-age", "200ms", "--receive-wait", "1s", "--timeout", "3s", "--drain",
                                 f"{DRAIN:.0f}s", "--in-flight", IN_FLIGHT))

    forwarder = start()

    def harm(side):
        def act(chance):
            sides[side].tell("off")
            for command in harms(chance, side) if chance.random() < 0.7 else ():
                sides[side].tell(command)
        return act

    def end_forwarder(chance):
        nonlocal forwarder
        how = chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGTERM, signal.SIGINT])
        forwarder.signal(how)
        if how != signal.SIGKILL and chance.random() < 0.3:
            time.sleep(chance.uniform(0, 1))
            forwarder.process.send_signal(signal.SIGTERM)  # a second one, perhaps too late
        ended = forwarder.end(20)
        # What is needed at the start could not be had, or garbage made it look like wrong keys or another queue's name.
        failed_to_start = ended.code in (69, 77, 78) and not ended.account
        assert ended.code in (0, 75, -how) or failed_to_start, ended
        ends[ended.code] += 1
        if ended.seconds > DRAIN + GRACE:
            late.append(str(ended))
        forwarder = start()

    actors = [running(Actor(random.Random(seed + n), *rest)) for n, rest in enumerate([
        (0.5, 3, harm("queue")), (0.5, 3, harm("service")), (0.5, 5, end_forwarder),
        (4, 12, lambda _: queue.server.killed_and_back()), (4, 12, lambda _: perseus.killed_and_back())])]
    with journal.sending(RATE, int(RATE * SECONDS), bears=(BotoCoreError, ClientError)):
        pass
    for actor in actors:
        actor.stop()
    assert not [actor.failure for actor in actors if actor.failure]
    for proxy in sides.values():
        proxy.tell("off")
    if forwarder.process.poll() is not None:  # it may have ended by itself when it could not start
        ends[forwarder.end(1).code] += 1
        forwarder = start()
    took = until_empty(queue, "events", 2 * VISIBILITY + 60)
    forwarder.terminate()
    assert forwarder.end(30).code == 0

    result = compare([journal], perseus.accepted())
    injected = sum((proxy.injected() for proxy in sides.values()), Counter())
    kills = ends[-signal.SIGKILL]
    restarts = actors[3].times + actors[4].times
    bound = 2 * BATCH * (sum(injected.values()) + restarts) + IN_FLIGHT * sum(ends.values())
    figure(f"{SECONDS:.0f} s: {dict(injected)}")
    figure(f"the forwarder ended {dict(ends)}, {kills} kills; the queue was killed {actors[3].times} times, the service "
           f"{actors[4].times} times; {journal.failures} sends without an answer")
    figure(f"{result}, at most {bound}; empty {took:.1f} s after the last")
    assert not late, f"{len(late)} were not gone {DRAIN + GRACE} s after the signal:\n{late[0]}"
    assert_complete(result)
    assert result.repeated <= bound
