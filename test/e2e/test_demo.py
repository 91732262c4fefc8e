"""The demonstration: as many delivered as were sent, also when it is killed and started again."""
import json
import os
import shutil
import signal
import time
from pathlib import Path

import boto3
import pytest

from world.waiting import until

STATE = Path(".local/state/sluice/demo")


def numbers(ended):
    """The account of --json."""
    account = json.loads(ended.out)
    assert account["received"] == sum(account[part] for part in ("deleted", "returned", "dead_lettered", "expired", "merged",
                                                                 "abandoned")), ended
    return account


def is_gone(folder):
    return not folder.exists() or not list(folder.iterdir())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "demo"


@pytest.fixture
def demo(sluice, folder):
    """A function that starts the demonstration in that folder."""
    def start(*arguments, **options):
        return sluice("demo", "--dir", folder, "--json", *arguments, **options)
    return start


def test_sent_is_delivered(sluice):
    program = sluice("demo", "--for", "3s")
    ended = program.end(20)
    assert ended.code == 0, ended
    assert "nothing abandoned" in ended.err
    sent = next(line for line in ended.err.splitlines() if line.startswith("  sent "))
    number = sent.split()[1]
    assert sent == f"  sent {number} = delivered {number}" and int(number.replace(",", "")) > 50
    assert is_gone(program.folder / STATE)
    assert (program.folder / STATE).stat().st_mode & 0o777 == 0o700


def test_as_json(demo, folder):
    ended = demo("--for", "2s", "--rate", "2000/s").end(20)
    account = numbers(ended)
    assert ended.code == 0, ended
    assert account["sent"] == account["delivered"] == account["deleted"] > 2000
    assert (account["again"], account["left"], account["not_sent"], account["runs"]) == (0, 0, 0, 1)
    assert is_gone(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_it(demo, folder, number):
    program = demo("--for", "1h")
    program.wait_line("batch [0-9a-f-]{36}")
    program.signal(number)
    ended = program.end(10)
    assert ended.code == 0 and ended.seconds < 5, ended
    account = numbers(ended)
    assert account["sent"] == account["delivered"] > 0
    assert is_gone(folder)


def test_it_gives_up_on_a_slow_service_and_the_next_run_goes_on(demo, folder):
    program = demo("--for", "1s", "--latency", "30s", "--batch-age", "300ms")
    program.wait_line("the time is up")
    began = time.monotonic()
    ended = program.end(20)
    assert 4.5 < time.monotonic() - began < 6.5
    assert ended.code == 75, ended
    account = numbers(ended)
    assert "gave up after 5." in ended.err
    assert f"{account['sent']} not delivered, they are in the queue for the next run" in ended.err
    assert account["delivered"] == 0 and account["left"] == account["sent"] > 0

    again = demo("--for", "1s").end(40)
    assert again.code == 0, again
    assert f"continues a run that gave up: {account['sent']} events are still in the queue" in again.err
    both = numbers(again)
    assert both["sent"] == both["delivered"] > account["sent"] and both["runs"] == 2
    assert is_gone(folder)


def test_a_signal_ends_it_in_time_when_the_service_is_slow(demo):
    program = demo("--latency", "30s", "--batch-age", "100ms")
    program.wait_line("info")
    until("something was posted", lambda: time.monotonic() - program.began > 1)
    program.terminate()
    ended = program.end(20)
    assert ended.code == 75 and ended.seconds < 6.5, ended
    program = demo("--latency", "30s", "--batch-age", "100ms")
    program.wait_line("continues a run that gave up")
    program.wait_line("from demo ")
    program.terminate()
    program.wait_line("draining")
    program.terminate()
    ended = program.end(20)
    assert ended.code == 75 and ended.seconds < 2, ended


def ids_of_ledger(folder):
    whole = (folder / "perseus.ledger").read_text().rpartition("\n")[0]  # the last line may be torn
    return [json.loads(line)["messageId"] for line in whole.splitlines()]


def ids_in_queue(sluice, folder):
    """What is in a copy of the queue, and how many were ever sent to it, as boto3 and `sluice queues` see them."""
    program = sluice("queue", "--listen", "127.0.0.1:0", "--data", folder / "queue.db",
                     prefix=["sh", "-c", 'exec "$@" >env.sh', "sh"])
    script = program.folder / "env.sh"
    until("the queue is ready", lambda: script.exists() and script.read_text().count("\n") == 3)
    url = script.read_text().split()[1].split("=", 1)[1]
    sqs = boto3.client("sqs", endpoint_url=url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    queue, ids = f"{url}/000000000000/demo", []
    looked = sluice("queues", "--json", "--endpoint-url", url,
                    env={"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).end(10)
    told = next(q for q in json.loads(looked.out)["queues"] if q["name"] == "demo")
    while len(ids) < told["visible"] + told["in_flight"] + told["delayed"]:
        got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20, VisibilityTimeout=600)
        ids += [message["MessageId"] for message in got["Messages"]]
    program.terminate()
    assert program.end(10).code == 0
    return ids, told["sent"]


def test_killed_and_started_again(demo, sluice, folder, tmp_path):
    for n in range(3):
        program = demo("--for", "1h", "--rate", "1500/s", "--batch-age", "200ms")
        program.wait_line("batch [0-9a-f-]{36}")
        until("it is in the middle", lambda: len((folder / "perseus.ledger").read_bytes()) > 30_000 * (n + 1))
        program.signal(signal.SIGKILL)
        program.end(10)

    shutil.copytree(folder, tmp_path / "copy")
    delivered = set(ids_of_ledger(tmp_path / "copy"))
    left, sent = ids_in_queue(sluice, tmp_path / "copy")
    assert len(delivered | set(left)) == sent, f"of {sent} sent, {len(delivered)} delivered and {len(left)} left"

    ended = demo("--for", "1s").end(40)
    assert ended.code == 0, ended
    assert "continues a run that was killed: " in ended.err
    account = numbers(ended)
    assert account["sent"] == account["delivered"] > sent
    assert account["left"] == 0 and account["runs"] == 4, account
    assert is_gone(folder)


def test_the_lines_of_a_file(demo, folder):
    """Once through, and that is the end; a line that SQS does not take is told, and counts."""
    lines = [json.dumps({"n": n, "text": "Łódź"}) for n in range(3333)]
    file = folder.parent / "events.ndjson"
    file.write_text("\n".join(lines))
    ended = demo("--events", file).end(60)
    account = numbers(ended)
    assert ended.code == 0, ended
    assert account["sent"] == account["delivered"] == 3333
    assert "everything is sent: draining" in ended.err

    file.write_text(lines[0] + "\n" + "x" * 1_100_000 + "\n" + lines[1])
    ended = demo("--events", file).end(60)
    account = numbers(ended)
    assert ended.code == 75 and (account["sent"], account["delivered"], account["not_sent"]) == (2, 2, 1), ended
    assert "events.ndjson:2 is longer than the 1,048,576 bytes that SQS takes" in ended.err


def test_the_lines_are_what_is_sent(demo, sluice, folder):
    lines = [json.dumps({"n": n, "text": "Łódź \"quoted\""}, ensure_ascii=False) for n in range(50)]
    file = folder.parent / "events.ndjson"
    file.write_text("\n".join(lines) + "\n")
    assert demo("--events", file, "--latency", "1h", "--batch-age", "50ms").end(60).code == 75
    program = sluice("queue", "--listen", "127.0.0.1:0", "--data", folder / "queue.db", "--json",
                     prefix=["sh", "-c", 'exec "$@" >env.sh', "sh"])
    script = program.folder / "env.sh"
    until("the queue is ready", lambda: script.exists() and script.read_text().endswith("\n"))
    looked = sluice("peek", "demo", "--max", "100", "--body", "--json", "--endpoint-url",
                    json.loads(script.read_text())["endpoint"],
                    env={"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).end(10)
    assert sorted(message["body"] for message in json.loads(looked.out)["messages"]) == sorted(lines)


def test_one_at_a_time(demo, folder):
    program = demo("--for", "1h")
    program.wait_line("info")
    second = demo().end(10)
    assert second.code == 69 and f"another demonstration runs in {folder}" in second.err and second.out == b"", second
    program.terminate()
    assert program.end(10).code == 0


def test_whatever_the_users_aws_set_up_is(sluice):
    program = sluice("demo", "--for", "1s", env={
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9", "AWS_PROFILE": "nowhere", "AWS_REGION": "moon-1",
        "AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "else", "HTTP_PROXY": "http://127.0.0.1:9"})
    ended = program.end(20)
    assert ended.code == 0, ended


def test_without_a_home(sluice):
    spare = Path(f"/tmp/sluice-demo-{os.geteuid()}")
    ended = sluice("demo", "--for", "500ms", env={"HOME": "/dev/null"}).end(20)
    assert ended.code == 0, ended
    assert spare.is_dir() and is_gone(spare) and spare.stat().st_mode & 0o777 == 0o700


def test_other_files_are_refused_and_left(demo, folder):
    folder.mkdir(mode=0o700)
    (folder / "queue.db").write_text("my diary\n" * 1000)
    ended = demo("--for", "1s").end(10)
    assert ended.code == 78 and "queue.db" in ended.err, ended
    assert "do:    see to that file, or name another directory with --dir" in ended.err and "--data" not in ended.err, ended
    assert (folder / "queue.db").read_text() == "my diary\n" * 1000
    (folder / "perseus.ledger").write_text("my notes\n")
    ended = demo("--for", "1s").end(10)
    assert ended.code == 78 and "is no ledger of perseus" in ended.err, ended
    assert "do:    see to that file, or name another directory with --dir" in ended.err, ended
    assert (folder / "perseus.ledger").read_text() == "my notes\n"


def test_runs_that_are_damaged(demo, folder):
    ended = demo("--for", "500ms", "--latency", "30s", "--batch-age", "100ms").end(20)
    assert ended.code == 75, ended
    (folder / "runs").write_text("junk\n")
    ended = demo("--for", "500ms").end(40)
    assert ended.code == 0, ended
    assert (f"warn {folder}/runs is damaged: how many runs there were, and how the last one ended, is not known"
            in ended.err), ended
    assert "continues an earlier run: " in ended.err, ended
    account = numbers(ended)
    assert account["sent"] == account["delivered"] and account["runs"] == 0
    assert is_gone(folder)


def test_events_that_are_a_folder(demo, tmp_path):
    ended = demo("--events", tmp_path).end(60)
    assert ended.code == 78 and "Is a directory" in ended.err, ended


def test_events_from_a_fifo(demo, folder, tmp_path):
    """Nobody writes to it yet, so it can't be opened; then somebody does."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = demo("--events", fifo)
    program.wait_line("from demo")
    program.terminate()
    assert program.end(20).code == 0

    shutil.rmtree(folder, ignore_errors=True)
    program = demo("--events", fifo)
    with open(fifo, "w") as lines:
        print('{"n":1}', file=lines)
    ended = program.end(20)
    assert ended.code == 0 and numbers(ended)["sent"] == 1, ended
