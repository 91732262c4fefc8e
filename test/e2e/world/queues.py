"""Queues that are not ours: moto, which checks signatures and permissions, and ElasticMQ."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from world.waiting import free_port, listening, until

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parents[1]
PEERS = ROOT / "build" / "peers"
REGION = "eu-central-1"

# What README.md tells people to grant. For a batch call moto asks for a permission of the call's name, where AWS asks
# for the one of the single call.
POLICY = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibility",
          "sqs:ChangeMessageVisibilityBatch", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]


def missing(what):
    """A peer that can't be had is skipped aloud on a developer's machine; in CI that is a failure."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(what)


class Queue:
    """One queue of a server, seen with boto3."""

    def __init__(self, server, name, attributes):
        self.server = server
        self.name = name
        self.sqs = server.sqs
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = self.attributes()["QueueArn"]

    def attributes(self):
        return self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]

    def counts(self):
        """(visible, in flight)"""
        a = self.attributes()
        return int(a["ApproximateNumberOfMessages"]), int(a["ApproximateNumberOfMessagesNotVisible"])

    def is_empty(self):
        return self.counts() == (0, 0)

    def send(self, bodies, attributes=None, groups=None):
        """Sends bodies in order, tens at a time, within SQS's limit for a call. Returns the message ids."""
        ids, batch, size = [], [], 0

        def flush():
            nonlocal batch, size
            if batch:
                answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=batch)
                assert not answer.get("Failed"), answer["Failed"]
                ids.extend(e["MessageId"] for e in sorted(answer["Successful"], key=lambda e: int(e["Id"])))
            batch, size = [], 0

        for n, body in enumerate(bodies):
            length = len(body.encode())
            if len(batch) == 10 or size + length > self.server.batch_bytes:
                flush()
            entry = {"Id": str(len(batch)), "MessageBody": body}
            if attributes and attributes(n):
                entry["MessageAttributes"] = attributes(n)
            if groups:
                entry.update(MessageGroupId=groups(n), MessageDeduplicationId=uuid.uuid4().hex)
            batch.append(entry)
            size += length
        flush()
        return ids

    def receive_all(self):
        """Everything that is visible at this moment."""
        got = []
        while True:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=600,
                                              MessageSystemAttributeNames=["All"])
            if not answer.get("Messages"):
                return got
            got += answer["Messages"]


class Server:
    batch_bytes = 200_000

    def __init__(self, url, keys):
        self.url = url
        self.keys = keys
        self.sqs = self.client("sqs", keys)

    def client(self, service, keys):
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=keys[0],
                            aws_secret_access_key=keys[1], config=Config(retries={"total_max_attempts": 3}))

    def queue(self, fifo=False, **attributes):
        name = f"q-{uuid.uuid4().hex[:12]}" + (".fifo" if fifo else "")
        if fifo:
            attributes["FifoQueue"] = "true"
        return Queue(self, name, {k: str(v) for k, v in attributes.items()})

    def env(self, keys=None):
        """What makes sluice talk to this server."""
        access, secret = keys or self.keys
        return {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": REGION,
                "AWS_ENDPOINT_URL_SQS": self.url}


class Moto(Server):
    """moto in a process of its own, with IAM on: every request is checked as AWS does."""

    def __init__(self, folder):
        self.port = free_port()
        self.log = open(folder / "moto.log", "w")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "world" / "moto_guarded.py"), "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=self.log, stderr=self.log, env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "1000000"})
        until("moto listens", lambda: listening(self.port, self.process), 60)
        super().__init__(f"http://127.0.0.1:{self.port}", ("setup", "setup"))
        admin = self.user("admin", ["*"])
        self.keys = self.user("sluice", POLICY)
        self.admin_iam = self.client("iam", admin)
        self.sqs = self.client("sqs", admin)
        urllib.request.urlopen(urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})).close()

    def user(self, name, actions):
        """A user who may do just that; returns its keys."""
        iam = getattr(self, "admin_iam", None) or self.client("iam", ("setup", "setup"))
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        statement = [{"Effect": "Allow", "Action": actions, "Resource": "*"}]
        iam.put_user_policy(UserName=name, PolicyName="test",
                            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    @contextlib.contextmanager
    def frozen(self):
        """While it lasts, connections are accepted by the kernel and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class ElasticMQ(Server):
    def __init__(self, folder):
        self.port = free_port()
        config = folder / "elasticmq.conf"
        config.write_text(f"""
            include classpath("application.conf")
            node-address {{ protocol = http, host = "127.0.0.1", port = {self.port} }}
            rest-sqs {{ bind-port = {self.port}, bind-hostname = "127.0.0.1", sqs-limits = strict }}
            rest-stats {{ enabled = false }}
            aws {{ region = "{REGION}", accountId = "123456789012" }}
            """)
        self.log = open(folder / "elasticmq.log", "w")
        self.process = subprocess.Popen(
            ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", f"-Dconfig.file={config}", "-cp", f"{jars()}/*",
             "org.elasticmq.server.Main"], stdout=self.log, stderr=self.log)
        until("ElasticMQ listens", lambda: listening(self.port, self.process), 60)
        super().__init__(f"http://127.0.0.1:{self.port}", ("any", "any"))

    close = Moto.close


def once(folder, source, command):
    """Runs a package client into build/peers, once for every state of the file that names the versions."""
    import fcntl
    PEERS.mkdir(parents=True, exist_ok=True)
    with open(PEERS / f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = PEERS / folder / source.name
        if not done.exists() or done.read_text() != source.read_text():
            shutil.rmtree(PEERS / folder, ignore_errors=True)
            (PEERS / folder).mkdir()
            result = subprocess.run(command(PEERS / folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if result.returncode:
                missing(f"{' '.join(result.args)}:\n{result.stdout}")
            shutil.copy(source, done)
    return PEERS / folder


def jars():
    if not shutil.which("mvn") or not shutil.which("java"):
        missing("ElasticMQ needs java and mvn")
    return once("elasticmq", HERE / "peers" / "pom.xml", lambda folder: [
        "mvn", "-q", "-B", "-f", str(HERE / "peers" / "pom.xml"), "dependency:copy-dependencies",
        "-DincludeScope=runtime", f"-DoutputDirectory={folder}"])


def webhook_events():
    """The payloads of @octokit/webhooks-examples, as GitHub sends them: compact JSON."""
    if not shutil.which("npm"):
        missing("the webhook events need npm")
    folder = once("events", HERE / "peers" / "package.json", lambda folder: [
        "sh", "-c", 'cp "$1"/package*.json "$2" && cd "$2" && npm ci --silent --no-audit --no-fund --ignore-scripts',
        "sh", str(HERE / "peers"), str(folder)])
    package = folder / "node_modules" / "@octokit" / "webhooks-examples"
    events = json.loads((package / "api.github.com" / "index.json").read_text())
    return [json.dumps(example, ensure_ascii=False, separators=(",", ":"))
            for event in events for example in event["examples"]]
