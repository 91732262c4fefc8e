"""boto.py PREFIX CHECK... -- the checks with boto3: the current one speaks JSON, Debian's the Query protocol.

Queues are named after PREFIX and the check. botocore checks no digests, so that is done here.
"""
import hashlib
import json
import os
import struct
import sys
import threading
import time

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

from report import main, same, until

READS_ENDPOINT_FROM_ENVIRONMENT = tuple(map(int, botocore.__version__.split(".")[:2])) >= (1, 31)
BODY = 'quotes " and <&> \\ and \r\n\tlines, grün \U0001F600'
ATTRIBUTES = {
    "tenant": {"DataType": "String", "StringValue": "acme & <söhne>"},
    "trace.id": {"DataType": "String.uuid", "StringValue": "8d4c"},
    "trace.depth": {"DataType": "Number", "StringValue": "12"},
    "weight": {"DataType": "Number.kg", "StringValue": "12.5"},
    "thumb": {"DataType": "Binary", "BinaryValue": b"\x00\x89PNG\xff"},
    "photo": {"DataType": "Binary.png", "BinaryValue": bytes(range(256))},
}
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def client(**keys):
    endpoint = None if READS_ENDPOINT_FROM_ENVIRONMENT else os.environ["AWS_ENDPOINT_URL_SQS"]
    return boto3.client("sqs", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}), **keys)


sqs = client()
prefix = sys.argv[1]
operations = sqs.meta.service_model
ALL = {("MessageSystemAttributeNames"
        if "MessageSystemAttributeNames" in operations.operation_model("ReceiveMessage").input_shape.members
        else "AttributeNames"): ["All"]}


def queue(name, **attributes):
    return sqs.create_queue(QueueName=f"{prefix}-{name}", Attributes=attributes)["QueueUrl"]


def fifo(name, **attributes):
    return queue(f"{name}.fifo", FifoQueue="true", **attributes)


def attribute(url, name):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"].get(name)


def counts(url):
    return [int(attribute(url, f"ApproximateNumberOfMessages{which}")) for which in ("", "NotVisible", "Delayed")]


def send(url, body=BODY, **options):
    return sqs.send_message(QueueUrl=url, MessageBody=body, **options)


def receive(url, wait=0, **options):
    options = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], **ALL, **options}
    return sqs.receive_message(QueueUrl=url, WaitTimeSeconds=wait, **options).get("Messages", [])


def receive_all(url, count, **options):
    got = []
    until(f"{count} messages", lambda: got.extend(receive(url, 1, **options)) or len(got) >= count)
    same(len(got), count)
    return got


def receive_one(url, **options):
    return receive_all(url, 1, **options)[0]


def delete(url, *messages):
    entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert not answer.get("Failed"), answer["Failed"]
    same(sorted(e["Id"] for e in answer["Successful"]), sorted(e["Id"] for e in entries))


def send_batch(url, bodies, **options):
    """Options are called with the index of the entry. Returns the message ids in order."""
    entries = [{"Id": f"e-{n}", "MessageBody": body, **{name: of(n) for name, of in options.items()}}
               for n, body in enumerate(bodies)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert not answer.get("Failed"), answer["Failed"]
    ids = {e["Id"]: e["MessageId"] for e in answer["Successful"]}
    return [ids[e["Id"]] for e in entries]


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def md5_of_attributes(attributes):
    digest = hashlib.md5()
    for name, value in sorted(attributes.items()):
        binary = value["DataType"].startswith("Binary")
        content = value["BinaryValue"] if binary else value["StringValue"].encode()
        for part in (name.encode(), value["DataType"].encode(), None, content):
            digest.update(bytes([2 if binary else 1]) if part is None else struct.pack(">I", len(part)) + part)
    return digest.hexdigest()


# ---- standard queues ----

def check_queue():
    url = queue("queue", VisibilityTimeout="45")
    same(url.rsplit("/", 1)[1], f"{prefix}-queue")
    same(queue("queue", VisibilityTimeout="45"), url)
    same(sqs.get_queue_url(QueueName=f"{prefix}-queue")["QueueUrl"], url)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "7", "MessageRetentionPeriod": "600"})
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    same([got[name] for name in ("VisibilityTimeout", "DelaySeconds", "MessageRetentionPeriod")], ["45", "7", "600"])
    assert got["QueueArn"].startswith("arn:aws:sqs:") and got["QueueArn"].endswith(f":{prefix}-queue"), got
    one = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"]
    same(one, {"DelaySeconds": "7"})
    sqs.delete_queue(QueueUrl=url)
    raises("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", lambda: send(url))


def check_message():
    url = queue("message")
    sent = send(url, MessageAttributes=ATTRIBUTES,
                MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}})
    same(sent["MD5OfMessageBody"], md5(BODY))
    same(sent["MD5OfMessageAttributes"], md5_of_attributes(ATTRIBUTES))
    got = receive_one(url)
    same((got["MessageId"], got["Body"], got["MD5OfBody"]), (sent["MessageId"], BODY, md5(BODY)))
    same(got["MessageAttributes"], ATTRIBUTES)
    same(got["MD5OfMessageAttributes"], md5_of_attributes(ATTRIBUTES))
    system = got["Attributes"]
    same((system["ApproximateReceiveCount"], system["AWSTraceHeader"]), ("1", TRACE))
    for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        assert abs(int(system[name]) / 1000 - time.time()) < 60, f"{name} {system[name]}"
    assert system["SenderId"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    same(counts(url), [0, 0, 0])


def check_attribute_names():
    url = queue("attribute-names")
    send(url, MessageAttributes=ATTRIBUTES)
    for names, wanted in ((["trace.*"], ["trace.depth", "trace.id"]), (["thumb", "none"], ["thumb"]), ([".*"], ATTRIBUTES)):
        got = receive_one(url, VisibilityTimeout=0, MessageAttributeNames=names)
        same(got["MessageAttributes"], {name: ATTRIBUTES[name] for name in wanted})
        same(got["MD5OfMessageAttributes"], md5_of_attributes(got["MessageAttributes"]))
    got = receive_one(url, MessageAttributeNames=[], **{name: [] for name in ALL})
    same([name for name in ("MessageAttributes", "MD5OfMessageAttributes", "Attributes") if got.get(name)], [])


def check_batch():
    url = queue("batch")
    values = [{**ATTRIBUTES, "number": {"DataType": "Number", "StringValue": str(n)}} for n in range(10)]
    ids = send_batch(url, [f"{BODY} {n}" for n in range(10)], MessageAttributes=values.__getitem__)
    same(len(set(ids)), 10)
    got = sorted(receive_all(url, 10), key=lambda m: m["Body"])
    same([(m["MessageId"], m["Body"], m["MessageAttributes"]) for m in got],
         [(ids[n], f"{BODY} {n}", values[n]) for n in range(10)])
    delete(url, *got)
    same(counts(url), [0, 0, 0])


def change(url, message, seconds):
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds)


def check_visibility():
    url = queue("visibility")
    send(url)
    first = receive_one(url)
    change(url, first, 0)
    change(url, first, 600)  # is accepted, and changes nothing: the message is not in flight
    again = receive_one(url, VisibilityTimeout=3)
    same(again["Attributes"]["ApproximateReceiveCount"], "2")
    change(url, again, 600)
    same(receive(url, 4), [])
    same(counts(url), [0, 1, 0])
    change(url, again, 1)
    since = time.monotonic()
    same(receive_one(url)["Attributes"]["ApproximateReceiveCount"], "3")
    assert time.monotonic() - since > 0.5, "back before its time"


def check_visibility_batch():
    url = queue("visibility-batch")
    send_batch(url, "0123456789")
    entries = [{"Id": f"e{n}", "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 0}
               for n, m in enumerate(receive_all(url, 10))]
    entries[4]["ReceiptHandle"] = "nonsense"
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    same(sorted(e["Id"] for e in answer["Successful"]), [f"e{n}" for n in range(10) if n != 4])
    same([(e["Id"], e["Code"], e["SenderFault"]) for e in answer["Failed"]], [("e4", "ReceiptHandleIsInvalid", True)])
    same({m["Attributes"]["ApproximateReceiveCount"] for m in receive_all(url, 9)}, {"2"})


def check_delete_batch():
    url = queue("delete-batch")
    send_batch(url, "0123456789")
    got = receive_all(url, 10)
    entries = [{"Id": f"e{n}", "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(got)]
    entries[7]["ReceiptHandle"] = "nonsense"
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    same(sorted(e["Id"] for e in answer["Successful"]), [f"e{n}" for n in range(10) if n != 7])
    same([(e["Id"], e["Code"], e["SenderFault"]) for e in answer["Failed"]], [("e7", "ReceiptHandleIsInvalid", True)])
    same(counts(url), [0, 1, 0])
    delete(url, got[7])
    same(counts(url), [0, 0, 0])


def check_delay():
    url = queue("delay", DelaySeconds="600")
    send(url, "late")
    since = time.monotonic()
    send(url, "soon", DelaySeconds=3)
    same(counts(url), [0, 0, 2])
    same(receive_one(url)["Body"], "soon")
    assert time.monotonic() - since > 2.5, "before its time"


def check_long_poll_wakes():
    url = queue("long-poll-wakes")
    got = []
    poll = threading.Thread(target=lambda: got.extend(receive(url, 20)), daemon=True)
    poll.start()
    for _ in range(10):  # the poll is most likely parked by then; the check holds where it is not
        attribute(url, "QueueArn")
    send(url)
    poll.join(10)
    same([m["Body"] for m in got], [BODY])


def check_long_poll_ends():
    url = queue("long-poll-ends", ReceiveMessageWaitTimeSeconds="1")
    since = time.monotonic()
    same(sqs.receive_message(QueueUrl=url).get("Messages"), None)
    assert 0.9 < time.monotonic() - since < 10, f"{time.monotonic() - since} s"


# ---- FIFO queues ----

def in_group(group):
    return {"MessageGroupId": group}


def check_fifo_order():
    url = fifo("fifo-order")
    send_batch(url, [f"{n}" for n in range(9)], MessageGroupId=lambda n: "abc"[n % 3],
               MessageDeduplicationId=lambda n: f"d{n}")
    got = []
    while len(got) < 9:
        some = receive_all(url, 9 - len(got))
        got += some
        delete(url, *some)
    for index, group in enumerate("abc"):
        mine = [m for m in got if m["Attributes"]["MessageGroupId"] == group]
        same([m["Body"] for m in mine], [str(n) for n in range(index, 9, 3)])
        same([m["Attributes"]["MessageDeduplicationId"] for m in mine], [f"d{n}" for n in range(index, 9, 3)])
        numbers = [int(m["Attributes"]["SequenceNumber"]) for m in mine]
        same(numbers, sorted(set(numbers)))
    same(counts(url), [0, 0, 0])


def check_fifo_group_held():
    url = fifo("fifo-group-held", ContentBasedDeduplication="true")
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        assert int(send(url, body, **in_group(group))["SequenceNumber"]) > 0
    first = receive_one(url, MaxNumberOfMessages=1)
    same(first["Body"], "a1")
    same([m["Body"] for m in receive(url, 1)], ["b1"])
    same(receive(url), [])
    delete(url, first)
    same([m["Body"] for m in receive(url, 1)], ["a2"])


def check_fifo_deduplication():
    url = fifo("fifo-deduplication")
    first = send(url, "one", MessageDeduplicationId="same", **in_group("a"))
    again = send(url, "two", MessageDeduplicationId="same", **in_group("a"))
    same((again["MessageId"], again["SequenceNumber"]), (first["MessageId"], first["SequenceNumber"]))
    got = receive_one(url)
    same(got["Body"], "one")
    delete(url, got)
    same(send(url, "three", MessageDeduplicationId="same", **in_group("a"))["MessageId"], first["MessageId"])
    same(counts(url), [0, 0, 0])


def check_fifo_content():
    url = fifo("fifo-content", ContentBasedDeduplication="true")
    same(send(url, "x", **in_group("a"))["MessageId"], send(url, "x", **in_group("a"))["MessageId"])
    send(url, "x", MessageDeduplicationId="of-its-own", **in_group("a"))
    same([m["Attributes"]["MessageDeduplicationId"] for m in receive_all(url, 2)],
         [hashlib.sha256(b"x").hexdigest(), "of-its-own"])


# ---- dead letters ----

def with_dead_letters(name):
    """(source, dead-letter queue) after one message has gone from the one to the other."""
    dead = queue(f"{name}-dead")
    source = queue(name, RedrivePolicy=json.dumps(
        {"deadLetterTargetArn": attribute(dead, "QueueArn"), "maxReceiveCount": 2}))
    send(source)
    for count in "12":
        same(receive_one(source, VisibilityTimeout=0)["Attributes"]["ApproximateReceiveCount"], count)
    same(receive(source), [])
    return source, dead


def check_dead_letter():
    source, dead = with_dead_letters("dead-letter")
    got = receive_one(dead)
    same((got["Body"], got["Attributes"]["DeadLetterQueueSourceArn"]), (BODY, attribute(source, "QueueArn")))
    assert int(got["Attributes"]["ApproximateReceiveCount"]) >= 3, got
    same(sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [source])
    same(json.loads(attribute(source, "RedrivePolicy"))["maxReceiveCount"], 2)


def check_move_task():
    source, dead = with_dead_letters("move-task")
    arn = attribute(dead, "QueueArn")
    assert sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]

    def task():
        [one] = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
        return one["Status"] == "COMPLETED" and one
    done = until("the task is completed", task)
    same((done["SourceArn"], done["ApproximateNumberOfMessagesMoved"]), (arn, 1))
    same(receive_one(source)["Body"], BODY)
    same(counts(dead), [0, 0, 0])


def check_move_task_cancelled():
    dead, target = queue("move-task-cancelled-dead"), queue("move-task-cancelled")
    queue("move-task-cancelled-source", RedrivePolicy=json.dumps(
        {"deadLetterTargetArn": attribute(dead, "QueueArn"), "maxReceiveCount": 2}))
    send_batch(dead, "0123456789")
    arn = attribute(dead, "QueueArn")
    handle = sqs.start_message_move_task(SourceArn=arn, DestinationArn=attribute(target, "QueueArn"),
                                         MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    same(sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"], "RUNNING")
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] < 10
    until("the task is cancelled",
          lambda: sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"] == "CANCELLED")
    same(sum(counts(dead) + counts(target)), 10)


# ---- the rest ----

def check_purge():
    url = queue("purge")
    send_batch(url, "0123456789")
    receive(url)
    sqs.purge_queue(QueueUrl=url)
    until("the queue is empty", lambda: counts(url) == [0, 0, 0])


def check_tags():
    name = f"{prefix}-tags"
    url = sqs.create_queue(QueueName=name, tags={"team": "a & b", "cost": "12"})["QueueUrl"]
    same(sqs.list_queue_tags(QueueUrl=url)["Tags"], {"team": "a & b", "cost": "12"})
    sqs.tag_queue(QueueUrl=url, Tags={"cost": "13", "größe": "<1>"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["team", "none"])
    same(sqs.list_queue_tags(QueueUrl=url)["Tags"], {"cost": "13", "größe": "<1>"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["cost", "größe"])
    assert not sqs.list_queue_tags(QueueUrl=url).get("Tags")


def check_permissions():
    url = queue("permissions")
    sqs.add_permission(QueueUrl=url, Label="reader", AWSAccountIds=["111122223333"],
                       Actions=["ReceiveMessage", "DeleteMessage"])
    [statement] = json.loads(attribute(url, "Policy"))["Statement"]
    same((statement["Sid"], statement["Effect"]), ("reader", "Allow"))
    sqs.remove_permission(QueueUrl=url, Label="reader")
    assert not json.loads(attribute(url, "Policy") or "{}").get("Statement")


def check_paging():
    urls = sorted(queue(f"paging-{n}") for n in range(5))
    pages = [page["QueueUrls"] for page in sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix=f"{prefix}-paging", PaginationConfig={"PageSize": 2})]
    same([len(page) for page in pages], [2, 2, 1])
    same(sorted(url for page in pages for url in page), urls)
    assert not sqs.list_queues(QueueNamePrefix=f"{prefix}-none").get("QueueUrls")


# ---- errors ----

def raises(name, code, call):
    """`name`: the exception that the client has for it; `code`: what it carries, in either protocol."""
    try:
        answer = call()
    except getattr(sqs.exceptions, name, ClientError) as error:
        same(error.response["Error"]["Code"], code)
        assert error.response["Error"]["Message"], "without a message"
        assert 400 <= error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    else:
        raise AssertionError(f"no error, but {answer}")


def batch_of(*ids, body="x"):
    url = queue("errors")
    return sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": i, "MessageBody": body} for i in ids])


def delete_and_create():
    sqs.delete_queue(QueueUrl=queue("deleted"))
    return queue("deleted")


def change_deleted():
    url = queue("handle-of-deleted")
    send(url)
    got = receive_one(url)
    delete(url, got)
    return change(url, got, 30)


def purge_twice():
    url = queue("purged")
    sqs.purge_queue(QueueUrl=url)
    return sqs.purge_queue(QueueUrl=url)


def move_from_nowhere():
    arn = attribute(queue("errors"), "QueueArn")
    return sqs.start_message_move_task(SourceArn=f"{arn}-none")


LEGACY = "AWS.SimpleQueueService."
ERRORS = {
    "QueueDoesNotExist": (LEGACY + "NonExistentQueue", lambda: sqs.get_queue_url(QueueName=f"{prefix}-none")),
    "QueueNameExists": ("QueueAlreadyExists", lambda: (queue("errors"), queue("errors", DelaySeconds="9"))),
    "QueueDeletedRecently": (LEGACY + "QueueDeletedRecently", delete_and_create),
    "ReceiptHandleIsInvalid": ("ReceiptHandleIsInvalid",
                               lambda: sqs.delete_message(QueueUrl=queue("errors"), ReceiptHandle="nonsense")),
    "EmptyBatchRequest": (LEGACY + "EmptyBatchRequest", batch_of),
    "TooManyEntriesInBatchRequest": (LEGACY + "TooManyEntriesInBatchRequest", lambda: batch_of(*"0123456789a")),
    "BatchEntryIdsNotDistinct": (LEGACY + "BatchEntryIdsNotDistinct", lambda: batch_of("a", "a")),
    "InvalidBatchEntryId": (LEGACY + "InvalidBatchEntryId", lambda: batch_of("not.good")),
    "BatchRequestTooLong": (LEGACY + "BatchRequestTooLong", lambda: batch_of("a", "b", body="x" * 600_000)),
    "InvalidMessageContents": ("InvalidMessageContents", lambda: send(queue("errors"), "\x01")),
    "InvalidAttributeName": ("InvalidAttributeName", lambda: sqs.set_queue_attributes(
        QueueUrl=queue("errors"), Attributes={"Nonsense": "1"})),
    "InvalidAttributeValue": ("InvalidAttributeValue", lambda: sqs.set_queue_attributes(
        QueueUrl=queue("errors"), Attributes={"VisibilityTimeout": "43201"})),
    "handle-of-deleted": ("InvalidParameterValue", change_deleted),
    "PurgeQueueInProgress": (LEGACY + "PurgeQueueInProgress", purge_twice),
    "ResourceNotFoundException": ("ResourceNotFoundException", move_from_nowhere),
    "InvalidParameterValue": ("InvalidParameterValue", lambda: receive(queue("errors"), MaxNumberOfMessages=11)),
    "MissingParameter": ("MissingParameter", lambda: send(fifo("errors"), MessageDeduplicationId="a")),
}


def check_denied_wrong_secret():
    wrong = client(aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong")
    raises("none", "SignatureDoesNotMatch", wrong.list_queues)


def check_denied_unknown_key():
    unknown = client(aws_access_key_id="unknown", aws_secret_access_key="unknown")
    raises("none", "InvalidClientTokenId", unknown.list_queues)


CHECKS = {name[len("check_"):].replace("_", "-"): check for name, check in list(globals().items())
          if name.startswith("check_")}
CHECKS.update({f"error-{name}": lambda name=name: raises(name, *ERRORS[name]) for name in ERRORS})

if __name__ == "__main__":
    main(CHECKS)
