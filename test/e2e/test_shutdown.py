"""How sluice ends: what was promised about signals, deadlines, exit codes and the account."""
import signal
import threading

from world.receiver import Answer
from world.waiting import free_port, until

QUICK = ["--receive-wait", "1s"]


def test_a_half_full_batch_leaves_at_once(moto, sluice, receiver):
    queue, service = moto.queue(), receiver()
    queue.send([f"event {n}" for n in range(30)])
    program = sluice("run", "--from", queue.name, "--to", service.url, "--batch-age", "60s", *QUICK, env=moto.env())
    until("sluice holds all of them", lambda: queue.counts() == (0, 30))

    program.terminate()
    service.wait(1, 10)
    arrived = service.requests[0].at - program.began
    ended = program.end(10)

    assert ended.code == 0, ended
    assert arrived < 1.0, f"the batch came {arrived:.2f} s after the signal"
    assert len(service.bodies) == 30
    assert ended.account["deleted"] == 30 and ended.account["outcome"] == "drained", ended
    assert "nothing abandoned" in ended.err
    assert queue.is_empty()


def test_with_the_service_down_everything_comes_back_at_once(moto, sluice):
    queue = moto.queue(VisibilityTimeout=600)
    queue.send([f"event {n}" for n in range(30)])
    program = sluice("run", "--from", queue.name, "--to", f"http://127.0.0.1:{free_port()}/batch", "--batch-age", "100ms",
                     "--drain", "4s", *QUICK, env=moto.env())
    until("sluice holds all of them", lambda: queue.counts() == (0, 30))
    program.wait_line("connection refused")

    program.terminate()
    ended = program.end(10)
    visible = until("all are visible again", lambda: queue.counts() == (30, 0), 2)

    assert visible
    assert ended.code == 0, ended  # nothing was abandoned: all of it was given back
    # a poll that was still parked may bring some of them once more, and then they go back once more
    assert ended.account["returned"] == ended.account["received"] >= 30 and ended.account["deleted"] == 0, ended
    assert "visible again" in ended.err
    assert ended.seconds < 4.5


# All that sluice may hold is held, so no poll is parked: one that is cut could still take what is given back.
FULL = ["--batch-count", "10", "--concurrency", "1", "--receivers", "1", "--in-flight", "30", "--batch-age", "100ms"]


def test_a_service_that_does_not_answer_is_left_in_doubt(moto, sluice, receiver):
    queue, answers = moto.queue(VisibilityTimeout=600), threading.Event()
    service = receiver([Answer(hold=answers)])
    queue.send([f"event {n}" for n in range(30)])
    program = sluice("run", "--from", queue.name, "--to", service.url, "--drain", "3s", *FULL, *QUICK, env=moto.env())
    until("all are held, and ten posted", lambda: queue.counts() == (0, 30) and len(service.bodies) == 10)

    program.terminate()
    ended = program.end(10)

    assert ended.seconds < 3.5
    assert ended.account["returned"] == 30 and ended.account["in_doubt"] == 10, ended
    until("all are visible again", lambda: queue.counts() == (30, 0), 2)
    answers.set()


def test_a_parked_poll_ends_by_itself(moto, sluice, receiver):
    queue, service = moto.queue(), receiver()
    queue.send(["first"])
    program = sluice("run", "--from", queue.name, "--to", service.url, "--batch-age", "100ms", env=moto.env())
    service.wait(1)
    until("it was deleted", queue.is_empty)

    program.terminate()
    ended = program.end(10)

    assert ended.code == 0, ended
    assert ended.seconds < 6, ended
    assert ended.account["receives_aborted"] == 0, ended


def test_what_a_parked_poll_brings_after_the_signal_is_delivered(moto, sluice, receiver):
    queue, service = moto.queue(), receiver()
    queue.send(["first"])
    program = sluice("run", "--from", queue.name, "--to", service.url, "--batch-age", "100ms", "--receivers", "1",
                     "--receive-wait", "20s", "--drain", "25s", env=moto.env())
    service.wait(1)
    until("it was deleted", queue.is_empty)

    program.terminate()
    program.wait_line("drain")
    queue.send(["second"])
    ended = program.end(30)

    assert ended.code == 0, ended
    if ended.account["received"] == 2:  # the poll was still parked
        assert "second" in service.bodies and queue.is_empty()
    else:
        assert queue.counts() == (1, 0)


def test_a_second_signal_ends_delivery(moto, sluice, receiver):
    queue, answers = moto.queue(VisibilityTimeout=600), threading.Event()
    service = receiver([Answer(hold=answers)])
    queue.send([f"event {n}" for n in range(30)])
    program = sluice("run", "--from", queue.name, "--to", service.url, *FULL, *QUICK, env=moto.env())
    until("all are held, and ten posted", lambda: queue.counts() == (0, 30) and len(service.bodies) == 10)

    program.terminate()
    program.wait_line("draining")
    program.terminate()
    ended = program.end(10)

    assert ended.seconds < 3, ended
    assert ended.code == 0, ended  # all of it was given back
    held = ended.account["received"]  # the last receive may have been cut with its answer on the way
    assert held == 30 or ended.account["receives_aborted"] == 1, ended
    assert ended.account["returned"] == held and ended.account["in_doubt"] == 10, ended
    until("all are visible again", lambda: queue.counts() == (held, 30 - held), 2)
    answers.set()


def test_a_third_signal_ends_at_once(moto, sluice, receiver):
    queue, answers = moto.queue(VisibilityTimeout=600), threading.Event()
    service = receiver([Answer(hold=answers)])
    queue.send([f"event {n}" for n in range(20)])
    program = sluice("run", "--from", queue.name, "--to", service.url, "--batch-age", "100ms", *QUICK, env=moto.env())
    until("all are being posted", lambda: len(service.bodies) == 20)

    with moto.frozen():  # so that what the second signal asks for, giving all back, takes for ever
        program.signal(signal.SIGINT)
        program.wait_line("draining")
        program.signal(signal.SIGINT)
        program.wait_line("signal 2")
        program.signal(signal.SIGINT)
        ended = program.end(5)

    assert ended.seconds < 1, ended
    assert ended.code == 75, ended
    assert ended.account["abandoned"] == 20 and ended.account["outcome"] == "stopped", ended
    assert "20 abandoned" in ended.err
    answers.set()


def test_killed_and_nothing_is_lost(moto, sluice, receiver):
    queue = moto.queue(VisibilityTimeout=10)
    bodies = {f"event {n}" for n in range(40)}
    answers = threading.Event()
    first = receiver([Answer(hold=answers)])
    queue.send(sorted(bodies))
    program = sluice("run", "--from", queue.name, "--to", first.url, "--batch-age", "100ms", *QUICK, env=moto.env())
    until("all are being posted", lambda: len(first.bodies) == 40)

    program.signal(signal.SIGKILL)
    assert program.end(5).code == -signal.SIGKILL
    second = receiver()
    ended = sluice("run", "--from", queue.name, "--to", second.url, "--batch-age", "100ms", "--until-empty", *QUICK,
                   env=moto.env()).end(40)

    assert ended.code == 0, ended
    assert sorted(second.bodies) == sorted(bodies)
    assert queue.is_empty()
    answers.set()


def test_the_drain_deadline_holds_whatever_happens(moto, sluice, receiver):
    """The service hangs and so does the queue: the process is gone all the same, and says what it left."""
    queue, answers = moto.queue(), threading.Event()
    service = receiver([Answer(hold=answers)])
    queue.send([f"event {n}" for n in range(20)])
    program = sluice("run", "--from", queue.name, "--to", service.url, "--batch-age", "100ms", "--drain", "3s", *QUICK,
                     env=moto.env())
    until("all are being posted", lambda: len(service.bodies) == 20)
    with moto.frozen():
        program.terminate()
        ended = program.end(10)

    assert ended.seconds < 3.7, ended
    assert ended.code == 75, ended
    assert ended.account["abandoned"] == 20 and ended.account["in_doubt"] == 20, ended
    assert ended.account["outcome"] == "deadline", ended
    assert "gave up after" in ended.err and "20 abandoned" in ended.err
    answers.set()
