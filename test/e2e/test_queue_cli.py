"""sluice queue, queues and peek as people use them: real processes, the shell, boto3."""
import json
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from world.program import SLUICE
from world.waiting import until

FRESH = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}


class Served:
    """A sluice queue that is ready, and what it said on stdout."""

    def __init__(self, program):
        self.program = program
        self.script = program.folder / "env.sh"
        until("sluice queue is ready", self.is_ready)
        self.lines = self.script.read_text().splitlines()
        self.env = dict(word.split("=", 1) for line in self.lines for word in shlex.split(line, comments=True)[1:])
        self.url = self.env["AWS_ENDPOINT_URL_SQS"]

    def is_ready(self):
        if self.program.process.poll() is not None:
            raise AssertionError(f"it ended: {self.program.end()}")
        return self.script.exists() and self.script.read_text().count("\n") == 3

    def sqs(self, attempts=3, access="any", secret="keys"):
        return boto3.client("sqs", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=access,
                            aws_secret_access_key=secret, config=Config(retries={"total_max_attempts": attempts}))

    def queue(self, name="orders"):
        return f"{self.url}/000000000000/{name}"


TO_FILE = ["sh", "-c", 'exec "$@" >env.sh', "sh"]


@pytest.fixture
def serve(sluice):
    """A function that starts sluice queue on a free port."""
    def start(*arguments, **options):
        return Served(sluice("queue", "--listen", "127.0.0.1:0", *arguments, prefix=TO_FILE, **options))
    return start


def in_shell(served, command, **options):
    """Runs a command where the three lines were evaluated."""
    return subprocess.run(["sh", "-euc", f'. "{served.script}"; {command}'], cwd=served.program.folder, env=FRESH,
                          capture_output=True, text=True, timeout=60, **options)


def said(sluice, served, *arguments):
    ended = sluice(*arguments, env=served.env).end(20)
    return ended.code, ended.out.decode(), ended.err


# ---- what it prints, and what that is good for ----

def test_the_three_lines(serve, sluice, receiver):
    served = serve("--queue", "orders")
    assert re.fullmatch(r"export AWS_ENDPOINT_URL_SQS=http://127\.0\.0\.1:\d+", served.lines[0])
    assert served.lines[1:] == ["export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1",
                                "export AWS_ACCESS_KEY_ID=sluice AWS_SECRET_ACCESS_KEY=sluice"]

    program = ("import boto3; s = boto3.client('sqs'); u = s.get_queue_url(QueueName='orders')['QueueUrl']; "
               "print(s.send_message(QueueUrl=u, MessageBody='from boto3')['MD5OfMessageBody'])")
    sent = in_shell(served, f'"{sys.executable}" -c "{program}"')
    assert sent.returncode == 0 and len(sent.stdout.strip()) == 32, sent
    sent = in_shell(served, f'echo "from sluice" | "{SLUICE}" send --to orders')
    assert sent.returncode == 0, sent

    service = receiver()
    taken = in_shell(served, f'"{SLUICE}" run --from orders --to {service.url} --until-empty --receive-wait 1s '
                     '--batch-age 100ms')
    assert taken.returncode == 0, taken
    assert sorted(service.bodies) == ["from boto3", "from sluice"]


def test_as_json(sluice, tmp_path):
    program = sluice("queue", "--listen", "127.0.0.1:0", "--json", "--region", "eu-central-1", prefix=TO_FILE)
    script = program.folder / "env.sh"
    until("it is ready", lambda: script.exists() and script.read_text().endswith("\n"))
    told = json.loads(script.read_text())
    assert told == {"endpoint": told["endpoint"], "region": "eu-central-1", "account": "000000000000",
                    "access_key": "sluice", "data": None}
    assert told["endpoint"].startswith("http://127.0.0.1:")


def test_queues_are_as_they_were_asked_for(serve):
    served = serve("--queue", "orders,visibility=1m,delay=3s,dlq=late:5", "--queue", "invoices.fifo,fifo", "--region",
                   "eu-north-1", "--account", "123456789012")
    sqs = served.sqs()
    urls = {url.rsplit("/", 1)[1]: url for url in sqs.list_queues()["QueueUrls"]}
    assert sorted(urls) == ["invoices.fifo", "late", "orders"]
    assert urls["orders"] == f"{served.url}/123456789012/orders"
    orders = sqs.get_queue_attributes(QueueUrl=urls["orders"], AttributeNames=["All"])["Attributes"]
    assert orders["VisibilityTimeout"] == "60" and orders["DelaySeconds"] == "3"
    assert orders["QueueArn"] == "arn:aws:sqs:eu-north-1:123456789012:orders"
    assert json.loads(orders["RedrivePolicy"]) == {"deadLetterTargetArn": "arn:aws:sqs:eu-north-1:123456789012:late",
                                                   "maxReceiveCount": 5}
    invoices = sqs.get_queue_attributes(QueueUrl=urls["invoices.fifo"], AttributeNames=["All"])["Attributes"]
    assert invoices["FifoQueue"] == "true"


def test_a_queue_is_kept_as_it_is(serve, tmp_path):
    data = tmp_path / "q.db"
    served = serve("--data", data, "--queue", "orders,visibility=1m")
    served.sqs().send_message(QueueUrl=served.queue(), MessageBody="kept")
    served.program.terminate()
    assert served.program.end(10).code == 0

    served = serve("--data", data, "--queue", "orders,visibility=2m")
    sqs = served.sqs()
    assert sqs.get_queue_attributes(QueueUrl=served.queue(), AttributeNames=["All"])["Attributes"][
        "VisibilityTimeout"] == "60"
    assert sqs.receive_message(QueueUrl=served.queue())["Messages"][0]["Body"] == "kept"


# ---- how it ends ----

def park_poll(served):
    """A long poll that the server has: what was sent before a request that was answered has been read too."""
    body = json.dumps({"QueueUrl": served.queue(), "WaitTimeSeconds": 20}).encode()
    connection = socket.create_connection(("127.0.0.1", int(served.url.rsplit(":", 1)[1])), 10)
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.0\r\n"
                       b"X-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    for _ in range(3):
        served.sqs().list_queues()
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_polls_are_answered(serve, number):
    served = serve("--queue", "orders")
    with park_poll(served) as poll:
        served.program.signal(number)
        ended = served.program.end(10)
        answer = poll.recv(65536)
    assert ended.code == 0 and ended.seconds < 5, ended
    assert answer.startswith(b"HTTP/1.1 200 ") and b"Messages\":[{" not in answer


def test_two_on_one_file(serve, sluice, tmp_path):
    data = tmp_path / "q.db"
    serve("--data", data)
    ended = sluice("queue", "--listen", "127.0.0.1:0", "--data", data).end(10)
    assert ended.code in (69, 78) and str(data) in ended.err, ended


def test_an_address_that_is_taken(serve, sluice):
    served = serve()
    ended = sluice("queue", "--listen", served.url.split("//")[1]).end(10)
    assert ended.code == 69 and "can't listen on" in ended.err, ended


def test_a_disk_that_is_full(sluice, tmp_path):
    """Nothing is acknowledged that is not on disk, and it says so and ends."""
    if subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    folder = tmp_path / "small"
    folder.mkdir()
    prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c",
              f'mount -t tmpfs -o size=2m none "{folder}" && exec "$@" >env.sh', "sh"]
    served = Served(sluice("queue", "--listen", "127.0.0.1:0", "--queue", "orders", "--data", folder / "q.db",
                           prefix=prefix))
    sqs = served.sqs(attempts=1)
    with pytest.raises(Exception):
        for _ in range(100):
            sqs.send_message(QueueUrl=served.queue(), MessageBody="x" * 100_000)
    ended = served.program.end(15)
    assert ended.code == 69, ended
    assert "q.db can't be written" in ended.err and "do:    make room" in ended.err, ended


# ---- what it refuses at the start ----

@pytest.mark.parametrize("arguments, code, text", [
    (["--queue", "orders,fifo"], 64, "do:    --queue orders.fifo"),
    (["--fault", "chaos=1%"], 64, "there is no chaos"),
    (["--region", "moon; rm -rf /"], 64, "is no region"),
    (["--account", "1"], 64, "is no account"),
    (["--seed", "5"], 64, "there is no --fault"),
    (["--keys", "nowhere"], 78, "can't be read"),
    (["--data", "/dev/null"], 78, "/dev/null"),
    (["--listen", "nonsense"], None, "nonsense"),
])
def test_refused(sluice, arguments, code, text):
    ended = sluice("queue", "--listen", "127.0.0.1:0", *arguments).end(10) if "--listen" not in arguments \
        else sluice("queue", *arguments).end(10)
    assert ended.code == code if code else ended.code in (64, 69, 78), ended
    assert text in ended.err and ended.out == b"", ended


def test_run_without_from_says_how_to_get_a_queue(sluice):
    ended = sluice("run", "--to", "-", account=False).end(5)
    assert ended.code == 64
    assert ended.err.strip() == ("sluice run: --from is missing: a queue's URL, ARN or name; to try it here: sluice queue "
                                 "--queue orders")


# ---- keys ----

@pytest.fixture
def keys(tmp_path):
    file = tmp_path / "the keys"
    file.write_text("# two\nAKIAFIRST first/secret+1\nAKIASECOND second\n")
    file.chmod(0o600)
    return file


def test_keys(serve, keys):
    served = serve("--queue", "orders", "--keys", keys)
    assert served.lines[2] == f"export AWS_ACCESS_KEY_ID=AKIAFIRST # AWS_SECRET_ACCESS_KEY: the one in {keys}"
    shown = in_shell(served, 'echo "$AWS_ACCESS_KEY_ID ${AWS_SECRET_ACCESS_KEY-unset}"')
    assert shown.stdout == "AKIAFIRST unset\n"
    for access, secret in (("AKIAFIRST", "first/secret+1"), ("AKIASECOND", "second")):
        assert served.sqs(access=access, secret=secret).list_queues()["QueueUrls"] == [served.queue()]
    for access, secret, code in (("AKIAFIRST", "second", "SignatureDoesNotMatch"),
                                 ("AKIATHIRD", "first/secret+1", "InvalidClientTokenId")):
        with pytest.raises(ClientError) as refused:
            served.sqs(access=access, secret=secret, attempts=1).list_queues()
        assert refused.value.response["Error"]["Code"] == code
    everything = served.program
    everything.terminate()
    ended = everything.end(10)
    assert "secret" not in ended.err + " ".join(served.lines[:2]) and "second" not in ended.err


def test_keys_that_others_can_read(sluice, keys):
    keys.chmod(0o644)
    ended = sluice("queue", "--listen", "127.0.0.1:0", "--keys", keys).end(5)
    assert ended.code == 78 and f"do:    chmod 600 {keys}" in ended.err, ended


def test_sluice_signs_for_its_own_queue(serve, sluice, keys):
    served = serve("--queue", "orders", "--keys", keys)
    good = {**served.env, "AWS_ACCESS_KEY_ID": "AKIASECOND", "AWS_SECRET_ACCESS_KEY": "second"}
    assert sluice("queues", env=good).end(10).code == 0
    assert sluice("peek", "orders", env=good).end(10).code == 0
    bad = {**good, "AWS_SECRET_ACCESS_KEY": "guess"}
    for command in (["queues"], ["peek", "orders"], ["send", "--to", "orders"]):
        ended = sluice(*command, env=bad, stdin=b"x\n").end(10)
        assert ended.code == 77 and f"{served.url.split('//')[1]} refuses the credentials" in ended.err, ended
        assert "do:    check that the secret key belongs" in ended.err, ended
    ended = sluice("queues", env={**good, "AWS_REGION": "eu-west-1"}).end(10)
    assert ended.code == 77 and "signed for eu-west-1: the region came from AWS_REGION" in ended.err, ended
    assert "do:    --region" in ended.err and "secret" not in ended.err, ended


# ---- limits ----

def test_limits(serve):
    body = "x" * (2 << 20)
    strict, relaxed = serve("--queue", "orders"), serve("--queue", "orders", "--limits", "relaxed")
    with pytest.raises(ClientError) as refused:
        strict.sqs(attempts=1).send_message(QueueUrl=strict.queue(), MessageBody=body)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    sqs = relaxed.sqs(attempts=1)
    sqs.set_queue_attributes(QueueUrl=relaxed.queue(), Attributes={"MaximumMessageSize": str(4 << 20)})
    sqs.send_message(QueueUrl=relaxed.queue(), MessageBody=body)
    assert sqs.receive_message(QueueUrl=relaxed.queue())["Messages"][0]["Body"] == body
    sqs.purge_queue(QueueUrl=relaxed.queue())
    sqs.purge_queue(QueueUrl=relaxed.queue())
    sqs.delete_queue(QueueUrl=relaxed.queue())
    sqs.create_queue(QueueName="orders")


def test_expired_handles(serve):
    for rule, refused in (("delete", False), ("refuse", True)):
        served = serve("--queue", "orders", "--expired-handles", rule)
        sqs = served.sqs(attempts=1)
        sqs.send_message(QueueUrl=served.queue(), MessageBody="x")
        handle = sqs.receive_message(QueueUrl=served.queue(), VisibilityTimeout=1)["Messages"][0]["ReceiptHandle"]
        attributes = ["ApproximateNumberOfMessages"]
        until("its visibility timeout is over", lambda: sqs.get_queue_attributes(
            QueueUrl=served.queue(), AttributeNames=attributes)["Attributes"][attributes[0]] == "1")
        if refused:
            with pytest.raises(ClientError):
                sqs.delete_message(QueueUrl=served.queue(), ReceiptHandle=handle)
        else:
            sqs.delete_message(QueueUrl=served.queue(), ReceiptHandle=handle)
        assert ("Messages" in sqs.receive_message(QueueUrl=served.queue())) == refused


# ---- faults ----

def tries(call, times=200):
    """How often each outcome came: None, or the name of what was raised."""
    seen = {}
    for n in range(times):
        try:
            call(n)
            outcome = None
        except ClientError as error:
            outcome = error.response["Error"]["Code"]
        except ConnectionClosedError:
            outcome = "closed"
        seen[outcome] = seen.get(outcome, 0) + 1
    return seen


def test_the_log_tells_the_seed_and_it_repeats(serve):
    def outcomes(*arguments):
        served = serve("--queue", "orders", "--fault", "500=30%", "--fault", "throttle=10%", *arguments)
        sqs = served.sqs(attempts=1)
        got = []
        for _ in range(40):
            try:
                sqs.list_queues()
                got.append("")
            except ClientError as error:
                got.append(error.response["Error"]["Code"])
        served.program.wait_line(r"goes wrong on purpose: 500=30% throttle=10% \(--seed \d+ repeats it\)")
        seed = re.search(r"--seed (\d+)", "".join(served.program.lines)).group(1)
        return seed, got

    seed, first = outcomes()
    assert "InternalFailure" in first and "ThrottlingException" in first and "" in first
    assert outcomes("--seed", seed) == (seed, first)


def test_refused_requests_do_nothing(serve):
    served = serve("--queue", "orders", "--fault", "500=20%", "--fault", "throttle=20%", "--seed", "7")
    sqs = served.sqs(attempts=1)
    seen = tries(lambda n: sqs.send_message(QueueUrl=served.queue(), MessageBody=str(n)))
    assert set(seen) == {None, "InternalFailure", "ThrottlingException"}, seen
    assert all(20 < seen[fault] < 70 for fault in ("InternalFailure", "ThrottlingException")), seen
    counts = served.sqs(attempts=10).get_queue_attributes(QueueUrl=served.queue(), AttributeNames=["All"])["Attributes"]
    assert int(counts["ApproximateNumberOfMessages"]) == seen[None]


def test_cut_answers_were_done(serve):
    served = serve("--queue", "orders", "--fault", "cut=20%", "--seed", "7")
    sqs = served.sqs(attempts=1)
    seen = tries(lambda n: sqs.send_message(QueueUrl=served.queue(), MessageBody=str(n)), 100)
    assert set(seen) == {None, "closed"} and 5 < seen["closed"] < 40, seen
    counts = served.sqs(attempts=10).get_queue_attributes(QueueUrl=served.queue(), AttributeNames=["All"])["Attributes"]
    assert int(counts["ApproximateNumberOfMessages"]) == 100


def test_dropped_deletes_come_back(serve):
    served = serve("--queue", "orders,visibility=0s", "--fault", "drop-delete=50%", "--seed", "7")
    sqs = served.sqs()
    for n in range(10):
        sqs.send_message_batch(QueueUrl=served.queue(),
                               Entries=[{"Id": str(i), "MessageBody": f"{n} {i}"} for i in range(10)])
    for _ in range(10):
        for message in sqs.receive_message(QueueUrl=served.queue(), MaxNumberOfMessages=10, VisibilityTimeout=60)["Messages"]:
            sqs.delete_message(QueueUrl=served.queue(), ReceiptHandle=message["ReceiptHandle"])
    counts = sqs.get_queue_attributes(QueueUrl=served.queue(), AttributeNames=["All"])["Attributes"]
    assert 25 < int(counts["ApproximateNumberOfMessagesNotVisible"]) < 75, counts


def test_duplicates_are_received_again(serve):
    served = serve("--queue", "orders,visibility=10m", "--fault", "duplicate=50%", "--seed", "7")
    sqs = served.sqs()
    for n in range(5):
        sqs.send_message_batch(QueueUrl=served.queue(),
                               Entries=[{"Id": str(i), "MessageBody": f"{n} {i}"} for i in range(10)])
    ids = []
    while True:
        got = sqs.receive_message(QueueUrl=served.queue(), MaxNumberOfMessages=10).get("Messages", [])
        ids += [message["MessageId"] for message in got]
        if not got:
            break
    assert len(set(ids)) == 50 and 60 < len(ids) < 250, len(ids)


def test_latency(serve):
    served = serve("--fault", "latency=150ms..300ms", "--seed", "7")
    sqs = served.sqs(attempts=1)
    for _ in range(5):
        began = time.monotonic()
        sqs.list_queues()
        assert 0.149 < time.monotonic() - began < 2


def test_the_plan_tells_when_batches_go(serve, sluice):
    served = serve("--queue", "orders", "--queue", "orders.fifo")
    for queue, age in ("orders", "1 MB or 5 s"), ("orders.fifo", "1 MB or 200 ms"):
        ended = sluice("run", "--from", queue, "--to", "-", "--check", env=served.env, account=False).end(30)
        assert ended.code == 0 and age in ended.out.decode() + ended.err, ended


def test_send_tells_why_sqs_refused(serve, sluice):
    served = serve("--queue", "orders")
    ended = sluice("send", "--to", "orders", "--attr", "AWS.x=b", "-", stdin=b"{}\n", env=served.env).end(30)
    assert ended.code != 0 and "You can't use message attribute names beginning with 'AWS.'" in ended.err, ended


def test_run_loses_nothing_to_faults(serve, sluice, receiver):
    """The whole of it against a queue that fails in every way."""
    served = serve("--queue", "orders,visibility=10s", "--fault", "500=5%", "--fault", "throttle=5%", "--fault", "cut=2%",
                   "--fault", "duplicate=5%", "--fault", "drop-delete=5%", "--fault", "latency=0ms..5ms", "--seed", "11")
    lines = [f'{{"n":{n}}}' for n in range(500)]
    sent = sluice("send", "--to", "orders", env=served.env, stdin="\n".join(lines).encode()).end(60)
    assert sent.code == 0, sent
    service = receiver()
    ended = sluice("run", "--from", "orders", "--to", service.url, "--until-empty", "--receive-wait", "1s",
                   "--batch-age", "200ms", env=served.env).end(100)
    assert ended.code == 0, ended
    assert set(service.bodies) == set(lines)


# ---- queues ----

def rows_of(table):
    return [re.split(r" {2,}", line.strip()) for line in table.splitlines()]


def test_queues_of_our_own(serve, sluice):
    served = serve("--queue", "orders,visibility=10m,dlq=late:5", "--queue", "orders-delayed,delay=15m", "--queue", "other")
    sqs = served.sqs()
    for n in range(12):
        sqs.send_message(QueueUrl=served.queue(), MessageBody=str(n))
    sqs.receive_message(QueueUrl=served.queue(), MaxNumberOfMessages=5)
    sqs.send_message(QueueUrl=served.queue("orders-delayed"), MessageBody="x")
    code, out, err = said(sluice, served, "queues", "orders")
    assert code == 0, err
    rows = rows_of(out)
    assert rows[0] == ["NAME", "VISIBLE", "IN FLIGHT", "DELAYED", "DLQ", "OLDEST"]
    assert rows[1][:5] == ["orders", "7", "5", "0", "late:5"] and re.search(r"\d", rows[1][5])
    assert rows[2][:4] == ["orders-delayed", "0", "0", "1"] and len(rows) == 3

    code, out, err = said(sluice, served, "queues", "--json")
    told = {queue["name"]: queue for queue in json.loads(out)["queues"]}
    assert sorted(told) == ["late", "orders", "orders-delayed", "other"]
    orders = told["orders"]
    assert (orders["visible"], orders["in_flight"], orders["sent"]) == (7, 5, 12)
    assert (orders["dead_letter"], orders["max_receives"]) == ("late", 5)
    assert abs(orders["oldest_sent_ms"] / 1000 - time.time()) < 60
    assert orders["url"] == served.queue() and told["other"]["oldest_sent_ms"] is None

    code, out, err = said(sluice, served, "queues", "nothing")
    assert code == 0 and out == "" and "no queue whose name begins with nothing" in err


def test_queues_of_moto(moto, sluice):
    queue = moto.queue(VisibilityTimeout=600)
    queue.send([str(n) for n in range(7)])
    queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=2)
    keys = moto.user("looker", ["sqs:*"])
    ended = sluice("queues", queue.name, env=moto.env(keys)).end(20)
    assert ended.code == 0, ended
    assert rows_of(ended.out.decode()) == [["NAME", "VISIBLE", "IN FLIGHT", "DELAYED", "DLQ"],
                                           [queue.name, "5", "2", "0"]]


def test_queues_of_elasticmq(elasticmq, sluice):
    queue = elasticmq.queue()
    queue.send(["a", "b", "c"])
    ended = sluice("queues", queue.name, "--json", env=elasticmq.env()).end(20)
    assert ended.code == 0, ended
    [told] = json.loads(ended.out)["queues"]
    assert told["name"] == queue.name and told["visible"] == 3 and "sent" not in told


def test_queues_where_nobody_listens(sluice):
    ended = sluice("queues", "--endpoint-url", "http://127.0.0.1:9", env={
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).end(20)
    assert ended.code == 69 and "SQS can't be reached" in ended.err, ended


# ---- peek ----

def test_peek_has_no_effect(serve, sluice):
    served = serve("--queue", "orders,visibility=10m")
    sqs = served.sqs()
    for body in ("plain", "two\nlines \x1b", "Łódź 🚲"):
        if "\x1b" in body:
            with pytest.raises(ClientError):
                sqs.send_message(QueueUrl=served.queue(), MessageBody=body)
            body = body.replace("\x1b", "")
        sqs.send_message(QueueUrl=served.queue(), MessageBody=body)
    for _ in range(3):
        code, out, err = said(sluice, served, "peek", "orders")
        assert code == 0, err
    rows = rows_of(out)
    assert rows[0] == ["MESSAGE ID", "STATUS", "HIDDEN FOR", "RECEIVES", "AGE", "BYTES", "GROUP"]
    assert [row[1:3] for row in rows[1:]] == [["ready", "0"]] * 3

    code, out, err = said(sluice, served, "peek", served.queue(), "--body", "--max", "2")
    assert out.splitlines()[2] == "    plain" and out.splitlines()[4:] == ["    two", "    lines "], out

    [first, *_] = sqs.receive_message(QueueUrl=served.queue(), AttributeNames=["All"])["Messages"]
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"  # the peeks were none
    code, out, err = said(sluice, served, "peek", "orders", "--json", "--body")
    told = json.loads(out)["messages"]
    assert [message["status"] for message in told] == ["in flight", "ready", "ready"]
    assert told[0]["message_id"] == first["MessageId"] and told[0]["receives"] == 1
    assert 500_000 < told[0]["hidden_for_ms"] <= 600_000
    assert told[2]["body"] == "Łódź 🚲" and told[2]["bytes"] == len("Łódź 🚲".encode())
    assert sqs.get_queue_attributes(QueueUrl=served.queue(), AttributeNames=["All"])["Attributes"][
        "ApproximateNumberOfMessages"] == "2"


def test_what_a_body_holds_does_not_move_the_cursor(serve, sluice):
    """All controls that SQS lets through: those of one byte, and U+0080-009F, of which U+009B begins commands."""
    served = serve("--queue", "orders")
    body = "a\rb\x7fc\x9b2Jd\x80\x9f\xa0\u0100\u2028 ü\te\r\nf"
    served.sqs().send_message(QueueUrl=served.queue(), MessageBody=body)
    code, out, err = said(sluice, served, "peek", "orders", "--body")
    assert out.split("\n")[2:] == ["    a?b?c?2Jd??\xa0\u0100\u2028 ü\te?", "    f", ""], (out, err)
    code, out, err = said(sluice, served, "peek", "orders", "--body", "--json")
    assert json.loads(out)["messages"][0]["body"] == body


def test_peek_at_groups_and_delays(serve, sluice):
    served = serve("--queue", "orders.fifo", "--queue", "later,delay=10m", "--queue", "empty")
    sqs = served.sqs()
    sqs.send_message(QueueUrl=served.queue("orders.fifo"), MessageBody="x", MessageGroupId="acme", MessageDeduplicationId="1")
    sqs.send_message(QueueUrl=served.queue("later"), MessageBody="y")
    assert json.loads(said(sluice, served, "peek", "orders.fifo", "--json")[1])["messages"][0]["group"] == "acme"
    [later] = json.loads(said(sluice, served, "peek", "later", "--json")[1])["messages"]
    assert later["status"] == "delayed" and later["hidden_for_ms"] > 500_000 and "body" not in later
    code, out, err = said(sluice, served, "peek", "empty")
    assert code == 0 and out == "" and "nothing is in empty" in err


def test_peek_that_cannot_be(serve, sluice, moto, elasticmq):
    served = serve()
    code, out, err = said(sluice, served, "peek", "nowhere")
    assert code == 78 and "queue nowhere does not exist" in err
    assert said(sluice, served, "peek")[0] == 64
    assert said(sluice, served, "peek", "a", "b")[0] == 64
    for other in (moto, elasticmq):
        queue = other.queue()
        queue.send(["untouched"])
        env = other.env(moto.user("looker", ["sqs:*"])) if other is moto else other.env()
        ended = sluice("peek", queue.name, env=env).end(20)
        assert ended.code == 78 and ended.out == b"", ended
        assert "SQS has no way to look at a message without receiving it" in ended.err
        [message] = queue.sqs.receive_message(QueueUrl=queue.url, AttributeNames=["All"])["Messages"]
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"


# ---- many clients ----

def test_the_descriptor_limit_is_raised(sluice):
    """A shell's soft limit is often 1,024: not enough for ten thousand clients."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    served = Served(sluice("queue", "--listen", "127.0.0.1:0",
                           prefix=["sh", "-c", 'ulimit -S -n 256 && exec "$@" >env.sh', "sh"]))
    limits = Path(f"/proc/{served.program.process.pid}/limits").read_text()
    assert re.search(rf"Max open files +{hard} +{hard} ", limits), limits


def test_an_unknown_path_is_no_crash(serve):
    served = serve("--queue", "orders")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(served.url + "/nowhere", b"nonsense"))
    assert 400 <= refused.value.code < 500
    assert served.sqs().list_queues()["QueueUrls"]
