"""Sources and sinks that are no queue and no service, and the other commands."""
import contextlib
import json
import os
import subprocess
import sys
import urllib.request

from world.program import SLUICE
from world.receiver import failures
from world.waiting import free_port, until

QUICK = ["--batch-age", "200ms"]


def test_stdin_to_http(sluice, receiver):
    service = receiver()
    lines = [f'{{"n":{n},"text":"grün"}}' for n in range(250)] + ["plain text", '"a string"', "  blanks  "]
    ended = sluice("run", "--from", "-", "--to", service.url, stdin="\n".join(lines).encode()).end(20)
    assert ended.code == 0, ended
    assert sorted(service.bodies) == sorted(lines)  # batches travel side by side; within one the order is kept
    assert all(sorted(q.bodies, key=lines.index) == q.bodies for q in service.requests)
    records = [r for q in service.requests for r in q.records]
    assert len({r["messageId"] for r in records}) == len(lines)
    assert {r["eventSourceARN"] for r in records} == {"arn:aws:sqs:local:000000000000:stdin"}
    assert ended.account["received"] == ended.account["deleted"] == len(lines)


def test_what_stdin_could_not_deliver_is_kept(sluice, receiver, tmp_path):
    service = receiver(lambda q: failures(*(r["messageId"] for r in q.records if "bad" in r["body"])))
    lines = [f"bad {n}" if n % 10 == 0 else f"good {n}" for n in range(50)]
    left = tmp_path / "left.ndjson"
    ended = sluice("run", "--from", "-", "--to", service.url, "--undelivered", left,
                   stdin="\n".join(lines).encode()).end(60)
    good = [line for line in lines if "good" in line]
    assert sorted(b for b in service.bodies if "good" in b) == sorted(good)
    assert sorted(json.loads(x) if x.startswith('"') else x for x in left.read_text().splitlines()) == sorted(
        line for line in lines if "bad" in line)
    assert ended.account["deleted"] == len(good), ended


def test_a_dead_service_leaves_all_of_stdin_to_the_file(sluice, tmp_path):
    lines = [f'{{"n":{n}}}' for n in range(20)]
    left = tmp_path / "left.ndjson"
    program = sluice("run", "--from", "-", "--to", f"http://127.0.0.1:{free_port()}/", "--undelivered", left, "--drain", "2s",
                     *QUICK, stdin="\n".join(lines).encode())
    program.wait_line("connection refused")
    program.terminate()
    program.end(10)
    assert sorted(left.read_text().splitlines()) == sorted(lines)


def test_lines_that_are_no_events_are_kept_too(sluice, receiver, tmp_path):
    left = tmp_path / "left.ndjson"
    ended = sluice("run", "--from", "-", "--to", receiver().url, "--undelivered", left, *QUICK,
                   stdin=b"good\nx\xff\n" + b"y" * (2 << 20) + b"\nlast\n").end(20)
    assert ended.code == 75, ended  # the long one is abandoned
    assert left.read_bytes() == b"x\xff\n"
    account = ended.account
    assert (account["received"], account["deleted"], account["returned"], account["abandoned"]) == (4, 2, 1, 1), ended
    assert "in the file of --undelivered: 1 not sent" in ended.err


def test_the_file_of_what_was_not_delivered_is_not_what_is_read(sluice, tmp_path):
    loop = tmp_path / "loop"
    loop.write_text("one\ntwo\n")
    ended = sluice("run", "--from", "-", "--to", "-", "--undelivered", loop, account=False,
                   prefix=["bash", "-c", f'"$@" < {loop}', "bash"]).end(20)
    assert ended.code == 78 and "--undelivered" in ended.err and "do:" in ended.err, ended
    assert loop.read_text() == "one\ntwo\n"


def test_stdin_that_can_not_be_read(sluice, tmp_path):
    for how, why in (("<&-", "closed"), (f"< {tmp_path}", "a folder"), ("0> /dev/null", "not open for reading")):
        ended = sluice("run", "--from", "-", "--to", "-", account=False, prefix=["bash", "-c", f'"$@" {how}', "bash"]).end(20)
        assert ended.code == 78 and why in ended.err and "do:" in ended.err, (how, ended)


def test_stdin_that_does_not_block(sluice, receiver, tmp_path):
    """Who else has it may have made it so."""
    service, fifo = receiver(), tmp_path / "fifo"
    os.mkfifo(fifo)
    code = "import os, sys; os.set_blocking(0, False); os.execvp(sys.argv[1], sys.argv[1:])"
    program = sluice("run", "--from", "-", "--to", service.url, *QUICK,
                     prefix=["bash", "-c", f'"$@" < {fifo}', "bash", sys.executable, "-c", code])
    with open(fifo, "w") as lines:
        print("one", file=lines, flush=True)
        until("the first is there", lambda: service.bodies == ["one"])  # nothing is to be read meanwhile
        print("two", file=lines)
    ended = program.end(20)
    assert ended.code == 0 and service.bodies == ["one", "two"], ended


def test_closed_descriptors(sluice, tmp_path):
    """What is opened next gets their numbers, and must not get what is printed."""
    for command in (["run", "--from", "synthetic:", "--to", "-", "--count", "5", "--drain", "2s", *QUICK],
                    ["simulate", "--rate", "1/s", "--duration", "1m", "--svg", str(tmp_path / "x.svg")],
                    ["queue", "--listen", "127.0.0.1:0"], ["help"]):
        ended = sluice(*command, account=False, prefix=["bash", "-c", '"$@" >&-', "bash"]).end(20)
        assert ended.code in (69, 75) and "Bad file descriptor" in ended.err, ended
    ended = sluice("run", "--from", "synthetic:", "--to", "-", "--count", "5", "--format", "ndjson", *QUICK, account=False,
                   prefix=["bash", "-c", '"$@" 2>&-', "bash"]).end(20)
    assert ended.code == 0 and len(ended.out.splitlines()) == 5, ended


def writer_of(fifo):
    """A descriptor that does not block, once somebody reads."""
    with contextlib.suppress(OSError):
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_a_token_from_a_fifo(sluice, receiver, tmp_path):
    service, fifo = receiver(), tmp_path / "fifo"
    os.mkfifo(fifo)
    run = "run", "--from", "synthetic:", "--rate", "100/s", "--to", service.url, "--bearer-file", fifo, "--batch-age", "100ms"
    program = sluice(*run)
    write = until("it is read", lambda: writer_of(fifo))
    program.terminate()  # nothing was written to it
    assert program.end(20).code == 0
    os.close(write)

    program = sluice(*run)
    write = until("it is read", lambda: writer_of(fifo))
    os.write(write, b"tok")
    os.write(write, b"en\n")
    os.close(write)
    service.wait(1)
    os.utime(fifo)  # as if it had changed; files are looked at once a second
    service.wait(len(service.requests) + 30)
    program.terminate()
    ended = program.end(20)
    assert ended.code == 0 and " warn " not in ended.err, ended
    assert {q.headers["authorization"] for q in service.requests} == {"Bearer token"}


def test_a_token_from_another_program(sluice, receiver):
    service = receiver()
    ended = sluice("run", "--from", "synthetic:", "--to", service.url, "--count", "5", *QUICK,
                   prefix=["bash", "-c", '"$@" --bearer-file <(echo token)', "bash"]).end(20)
    assert ended.code == 0 and service.requests[0].headers["authorization"] == "Bearer token", ended


def test_synthetic_to_stdout(sluice):
    ended = sluice("run", "--from", "synthetic:", "--to", "-", "--batch-count", "2", "--count", "5").end(20)
    assert ended.code == 0, ended
    batches = [json.loads(line) for line in ended.out.splitlines()]
    assert [len(b["Records"]) for b in batches] == [2, 2, 1]
    assert ended.account["received"] == ended.account["deleted"] == 5


def test_stdin_to_stdout_as_lines(sluice):
    lines = [json.dumps({"n": n}) for n in range(1000)]
    ended = sluice("run", "--from", "-", "--to", "-", "--format", "ndjson", stdin="\n".join(lines).encode()).end(20)
    assert ended.code == 0, ended
    assert ended.out.decode().splitlines() == lines


def test_stdout_that_is_closed(sluice, tmp_path):
    """head -1 has seen enough: that is an end, not a crash."""
    program = sluice("run", "--from", "synthetic:", "--to", "-", "--batch-count", "1", "--drain", "2s",
                     prefix=["bash", "-c", 'set -o pipefail; "$@" | head -1', "bash"])
    ended = program.end(20)
    assert ended.code not in (0, 70) and ended.code < 128, ended


def test_send(moto, sluice, tmp_path):
    queue = moto.queue()
    lines = [json.dumps({"n": n}) for n in range(35)]
    admin = moto.user("sender", ["sqs:*"])
    ended = sluice("send", "--to", queue.name, "--attr", "tenant=acme", "-", stdin="\n".join(lines).encode(),
                   env=moto.env(admin)).end(20)
    assert ended.code == 0, ended
    got = []
    while len(got) < 35:
        got += queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10,
                                         MessageAttributeNames=["All"])["Messages"]
    assert sorted(m["Body"] for m in got) == sorted(lines)
    assert all(m["MessageAttributes"]["tenant"]["StringValue"] == "acme" for m in got)


def test_perseus_takes_what_run_sends(sluice, tmp_path):
    port = free_port()
    service = sluice("perseus", "--listen", f"127.0.0.1:{port}", "--ledger", tmp_path / "ledger")
    service.wait_line(str(port))
    ended = sluice("run", "--from", "synthetic:", "--rate", "1000/s", "--count", "500", "--to",
                   f"http://127.0.0.1:{port}/batch", *QUICK).end(20)
    assert ended.code == 0 and ended.account["deleted"] == 500, ended
    service.terminate()
    assert service.end(10).code == 0


def test_a_ledger_that_cannot_be_written_is_told_at_once(sluice):
    port = free_port()
    service = sluice("perseus", "--listen", f"127.0.0.1:{port}", "--ledger", "/dev/full")
    service.wait_line(str(port))
    program = sluice("run", "--from", "synthetic:", "--rate", "1000/s", "--to", f"http://127.0.0.1:{port}/batch", "--drain",
                     "2s", *QUICK)
    service.wait_line("error the ledger could not be written: No space left on device")
    program.terminate()
    program.end(20)
    service.terminate()
    ended = service.end(10)
    assert ended.code == 69, ended
    assert "do:    see to that, then start it again" in ended.err, ended


def test_version_and_help(sluice):
    version = sluice("--version").end(5)
    assert version.code == 0 and version.out.startswith(b"sluice ")
    for command in ([], ["run"], ["demo"], ["perseus"], ["send"], ["queue"], ["queues"], ["peek"]):
        shown = sluice("help", *command).end(5)
        assert shown.code == 0 and b"--" in shown.out or command == [], shown


def test_a_blocked_log_does_not_block_the_events(sluice, receiver):
    """Whoever reads stderr has stopped: the events flow on, lines are dropped and counted."""
    import os
    import subprocess
    from world.program import SLUICE
    service = receiver()
    read, write = os.pipe()  # nobody reads: 64 KiB fit
    program = subprocess.Popen([SLUICE, "run", "--from", "synthetic:", "--rate", "5000/s", "--count", "10000", "--to",
                                service.url, "--batch-count", "5"], stderr=write, stdin=subprocess.DEVNULL)
    os.close(write)
    try:
        service.wait_events(10000, 40)
        os.close(read)
        assert program.wait(15) is not None
    finally:
        program.kill()
        program.wait()
    assert len(set(service.bodies)) <= len(service.bodies) == 10000


@contextlib.contextmanager
def beside_a_full_pipe(full, *arguments):
    """sluice with `full`, stdout or stderr, into a pipe that takes nothing more, as nobody reads; the other one is read."""
    read, write = os.pipe2(os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    os.set_blocking(write, True)  # as a shell makes it
    other = "stdout" if full == "stderr" else "stderr"
    program = subprocess.Popen([SLUICE, *map(str, arguments)], stdin=subprocess.DEVNULL,
                               **{full: write, other: subprocess.PIPE})
    try:
        yield program
    finally:
        program.kill()
        program.communicate()
        os.close(read)
        os.close(write)


def signalled_until_it_ends(program):
    """The first may come before it waits; one that comes while it ends has its usual effect."""
    until("it ends", lambda: program.poll() is not None or program.terminate(), pause=1)
    return program.returncode


def test_nobody_reads_stderr(tmp_path):
    run = "run", "--from", "synthetic:", "--to", "-", "--count", "5", *QUICK
    for command in (run, ["demo", "--for", "1s", "--dir", tmp_path / "demo"]):
        with beside_a_full_pipe("stderr", *command) as program:
            assert program.wait(20) == 0, command


def test_nobody_reads_the_stderr_of_perseus():
    port = free_port()
    with beside_a_full_pipe("stderr", "perseus", "--listen", f"127.0.0.1:{port}") as program:
        until("it serves", lambda: is_healthy(port))
        program.terminate()
        assert program.wait(20) == 0


def is_healthy(port):
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200


def test_nobody_reads_stdout(receiver, tmp_path):
    account = tmp_path / "account.json"
    run = "run", "--from", "synthetic:", "--to", receiver().url, "--count", "5", "--json", "--account", account, *QUICK
    for command, ready in ((run, b"delivered in"), (("queue", "--listen", "127.0.0.1:0"), b"SQS at")):
        with beside_a_full_pipe("stdout", *command) as program:
            while ready not in (line := program.stderr.readline()):
                assert line, command
            assert signalled_until_it_ends(program) == 69, command
            said = program.stderr.read().decode()
            assert "standard output can't be written: a signal came while nobody read it" in said, said
    assert json.loads(account.read_text())["deleted"] == 5


def test_nobody_reads_the_account(sluice, receiver, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    run = "run", "--from", "synthetic:", "--to", receiver().url, "--count", "5", "--account", fifo, *QUICK
    program = sluice(*run, account=False)
    program.wait_line("delivered in")
    assert signalled_until_it_ends(program.process) == 69
    assert f"{fifo} can't be written: a signal came while nobody read it" in program.end().err

    program = sluice(*run, account=False)
    program.wait_line("delivered in")  # it waits for a reader
    assert json.loads(fifo.read_text())["deleted"] == 5
    assert program.end(20).code == 0
