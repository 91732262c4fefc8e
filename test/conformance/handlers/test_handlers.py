"""What sluice posts is read by the libraries with which Lambda handlers read SQS events, and what these answer is obeyed."""
import base64
import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.parser.models import SqsModel

from world.queues import missing
from world.receiver import Answer, Receiver, failures

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[2] / "build" / "handlers"

ATTRIBUTES = {
    "tenant": {"DataType": "String", "StringValue": "acme"},
    "weight": {"DataType": "Number.kg", "StringValue": "12.5"},
    "thumb": {"DataType": "Binary", "BinaryValue": b"\x89PNG"},
}
BODIES = ['{"order":4711,"note":"grün"}', "plain text", 'quotes " and \\ and \n lines \U0001F600']


@pytest.fixture(scope="session")
def batch(moto, tmp_path_factory):
    """The file with one batch as it was posted: three events, the first with attributes of all three types."""
    from world.program import Sluice
    queue = moto.queue()
    queue.send(BODIES, attributes=lambda n: ATTRIBUTES if n == 0 else None)
    receiver = Receiver()
    ended = Sluice(tmp_path_factory.mktemp("sluice"), "run", "--from", queue.url, "--to", receiver.url, "--count", 3,
                   env=moto.env()).end()
    receiver.close()
    assert ended.code == 0, ended
    assert len(receiver.requests) == 1
    file = tmp_path_factory.mktemp("batch") / "batch.json"
    file.write_bytes(receiver.requests[0].body)
    return file


def needs(*commands):
    for command in commands:
        if not shutil.which(command):
            missing(f"{command} is not there")


def prepared(name, files, command):
    """A folder in build/ with copies of `files`, in which `command` ran."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(HERE / name / file, folder / Path(file).name)
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        missing(f"{' '.join(command)}:\n{result.stdout}")
    return folder


def seen(command, folder, batch):
    """What a reader prints of the batch: one JSON object for each record, sorted by body."""
    result = subprocess.run([*command, str(batch)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return sorted((json.loads(line) for line in result.stdout.splitlines()), key=lambda r: r["body"])


def assert_right(records):
    """Each reader prints what it understood, in one form."""
    assert [r["body"] for r in records] == sorted(BODIES)
    first = next(r for r in records if "order" in r["body"])
    assert first["tenant"] == ["String", "acme"]
    assert first["weight"] == ["Number.kg", "12.5"]
    assert first["thumb"] == ["Binary", base64.b64encode(b"\x89PNG").decode()]
    assert first["source"] == "aws:sqs"
    assert first["region"] == "eu-central-1"
    assert all(r["receives"] == "1" for r in records)


def test_powertools_typescript(batch):
    needs("node", "npm")
    folder = prepared("js", ["package.json", "package-lock.json", "read.mjs"],
                      ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
    assert_right(seen(["node", "read.mjs"], folder, batch))


def test_powertools_python(batch):
    event = json.loads(batch.read_text())
    model = SqsModel.model_validate(event)
    assert sorted(r.body for r in model.Records) == sorted(BODIES)
    records = []
    for record in SQSEvent(event).records:
        attributes = record.message_attributes
        records.append({
            "body": record.body, "source": record.event_source, "region": record.aws_region,
            "receives": record.attributes.approximate_receive_count,
            **{name: [attributes[name].data_type, attributes[name].get("stringValue") or attributes[name].get("binaryValue")]
               for name in ("tenant", "weight", "thumb") if attributes.get(name)}})
    assert_right(sorted(records, key=lambda r: r["body"]))


def test_aws_lambda_go(batch):
    needs("go")
    folder = prepared("go", ["go.mod", "go.sum", "main.go"], ["go", "build", "-o", "read", "."])
    assert_right(seen(["./read"], folder, batch))


def test_aws_lambda_java(batch):
    needs("java", "mvn")
    folder = BUILD / "java"
    shutil.copytree(HERE / "java", folder, dirs_exist_ok=True)
    folder = prepared("java", ["pom.xml"], ["mvn", "-q", "-B", "compile", "dependency:copy-dependencies"])
    assert_right(seen(["java", "-cp", "target/classes:target/dependency/*", "sluice.Read"], folder, batch))


# ---- answers ----

class Adapter:
    """A Lambda handler behind HTTP, as thin as can be: the body is the event, what it returns is the answer, an exception
    is a 500."""

    def __init__(self, handler):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    status, answer = 200, handler(event)
                except Exception as error:  # noqa: BLE001 what Lambda does with it
                    status, answer = 500, {"errorMessage": str(error)}
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def handler_that_fails_for(bad):
    def handle(record):
        if record.body in bad:
            raise ValueError(record.body)

    def handler(event):
        return process_partial_response(event=event, record_handler=handle, context=None,
                                        processor=BatchProcessor(event_type=EventType.SQS))
    return handler


def test_a_batch_processors_answer_sends_back_just_what_it_names(moto, sluice):
    queue = moto.queue(VisibilityTimeout=30)
    queue.send([f"event {n}" for n in range(10)])
    adapter = Adapter(handler_that_fails_for({"event 3", "event 7"}))
    ended = sluice("run", "--from", queue.url, "--to", adapter.url, "--count", 10, env=moto.env()).end()
    assert ended.code == 0, ended
    assert (ended.account["deleted"], ended.account["returned"]) == (8, 2), ended
    assert sum(queue.counts()) == 2


def test_a_batch_processors_exception_deletes_nothing(moto, sluice):
    queue = moto.queue(VisibilityTimeout=30)
    queue.send([f"event {n}" for n in range(5)])
    adapter = Adapter(handler_that_fails_for({f"event {n}" for n in range(5)}))  # all fail: the processor raises
    program = sluice("run", "--from", queue.url, "--to", adapter.url, "--batch-count", 5, "--receive-wait", "1s",
                     env=moto.env())
    program.wait_line("500")
    program.terminate()
    ended = program.end()
    assert ended.account["deleted"] == 0, ended
    assert ended.account["returned"] == ended.account["received"] == 5, ended
    assert sum(queue.counts()) == 5


@pytest.mark.parametrize("names", [("batchItemFailures", "itemIdentifier"), ("BatchItemFailures", "ItemIdentifier")])
def test_the_list_is_read_in_either_spelling(moto, sluice, names):
    queue = moto.queue(VisibilityTimeout=30)
    ids = queue.send([f"event {n}" for n in range(10)])
    receiver = Receiver(lambda request: failures(*(i for i in ids[:3] if i in request.message_ids),
                                                 key=names[0], item=names[1]))
    ended = sluice("run", "--from", queue.url, "--to", receiver.url, "--count", 10, env=moto.env()).end()
    receiver.close()
    assert ended.code == 0, ended
    assert (ended.account["deleted"], ended.account["returned"]) == (7, 3), ended
    assert sum(queue.counts()) == 3


def test_an_empty_answer_accepts_all(moto, sluice):
    queue = moto.queue()
    queue.send([f"event {n}" for n in range(10)])
    receiver = Receiver([Answer(status=204)])
    ended = sluice("run", "--from", queue.url, "--to", receiver.url, "--count", 10, env=moto.env()).end()
    receiver.close()
    assert ended.account["deleted"] == 10, ended
    assert queue.is_empty()
