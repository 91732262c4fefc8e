"""aws.py PREFIX CHECK... -- the checks with Debian's aws command, which speaks the Query protocol.

Runs in Debian's Python, as /usr/bin/aws does. Each command is a process that does what /usr/bin/aws does, but it is a
child of this one, which has imported the package and read its models once for all: that takes ten times as long as the
rest of a command.
"""
import base64
import hashlib
import json
import os
import re
import sys
import tempfile
import time
import traceback

import awscli.clidriver

from report import main, same, until

BODY = 'quotes " and <&> \\ and \r\n\tlines, grün \U0001F600'
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
ATTRIBUTES = {
    "tenant": {"StringValue": "acme & <söhne>", "DataType": "String"},
    "trace.id": {"StringValue": "8d4c", "DataType": "String.uuid"},
    "trace.depth": {"StringValue": "12", "DataType": "Number"},
    "weight": {"StringValue": "12.5", "DataType": "Number.kg"},
    "thumb": {"BinaryValue": base64.b64encode(b"\x00\x89PNG\xff").decode(), "DataType": "Binary"},
    "photo": {"BinaryValue": base64.b64encode(bytes(range(256))).decode(), "DataType": "Binary.png"},
}
prefix = sys.argv[1]
driver = awscli.clidriver.create_clidriver()
driver.session.create_client("sqs", aws_access_key_id="none", aws_secret_access_key="none")  # reads the models


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code = code


class Command:
    """One command, that runs while the program goes on."""

    def __init__(self, arguments, environment):
        self.output, self.errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = os.fork()
        if self.process == 0:
            self.become(arguments, environment)

    def become(self, arguments, environment):
        status = 70
        try:
            os.dup2(self.output.fileno(), 1)
            os.dup2(self.errors.fileno(), 2)
            os.environ.update(environment)
            status = driver.main(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:  # noqa: BLE001 the child ends here, whatever happens
            os.write(2, traceback.format_exc().encode())
        os._exit(status)

    def answer(self):
        """What it printed, or Refused with the code of the error."""
        _, status = os.waitpid(self.process, 0)
        self.output.seek(0)
        self.errors.seek(0)
        text = self.errors.read().decode()
        if error := re.search(r"An error occurred \((\S+)\) when calling the \w+ operation.*?: (.+)", text):
            raise Refused(*error.groups())
        assert status == 0, f"status {status}: {text}"
        return json.loads(self.output.read() or "{}")


def start(operation, environment=None, **options):
    """Options are named as in boto3; those that are no text go as JSON, a tuple as several words."""
    words = ["sqs", operation, "--endpoint-url", os.environ["AWS_ENDPOINT_URL_SQS"], "--output", "json"]
    for name, value in options.items():
        words.append(f"--{name.replace('_', '-')}")
        words += value if isinstance(value, tuple) else [value if isinstance(value, str) else json.dumps(value)]
    return Command(words, environment or {})


def aws(operation, **options):
    return start(operation, **options).answer()


# ---- one queue ----

def queue(name, **attributes):
    return aws("create-queue", queue_name=f"{prefix}-{name}", attributes=attributes)["QueueUrl"]


def fifo(name, **attributes):
    return queue(f"{name}.fifo", FifoQueue="true", **attributes)


def attributes_of(url):
    return aws("get-queue-attributes", queue_url=url, attribute_names=("All",))["Attributes"]


def counts(url):
    all_of_them = attributes_of(url)
    return [int(all_of_them[f"ApproximateNumberOfMessages{which}"]) for which in ("", "NotVisible", "Delayed")]


def send(url, body=BODY, **options):
    return aws("send-message", queue_url=url, message_body=body, **options)


def send_batch(url, bodies, **more):
    """What an entry has besides its body is in `more`, to be called with the index. Returns the ids in order."""
    entries = [{"Id": f"e-{n}", "MessageBody": body, **{name: of(n) for name, of in more.items()}}
               for n, body in enumerate(bodies)]
    answer = aws("send-message-batch", queue_url=url, entries=entries)
    assert not answer.get("Failed"), answer
    ids = {e["Id"]: e["MessageId"] for e in answer["Successful"]}
    return [ids[e["Id"]] for e in entries]


def receive(url, wait=0, **options):
    options = {"max_number_of_messages": 10, "attribute_names": ("All",), "message_attribute_names": ("All",), **options}
    return aws("receive-message", queue_url=url, wait_time_seconds=wait, **options).get("Messages", [])


def receive_all(url, count, **options):
    got = []
    until(f"{count} messages", lambda: got.extend(receive(url, 1, **options)) or len(got) >= count)
    same(len(got), count)
    return got


def receive_one(url, **options):
    return receive_all(url, 1, **options)[0]


def handles(messages, **more):
    return [{"Id": f"e{n}", "ReceiptHandle": m["ReceiptHandle"], **more} for n, m in enumerate(messages)]


def delete(url, *messages):
    answer = aws("delete-message-batch", queue_url=url, entries=handles(messages))
    assert not answer.get("Failed"), answer
    same(len(answer["Successful"]), len(messages))


def change(url, message, seconds):
    aws("change-message-visibility", queue_url=url, receipt_handle=message["ReceiptHandle"], visibility_timeout=seconds)


# ---- standard queues ----

def check_queue():
    url = queue("queue", VisibilityTimeout="45")
    same(queue("queue", VisibilityTimeout="45"), url)
    same(aws("get-queue-url", queue_name=f"{prefix}-queue")["QueueUrl"], url)
    aws("set-queue-attributes", queue_url=url, attributes={"DelaySeconds": "7", "MessageRetentionPeriod": "600"})
    got = attributes_of(url)
    same([got[name] for name in ("VisibilityTimeout", "DelaySeconds", "MessageRetentionPeriod")], ["45", "7", "600"])
    assert got["QueueArn"].endswith(f":{prefix}-queue"), got
    aws("delete-queue", queue_url=url)
    raises("AWS.SimpleQueueService.NonExistentQueue", lambda: send(url))


def check_message():
    url = queue("message")
    sent = send(url, message_attributes=ATTRIBUTES,
                message_system_attributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}})
    same(sent["MD5OfMessageBody"], hashlib.md5(BODY.encode()).hexdigest())
    got = receive_one(url)
    same((got["MessageId"], got["Body"], got["MD5OfBody"], got["MD5OfMessageAttributes"]),
         (sent["MessageId"], BODY, sent["MD5OfMessageBody"], sent["MD5OfMessageAttributes"]))
    same(got["MessageAttributes"], ATTRIBUTES)
    same((got["Attributes"]["ApproximateReceiveCount"], got["Attributes"]["AWSTraceHeader"]), ("1", TRACE))
    assert {"SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId"} <= set(got["Attributes"]), got
    aws("delete-message", queue_url=url, receipt_handle=got["ReceiptHandle"])
    same(counts(url), [0, 0, 0])


def check_attribute_names():
    url = queue("attribute-names")
    send(url, message_attributes=ATTRIBUTES)
    got = receive_one(url, message_attribute_names=("trace.*", "thumb", "none"))
    same(got["MessageAttributes"], {name: ATTRIBUTES[name] for name in ("trace.id", "trace.depth", "thumb")})


def check_batch():
    url = queue("batch")
    ids = send_batch(url, "0123456789", MessageAttributes=lambda n: ATTRIBUTES)
    got = sorted(receive_all(url, 10), key=lambda m: m["Body"])
    same([(m["MessageId"], m["Body"], m["MessageAttributes"]) for m in got],
         [(ids[n], str(n), ATTRIBUTES) for n in range(10)])
    delete(url, *got)
    same(counts(url), [0, 0, 0])


def check_visibility():
    url = queue("visibility")
    send(url)
    first = receive_one(url)
    change(url, first, 0)
    change(url, first, 600)  # is accepted, and changes nothing: the message is not in flight
    again = receive_one(url, visibility_timeout=8)
    same(again["Attributes"]["ApproximateReceiveCount"], "2")
    change(url, again, 600)
    same(receive(url, 9), [])
    same(counts(url), [0, 1, 0])
    change(url, again, 1)
    same(receive_one(url)["Attributes"]["ApproximateReceiveCount"], "3")


def assert_failed(answer, bad):
    """Of ten entries, e0 to e9, only `bad` failed, for its receipt handle."""
    same(sorted(e["Id"] for e in answer["Successful"]), [f"e{n}" for n in range(10) if f"e{n}" != bad])
    same([(e["Id"], e["Code"], e["SenderFault"]) for e in answer["Failed"]], [(bad, "ReceiptHandleIsInvalid", True)])


def check_visibility_batch():
    url = queue("visibility-batch")
    send_batch(url, "0123456789")
    entries = handles(receive_all(url, 10), VisibilityTimeout=0)
    entries[4]["ReceiptHandle"] = "nonsense"
    assert_failed(aws("change-message-visibility-batch", queue_url=url, entries=entries), "e4")
    same({m["Attributes"]["ApproximateReceiveCount"] for m in receive_all(url, 9)}, {"2"})


def check_delete_batch():
    url = queue("delete-batch")
    send_batch(url, "0123456789")
    got = receive_all(url, 10)
    entries = handles(got)
    entries[7]["ReceiptHandle"] = "nonsense"
    assert_failed(aws("delete-message-batch", queue_url=url, entries=entries), "e7")
    same(counts(url), [0, 1, 0])
    delete(url, got[7])
    same(counts(url), [0, 0, 0])


def check_delay():
    url = queue("delay", DelaySeconds="600")
    send(url, "late")
    send(url, "soon", delay_seconds=8)
    same(counts(url), [0, 0, 2])
    same(receive_one(url)["Body"], "soon")


def check_long_poll_wakes():
    url = queue("long-poll-wakes")
    poll = start("receive-message", queue_url=url, wait_time_seconds=20)
    counts(url)  # another command: the poll is most likely parked by then; the check holds where it is not
    since = time.monotonic()
    send(url)
    same([m["Body"] for m in poll.answer()["Messages"]], [BODY])
    assert time.monotonic() - since < 10, "not woken"


def check_long_poll_ends():
    url = queue("long-poll-ends", ReceiveMessageWaitTimeSeconds="1")
    since = time.monotonic()
    same(aws("receive-message", queue_url=url), {})
    assert 0.9 < time.monotonic() - since < 10, f"{time.monotonic() - since} s"


# ---- FIFO queues ----

def check_fifo_order():
    url = fifo("fifo-order")
    send_batch(url, "012345678", MessageGroupId=lambda n: "abc"[n % 3], MessageDeduplicationId=lambda n: f"d{n}")
    got = []
    while len(got) < 9:
        some = receive_all(url, 9 - len(got))
        got += some
        delete(url, *some)
    for index, group in enumerate("abc"):
        mine = [m for m in got if m["Attributes"]["MessageGroupId"] == group]
        same([m["Body"] for m in mine], [str(n) for n in range(index, 9, 3)])
        numbers = [int(m["Attributes"]["SequenceNumber"]) for m in mine]
        same(numbers, sorted(set(numbers)))
    same(counts(url), [0, 0, 0])


def check_fifo_group_held():
    url = fifo("fifo-group-held", ContentBasedDeduplication="true")
    for body in ("a1", "a2", "b1"):
        assert int(send(url, body, message_group_id=body[0])["SequenceNumber"]) > 0
    first = receive_one(url, max_number_of_messages=1)
    same(first["Body"], "a1")
    same([m["Body"] for m in receive(url, 1)], ["b1"])
    same(receive(url), [])
    delete(url, first)
    same([m["Body"] for m in receive(url, 1)], ["a2"])


def check_fifo_deduplication():
    url = fifo("fifo-deduplication")
    options = {"message_group_id": "a", "message_deduplication_id": "same"}
    first, again = send(url, "one", **options), send(url, "two", **options)
    same((again["MessageId"], again["SequenceNumber"]), (first["MessageId"], first["SequenceNumber"]))
    got = receive_one(url)
    same(got["Body"], "one")
    delete(url, got)
    same(send(url, "three", **options)["MessageId"], first["MessageId"])
    same(counts(url), [0, 0, 0])


def check_fifo_content():
    url = fifo("fifo-content", ContentBasedDeduplication="true")
    same(send(url, "x", message_group_id="a")["MessageId"], send(url, "x", message_group_id="a")["MessageId"])
    send(url, "x", message_group_id="a", message_deduplication_id="of-its-own")
    same([m["Attributes"]["MessageDeduplicationId"] for m in receive_all(url, 2)],
         [hashlib.sha256(b"x").hexdigest(), "of-its-own"])


# ---- the rest ----

def check_dead_letter():
    dead = queue("dead-letter-dead")
    source = queue("dead-letter", RedrivePolicy=json.dumps(
        {"deadLetterTargetArn": attributes_of(dead)["QueueArn"], "maxReceiveCount": 2}))
    send(source)
    for count in "12":
        same(receive_one(source, visibility_timeout=0)["Attributes"]["ApproximateReceiveCount"], count)
    same(receive(source), [])
    got = receive_one(dead)
    same((got["Body"], got["Attributes"]["DeadLetterQueueSourceArn"]), (BODY, attributes_of(source)["QueueArn"]))
    same(aws("list-dead-letter-source-queues", queue_url=dead)["queueUrls"], [source])


def check_purge():
    url = queue("purge")
    send_batch(url, "0123456789")
    receive(url)
    aws("purge-queue", queue_url=url)
    until("the queue is empty", lambda: counts(url) == [0, 0, 0])


def check_tags():
    url = aws("create-queue", queue_name=f"{prefix}-tags", tags={"team": "a & b", "cost": "12"})["QueueUrl"]
    aws("tag-queue", queue_url=url, tags={"cost": "13", "größe": "<1>"})
    aws("untag-queue", queue_url=url, tag_keys=("team", "none"))
    same(aws("list-queue-tags", queue_url=url)["Tags"], {"cost": "13", "größe": "<1>"})


def check_permissions():
    url = queue("permissions")
    aws("add-permission", queue_url=url, label="reader", aws_account_ids=("111122223333",),
        actions=("ReceiveMessage", "DeleteMessage"))
    [statement] = json.loads(attributes_of(url)["Policy"])["Statement"]
    same((statement["Sid"], statement["Effect"]), ("reader", "Allow"))
    aws("remove-permission", queue_url=url, label="reader")
    assert "reader" not in attributes_of(url).get("Policy", "")


def check_paging():
    urls = [queue(f"paging-{n}") for n in range(5)]
    pages, more = [], {}
    while more is not None:
        page = aws("list-queues", queue_name_prefix=f"{prefix}-paging", max_results=2, **more)
        pages.append(page["QueueUrls"])
        more = {"next_token": page["NextToken"]} if "NextToken" in page else None
    same([len(page) for page in pages], [2, 2, 1])
    same(sorted(url for page in pages for url in page), urls)
    same(sorted(aws("list-queues", queue_name_prefix=f"{prefix}-paging", page_size=2)["QueueUrls"]), urls)


# ---- errors ----

def raises(code, call):
    try:
        answer = call()
    except Refused as error:
        same(error.code, code)
    else:
        raise AssertionError(f"no error, but {answer}")


def batch_of(*ids, body="x"):
    return aws("send-message-batch", queue_url=queue("errors"), entries=[{"Id": i, "MessageBody": body} for i in ids])


def set_attribute(name, value):
    return aws("set-queue-attributes", queue_url=queue("errors"), attributes={name: value})


def delete_and_create():
    aws("delete-queue", queue_url=queue("deleted"))
    return queue("deleted")


def change_deleted():
    url = queue("handle-of-deleted")
    send(url)
    got = receive_one(url)
    delete(url, got)
    return change(url, got, 30)


def purge_twice():
    url = queue("purged")
    aws("purge-queue", queue_url=url)
    return aws("purge-queue", queue_url=url)


LEGACY = "AWS.SimpleQueueService."
ERRORS = {
    "QueueDoesNotExist": (LEGACY + "NonExistentQueue", lambda: aws("get-queue-url", queue_name=f"{prefix}-none")),
    "QueueNameExists": ("QueueAlreadyExists", lambda: (queue("errors"), queue("errors", DelaySeconds="9"))),
    "QueueDeletedRecently": (LEGACY + "QueueDeletedRecently", delete_and_create),
    "ReceiptHandleIsInvalid": ("ReceiptHandleIsInvalid",
                               lambda: aws("delete-message", queue_url=queue("errors"), receipt_handle="nonsense")),
    "EmptyBatchRequest": (LEGACY + "EmptyBatchRequest", batch_of),
    "TooManyEntriesInBatchRequest": (LEGACY + "TooManyEntriesInBatchRequest", lambda: batch_of(*"0123456789a")),
    "BatchEntryIdsNotDistinct": (LEGACY + "BatchEntryIdsNotDistinct", lambda: batch_of("a", "a")),
    "InvalidBatchEntryId": (LEGACY + "InvalidBatchEntryId", lambda: batch_of("not.good")),
    "BatchRequestTooLong": (LEGACY + "BatchRequestTooLong", lambda: batch_of("a", "b", body="x" * 600_000)),
    "InvalidMessageContents": ("InvalidMessageContents", lambda: send(queue("errors"), "\x01")),
    "InvalidAttributeName": ("InvalidAttributeName", lambda: set_attribute("Nonsense", "1")),
    "InvalidAttributeValue": ("InvalidAttributeValue", lambda: set_attribute("VisibilityTimeout", "43201")),
    "handle-of-deleted": ("InvalidParameterValue", change_deleted),
    "PurgeQueueInProgress": (LEGACY + "PurgeQueueInProgress", purge_twice),
    "InvalidParameterValue": ("InvalidParameterValue", lambda: receive(queue("errors"), max_number_of_messages=11)),
    "MissingParameter": ("MissingParameter", lambda: send(fifo("errors"), message_deduplication_id="a")),
}


def listed_as(**keys):
    return start("list-queues", environment=keys).answer()


def check_denied_wrong_secret():
    raises("SignatureDoesNotMatch", lambda: listed_as(AWS_SECRET_ACCESS_KEY="wrong"))


def check_denied_unknown_key():
    raises("InvalidClientTokenId", lambda: listed_as(AWS_ACCESS_KEY_ID="unknown"))


CHECKS = {name[len("check_"):].replace("_", "-"): check for name, check in list(globals().items())
          if name.startswith("check_")}
CHECKS.update({f"error-{name}": lambda name=name: raises(*ERRORS[name]) for name in ERRORS})

if __name__ == "__main__":
    main(CHECKS)
