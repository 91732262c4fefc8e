"""One server for all workers, started by the first process; queues of their own for each case; results as JSON."""
import json
import sys
import tempfile
import time
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2] / "e2e")]

from case import RULES  # noqa: E402
from checks import Differs, describe, holds, plain, works  # noqa: E402
from servers import SERVERS  # noqa: E402
from wire import Wire  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--server", choices=SERVERS, default="sluice", help="what the cases are run against")
    parser.addoption("--endpoint", metavar="URL", help="an SQS that runs already, in place of --server")
    parser.addoption("--rule", action="append", default=[], metavar="NAME=VALUE",
                     help="where AWS's texts disagree: " + "; ".join(f"{k}={'|'.join(values(k))}" for k in RULES))
    parser.addoption("--results", metavar="FILE", help="write what came of each case, as JSON")


def values(rule):
    return [side.value for side in RULES.get(rule, ())]


def pytest_configure(config):
    config.rules = {name: values(name)[0] for name in RULES}
    for rule in config.getoption("--rule"):
        name, _, value = rule.partition("=")
        if value not in values(name):
            raise pytest.UsageError(f"--rule {rule}: there are {', '.join(RULES)}; of {name}: {values(name)}")
        config.rules[name] = value
    config.pluginmanager.register(Results(), "case-results")


# ---- the server: the first process has it, the workers are told where it is ----

def pytest_sessionstart(session):
    config = session.config
    if hasattr(config, "workerinput"):
        config.endpoint = config.workerinput["endpoint"]
        return
    if config.option.collectonly:
        return
    if config.getoption("--endpoint"):
        config.endpoint = (config.getoption("--endpoint"), "us-east-1", ("any", "any"))
        return
    folder = tempfile.TemporaryDirectory(prefix="sluice-conformance-")
    config.add_cleanup(folder.cleanup)
    try:
        server = SERVERS[config.getoption("--server")](Path(folder.name), config.rules)
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
        raise pytest.UsageError(f"{config.getoption('--server')} can't be had: {error}") from error
    config.add_cleanup(server.close)
    config.endpoint = (server.url, server.region, server.keys)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["endpoint"] = node.config.endpoint


# ---- results ----

def case_of(item):
    mark = item.get_closest_marker("case")
    if mark is None:
        raise pytest.UsageError(f"{item.nodeid} has no case mark")
    says = mark.kwargs.get("says") or " ".join(item.function.__doc__.split())
    return {"varies": False, "rule": None, **mark.kwargs, "says": says}


def pytest_collection_modifyitems(items):
    seen = {}
    for item in items:
        case = case_of(item)
        if case["id"] in seen:
            raise pytest.UsageError(f"{item.nodeid} and {seen[case['id']]} are both {case['id']}")
        seen[case["id"]] = item.nodeid


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" or report.failed:
        error = call.excinfo.value if call.excinfo else None
        did = ""
        if isinstance(error, Differs):
            did = str(error)
        elif isinstance(error, (ClientError, BotoCoreError)):
            did = describe(error)
        elif error is not None:
            did = plain(f"{type(error).__name__}: {error}".splitlines()[0])
        report.user_properties.append(("case", {**case_of(item), "passed": report.passed, "did": did}))
    return report


class Results:
    """Of all workers, as their reports come in."""

    def __init__(self):
        self.cases = {}

    def pytest_runtest_logreport(self, report):
        for name, case in report.user_properties:
            if name == "case":
                self.cases[case["id"]] = case


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    config = session.config
    path = config.getoption("--results")
    if path and not hasattr(config, "workerinput"):
        cases = sorted(config.pluginmanager.get_plugin("case-results").cases.values(), key=lambda c: c["id"])
        document = {"server": config.getoption("--server"), "rules": config.rules, "cases": cases}
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


# ---- what cases use ----

@pytest.fixture(scope="session")
def endpoint(pytestconfig):
    return pytestconfig.endpoint


@pytest.fixture
def rule(pytestconfig):
    """The value of a rule."""
    return pytestconfig.rules.__getitem__


def client(endpoint, **config):
    url, region, keys = endpoint
    return boto3.client("sqs", endpoint_url=url, region_name=region, aws_access_key_id=keys[0],
                        aws_secret_access_key=keys[1],
                        config=Config(retries={"total_max_attempts": 1}, read_timeout=30, **config))


@pytest.fixture(scope="session")
def sqs(endpoint):
    """boto3, which speaks AWS JSON. What the server thinks of bad parameters is the question, not what boto3 thinks."""
    return client(endpoint, parameter_validation=False)


@pytest.fixture(scope="session")
def wire(endpoint):
    return Wire(endpoint[0], endpoint[1])


def new_name(fifo=False):
    return f"q-{uuid.uuid4().hex[:12]}" + (".fifo" if fifo else "")


@pytest.fixture
def name():
    """A function that makes a name that no other queue has."""
    return new_name


@pytest.fixture
def queue(sqs):
    """A function that makes a queue: queue(fifo=True, VisibilityTimeout=1)."""
    made = []

    def make(fifo=False, tags=None, name=None, **attributes):
        made.append(Queue(sqs, name or new_name(fifo), fifo, attributes, tags))
        return made[-1]

    yield make
    for one in made:
        try:
            sqs.delete_queue(QueueUrl=one.url)
        except (ClientError, BotoCoreError):
            pass


@pytest.fixture
def pair(queue):
    """A function that makes a queue and its dead-letter queue: pair(fifo=…, count=…)."""
    def make(fifo=False, count=1, **attributes):
        dead = queue(fifo=fifo)
        redrive = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": count})
        return queue(fifo=fifo, RedrivePolicy=redrive, **attributes), dead
    return make


class Queue:
    def __init__(self, sqs, name, fifo, attributes, tags):
        self.sqs = sqs
        self.name = name
        attributes = {k: str(v) for k, v in attributes.items()}
        if fifo:
            attributes.setdefault("FifoQueue", "true")
        more = {"tags": tags} if tags else {}
        self.url = works(sqs.create_queue, QueueName=name, Attributes=attributes, **more)["QueueUrl"]
        self.path = "/" + self.url.split("/", 3)[3]

    def attributes(self, *names):
        return self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names or ["All"]).get("Attributes", {})

    @property
    def arn(self):
        return self.attributes("QueueArn")["QueueArn"]

    def set(self, **attributes):
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={k: str(v) for k, v in attributes.items()})

    def counts(self):
        """(visible, in flight, delayed)"""
        a = self.attributes()
        return tuple(int(a[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))

    def send(self, body="hello", **more):
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def send_in(self, group, *bodies):
        """To a FIFO queue, each with a deduplication id of its own. Returns the answers."""
        return [self.send(body, MessageGroupId=group, MessageDeduplicationId=uuid.uuid4().hex) for body in bodies]

    def batch(self, entries):
        return self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def receive(self, count=1, wait=0, **more):
        """One call. A wait of 0 is a short poll, which on a queue this small may miss what is there: use it for what
        must not be there, or after `take` has shown that it is."""
        return self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=count, WaitTimeSeconds=wait,
                                        **more).get("Messages", [])

    def take(self, wait=5, **more):
        """The next message, for which the server waits."""
        got = self.receive(1, wait, **more)
        holds(len(got) == 1, f"nothing received within {wait} s")
        return got[0]

    def collect(self, count, wait=5, **more):
        """Messages from as many calls as it takes, since a call may bring fewer than it could."""
        got = []
        while len(got) < count:
            some = self.receive(min(10, count - len(got)), wait, **more)
            holds(some, f"{len(got)} of {count} messages received, then none within {wait} s")
            got += some
        return got

    def is_silent(self, wait=0, did="a message was received", before=None, **more):
        """Nothing comes. `before`: a time.monotonic() after which something may; an answer that is that late says nothing."""
        got = self.receive(10, wait, **more)
        if before is None or time.monotonic() < before:
            holds(not got, did)

    def delete(self, message):
        handle = message if isinstance(message, str) else message["ReceiptHandle"]
        return self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handle)

    def change(self, message, seconds):
        handle = message if isinstance(message, str) else message["ReceiptHandle"]
        return self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=seconds)
