"""What is wrong with what people give: what it says (what, where, what to do), and the exit code."""
import datetime
import json
import sys

import pytest

from world.waiting import free_port

USAGE, UNAVAILABLE, CREDENTIALS, CONFIGURATION = 64, 69, 77, 78
NOWHERE = "http://127.0.0.1:9/batch"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-real-secret", "AWS_REGION": "eu-central-1"}
SECRET = KEYS["AWS_SECRET_ACCESS_KEY"]


def refused(ended, code, *said):
    assert ended.code == code, ended
    assert ended.out == b"", ended.out
    for text in said:
        assert text in ended.err, f"{text!r} is not in\n{ended.err}"
    assert SECRET not in ended.err
    assert ended.seconds < 15


@pytest.mark.parametrize("arguments, said", [
    (["run"], ["--from"]),
    (["run", "--from", "orders"], ["--to"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--batch-cuont", "5"], ["--batch-cuont", "--batch-count"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--batch-count", "0"], ["--batch-count", "1 to"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--batch-count", "ten"], ["--batch-count", "ten"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--batch-age", "5"], ["--batch-age", "unit", "5s"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--batch-bytes", "1000000"], ["--batch-bytes", "unit"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--batch-age", "4294967296h"], ["--batch-age"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--drain", "-5s"], ["--drain"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--visibility", "5s"], ["--visibility", "10s"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--format", "xml"], ["--format", "lambda"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--in-flight", "5"], ["--in-flight"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--header", "no colon"], ["--header"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--header", "Content-Length: 5"], ["Content-Length"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--header", "X: a\r\nY: b"], ["--header"]),
    (["run", "--from", "orders", "--to", NOWHERE, "--undelivered", "x"], ["--undelivered"]),
    (["run", "--from", "orders", "--to", NOWHERE, "extra"], ["extra"]),
    (["run", "--from", "orders", "--to", "http://service.example/batch"], ["http://service.example/batch", "--allow-http"]),
    (["run", "--from", "orders", "--to", "ftp://service.example/"], ["neither http"]),
    (["run", "--from", "orders", "--to", "http://user:hunter2@127.0.0.1/"], ["user info"]),
    (["run", "--from", "ftp://sqs.eu-central-1.amazonaws.com/123456789012/orders", "--to", NOWHERE], ["ftp", "do:"]),
    (["run", "--from", "https://a:hunter2@sqs.eu-central-1.amazonaws.com/123456789012/orders", "--to", NOWHERE], ["user info"]),
    (["run", "--from", "https://169.254.169.254/123456789012/orders", "--to", NOWHERE], ["link-local"]),
    (["run", "--from", "https://[fe80::1]/123456789012/orders", "--to", NOWHERE], ["link-local"]),
    (["run", "--from", "http://sqs.example/123456789012/orders", "--to", NOWHERE], ["--allow-http"]),
    (["run", "--from", "no/such name", "--to", NOWHERE], ["no/such name"]),
    (["run", "--from", "x" * 100, "--to", NOWHERE], ["80"]),
    (["run", "--from", "arn:aws:sns:eu-central-1:123456789012:orders", "--to", NOWHERE], ["arn:aws:sns"]),
    (["perseus", "--status", "503"], ["--status", "--fail-rate"]),
    (["nonsense"], ["nonsense"]),
], ids=lambda v: " ".join(v)[-60:].strip() if isinstance(v, list) and len(v) > 1 else None)
def test_usage(sluice, arguments, said):
    ended = sluice(*arguments, env=KEYS).end(20)
    refused(ended, USAGE, *said)
    assert "hunter2" not in ended.err, "a password was repeated on the terminal"


def test_a_setting_from_the_environment_is_checked_alike(sluice):
    refused(sluice("run", "--from", "orders", "--to", NOWHERE, env={**KEYS, "SLUICE_BATCH_COUNT": "many"}).end(20), USAGE,
            "SLUICE_BATCH_COUNT")


@pytest.mark.parametrize("said_as", ["name", "url", "arn"])
def test_a_missing_queue(moto, sluice, said_as):
    name = "no-such-queue"
    queue = {"name": name, "url": f"{moto.url}/123456789012/{name}", "arn": f"arn:aws:sqs:eu-central-1:123456789012:{name}"}
    refused(sluice("run", "--from", queue[said_as], "--to", NOWHERE, env=moto.env()).end(30), CONFIGURATION, name,
            "does not exist", "do:")


def test_no_credentials(sluice):
    refused(sluice("run", "--from", "orders", "--to", NOWHERE, env={"AWS_REGION": "eu-central-1"}).end(20), CREDENTIALS,
            "no AWS credentials", "AWS_ACCESS_KEY_ID (not set)", "~/.aws/credentials", "~/.aws/config", "do:")


def test_no_region(sluice):
    env = {k: v for k, v in KEYS.items() if k != "AWS_REGION"}
    refused(sluice("run", "--from", "orders", "--to", NOWHERE, env=env).end(20), CONFIGURATION, "region", "AWS_REGION", "do:")


def test_an_unknown_key_is_refused(moto, sluice):
    queue = moto.queue()
    env = moto.env(("AKIAUNKNOWNUNKNOWN12", SECRET))
    refused(sluice("run", "--from", queue.name, "--to", NOWHERE, env=env).end(30), CREDENTIALS, "InvalidClientTokenId",
            "do:")


def test_a_wrong_secret_is_refused(moto, sluice):
    queue = moto.queue()
    refused(sluice("run", "--from", queue.name, "--to", NOWHERE, env=moto.env((moto.keys[0], SECRET))).end(30), CREDENTIALS,
            "SignatureDoesNotMatch", "do:")


def test_a_session_that_is_none(moto, sluice):
    queue = moto.queue()
    env = {**moto.env(), "AWS_SESSION_TOKEN": "expired"}
    refused(sluice("run", "--from", queue.name, "--to", NOWHERE, env=env).end(30), CREDENTIALS, "do:")


def test_expired_credentials_from_a_process(moto, sluice, tmp_path):
    """A credential_process whose credentials are over is asked, believed, and named."""
    past = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    helper = tmp_path / "helper"
    helper.write_text('#!/bin/sh\necho \'{"Version":1,"AccessKeyId":"AKIAX","SecretAccessKey":"%s","SessionToken":"t",'
                      '"Expiration":"%s"}\'\n' % (SECRET, past))
    helper.chmod(0o755)
    config = tmp_path / "config"
    config.write_text(f"[default]\nregion = eu-central-1\ncredential_process = {helper}\n")
    env = {"AWS_CONFIG_FILE": str(config), "AWS_ENDPOINT_URL_SQS": moto.url}
    refused(sluice("run", "--from", "orders", "--to", NOWHERE, env=env).end(30), CREDENTIALS, "do:")


def test_a_credential_process_has_its_status_whatever_the_parent_ignores(sluice, tmp_path):
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-central-1\ncredential_process = exit 3\n")
    ignoring = [sys.executable, "-c", "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
                                      "os.execv(sys.argv[1], sys.argv[1:])"]
    refused(sluice("run", "--from", "orders", "--to", NOWHERE, env={"AWS_CONFIG_FILE": str(config)}, prefix=ignoring).end(8),
            CREDENTIALS, "credential_process ended with status 3", "do:")


def without(*actions):
    from world.queues import POLICY
    return [a for a in POLICY if a not in actions]


def test_without_receive_message(moto, sluice):
    """It may be granted while sluice runs, so sluice goes on asking, and says for what."""
    queue = moto.queue()
    env = moto.env(moto.user("poor", without("sqs:ReceiveMessage")))
    program = sluice("run", "--from", queue.name, "--to", NOWHERE, env=env)
    program.wait_line("sqs:ReceiveMessage")
    program.terminate()
    assert program.end(10).code == 0


def test_without_change_message_visibility(moto, sluice, receiver):
    """Lambda's usual role: it says so at the start, and works."""
    queue, service = moto.queue(), receiver()
    queue.send(["one", "two"])
    env = moto.env(moto.user("lambda", without("sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch")))
    ended = sluice("run", "--from", queue.name, "--to", service.url, "--until-empty", "--receive-wait", "1s", "--batch-age",
                   "200ms", env=env).end(30)
    assert ended.code == 0 and ended.account["deleted"] == 2, ended
    assert "sqs:ChangeMessageVisibility" in ended.err


def test_without_get_queue_attributes(moto, sluice, receiver):
    queue, service = moto.queue(), receiver()
    queue.send(["one", "two"])
    env = moto.env(moto.user("blind", without("sqs:GetQueueAttributes")))
    ended = sluice("run", "--from", queue.url, "--to", service.url, "--until-empty", "--receive-wait", "1s", "--batch-age",
                   "200ms", "--visibility", "30s", env=env).end(30)
    assert ended.code == 0 and ended.account["deleted"] == 2, ended
    assert "may not read the attributes" in ended.err
    # a record's ARN can be had from the URL all the same
    assert {r["eventSourceARN"] for request in service.requests for r in request.records} == {queue.arn}


def test_an_unreachable_sqs(sluice):
    port = free_port()
    env = {**KEYS, "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{port}"}
    refused(sluice("run", "--from", "orders", "--to", NOWHERE, env=env).end(60), UNAVAILABLE, f"127.0.0.1:{port}", "do:")


def test_what_listens_is_no_sqs(sluice, receiver):
    """A web server of another kind answers: its page is not taken for a queue."""
    from world.receiver import Answer
    other = receiver([Answer(200, b"<html>hello</html>", "text/html")])
    env = {**KEYS, "AWS_ENDPOINT_URL_SQS": other.url.removesuffix("/batch")}
    ended = sluice("run", "--from", "orders", "--to", NOWHERE, env=env).end(60)
    assert ended.code in (UNAVAILABLE, CONFIGURATION), ended


def test_an_account_that_cannot_be_written(sluice, tmp_path):
    for path in ("/nonexistent/a.json", str(tmp_path)):
        refused(sluice("run", "--from", "synthetic:", "--to", NOWHERE, "--account", path, account=False, env=KEYS).end(20),
                UNAVAILABLE, path)


def test_a_bearer_file_that_is_missing(sluice):
    ended = sluice("run", "--from", "synthetic:", "--to", NOWHERE, "--bearer-file", "/nonexistent/token", "--count", "1",
                   env=KEYS).end(20)
    refused(ended, CONFIGURATION, "/nonexistent/token")


def test_check_receives_nothing(moto, sluice, receiver):
    queue, service = moto.queue(), receiver()
    queue.send(["one"])
    ended = sluice("run", "--from", queue.name, "--to", service.url, "--check", env=moto.env()).end(20)
    assert ended.code == 0, ended
    plan = ended.out.decode() + ended.err
    assert queue.name in plan and service.url in plan and "30 s" in plan
    ended = sluice("run", "--from", queue.name, "--to", service.url, "--check", "--json", env=moto.env(),
                   account=False).end(20)
    assert ended.code == 0, ended
    plan = json.loads(ended.out)
    assert queue.name in plan["from"] and plan["to"] == service.url and plan["queue"].endswith("/" + queue.name)
    assert (plan["visibility_seconds"], plan["visibility_from"], plan["extends"], plan["waiting"]) == (30, "queue", True, 1)
    assert (plan["batch_count"], plan["batch_bytes"], plan["batch_age_seconds"], plan["format"]) == (100, 10**6, 5, "lambda")
    assert queue.counts() == (1, 0) and not service.requests


def test_check_of_standard_input_as_json(sluice, receiver):
    service = receiver()
    ended = sluice("run", "--from", "-", "--to", service.url, "--check", "--json", stdin=b"{}\n", account=False).end(20)
    assert ended.code == 0, ended
    assert json.loads(ended.out)["events"] == "lines of standard input" and not service.requests


def test_check_as_json_where_batches_would_go(sluice):
    ended = sluice("run", "--from", "-", "--to", "-", "--check", "--json", stdin=b"{}\n", account=False).end(20)
    assert ended.code == 0, ended
    assert json.loads(ended.out)["to"] == "standard output"


def test_a_header_file_that_is_none(sluice, tmp_path):
    refused(sluice("run", "--from", "synthetic:", "--to", NOWHERE, "--header-file", tmp_path, env=KEYS).end(20),
            CONFIGURATION, str(tmp_path))
