"""SIGTERM at any moment, to several daemons at once, whatever the service does: each is gone by its deadline, asks for nothing more,
and what it did not deliver can be received again at once."""
import random
import signal
import statistics
import threading
import time
from collections import Counter

from rig import FULL, Forwarder, Journal, Perseus, Proxy, Queue, assert_complete, compare
from world.waiting import until

LANES = 8
DRAINS = 200 if FULL else 40
DEADLINE = 2.0
GRACE = 0.5   # beyond the deadline, always
AGAIN = 1.0   # after the end, until what was not delivered is visible
# What the service, or the way to it, does when the signal comes.
SERVICES = {
    "fine": [],
    "slow": ["on latency ms=400"],
    "far": ["on jitter ms=200", "on bandwidth bytes_s=100000"],
    "cut": ["on reset up bytes=60000", "on reset down bytes=3000"],
    "silent": ["on timeout up bytes=5000"],
    "down": ["on down"],
}


class Lane:
    """A queue, a way to it that is watched, a way to the service that harms; one daemon after the other."""

    def __init__(self, number, folder, queue, perseus, seed, running):
        self.name, self.folder, self.queue = f"lane-{number}", folder / f"lane-{number}", queue
        self.folder.mkdir()
        self.chance = random.Random(seed + number)
        self.journal = Journal(queue, self.name, seed + number)
        self.to_queue = running(Proxy(self.folder, "queue", queue.port, seed, watch="AmazonSQS.ReceiveMessage"))
        self.to_service = running(Proxy(self.folder, "service", perseus.port, seed + number))
        self.drains, self.failures = [], []

    def start(self, *arguments):
        return Forwarder(self.folder / "sluice", self.name, self.to_queue.port, self.to_service.port, "--receive-wait", "1s",
                         "--drain", f"{DEADLINE:.0f}s", "--timeout", "5s", *arguments)

    def drain(self):
        """One daemon's life; what is wrong with its end, as texts."""
        service = self.chance.choice(list(SERVICES))
        self.journal.send(self.chance.choice([0, 50, 150, 300]))
        batch, age = self.chance.choice([10, 50, 100]), self.chance.choice(["50ms", "300ms", "60s"])
        asked = len(self.to_queue.log())
        forwarder = self.start("--batch-count", batch, "--batch-age", age)
        try:
            time.sleep(self.chance.uniform(0, 0.7))  # any moment
            for command in SERVICES[service]:
                self.to_service.tell(command)
            time.sleep(self.chance.uniform(0, 0.7))
            forwarder.terminate()
            ended = forwarder.end(10)
            drain = self.judge(forwarder, ended, self.to_queue.log()[asked:])
        finally:
            forwarder.kill()
            self.to_service.tell("off")
        drain["service"], drain["what"] = service, f"{self.name}: {service}, batches of {batch} or {age}"
        self.drains.append(drain)

    def judge(self, forwarder, ended, receives):
        wrong = []
        said = forwarder.said_at("draining")
        late = [r["t"] - forwarder.told_at for r in receives if r["t"] > forwarder.told_at]
        if ended.seconds > DEADLINE + GRACE:
            wrong.append(f"was gone after {ended.seconds:.3f} s")
        if ended.code == -signal.SIGTERM:  # the signal came before main had begun
            if receives:
                wrong.append("died of the signal, and had received")
        elif ended.code != 0:
            wrong.append(f"exit {ended.code}")
        if any(r["t"] > (said or forwarder.gone_at) for r in receives) or max(late, default=0) > GRACE:
            wrong.append(f"receives after it was told to end: {late}")
        hidden = self.hidden_for(forwarder.gone_at)
        if hidden > AGAIN:
            wrong.append(f"some were still hidden {hidden:.2f} s after the end")
        return {"seconds": ended.seconds, "receives": len(receives), "late": late, "hidden": hidden, "account": ended.account,
                "wrong": wrong and wrong + [str(ended)]}

    def hidden_for(self, gone_at):
        """How long after the end something was still hidden, by the last question whose answer said so: however late the
        questions are put, it was so long at least."""
        hidden = 0.0

        def all_visible():
            nonlocal hidden
            asked = time.time() - gone_at
            if self.queue.counts(self.name)[1] == 0:
                return True
            hidden = asked
            return False

        until("all are visible again", all_visible, 40)
        return hidden

    def run(self, drains):
        try:
            for _ in range(drains):
                self.drain()
            forwarder = self.start("--until-empty")
            try:
                ended = forwarder.end(60)
            finally:
                forwarder.kill()
            assert ended.code == 0, ended
        except BaseException as failure:  # told where it counts, in the test
            self.failures.append(failure)
            raise


def test_drain(tmp_path, running, seed, figure):
    queue = running(Queue(tmp_path, *[f"lane-{n}" for n in range(LANES)]))
    perseus = running(Perseus(tmp_path, "--latency", "20ms,p99=1s"))
    lanes = [Lane(n, tmp_path, queue, perseus, seed, running) for n in range(LANES)]
    threads = [threading.Thread(target=lane.run, args=(DRAINS // LANES,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    drains = [drain for lane in lanes for drain in lane.drains]
    result = compare([lane.journal for lane in lanes], perseus.accepted())
    seconds, hidden = [d["seconds"] for d in drains], [d["hidden"] for d in drains]
    late = [t for d in drains for t in d["late"]]
    in_doubt = sum(d["account"]["in_doubt"] for d in drains if d["account"])
    figure(f"{len(drains)} drains: {dict(Counter(d['service'] for d in drains))}")
    figure(f"gone after {statistics.median(seconds):.2f} s, {max(seconds):.3f} s at most (deadline {DEADLINE} s)")
    figure(f"something hidden after the end: {sum(h > 0 for h in hidden)} times, {max(hidden):.3f} s at most")
    figure(f"{sum(d['receives'] for d in drains)} receives, of them {len(late)} after the signal was sent, "
           f"{max(late, default=0) * 1000:.1f} ms after it at most")
    figure(f"{result}; {in_doubt} in doubt; "
           f"{sum(d['account']['returned'] for d in drains if d['account'])} returned")
    assert not [f for lane in lanes for f in lane.failures]
    bad = [d["what"] + ": " + "; ".join(d["wrong"]) for d in drains if d["wrong"]]
    assert not bad, f"{len(bad)} of {len(drains)}:\n" + "\n".join(bad[:5])
    assert_complete(result)
    assert result.repeated <= in_doubt
