"""ReceiveMessage: how many, which attributes, long polls."""
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from case import GUIDE, documented, operation, recorded, row, seen
from checks import holds, refused, same, works
from test_send import md5_of_attributes, string

RECEIVE = operation("ReceiveMessage")
POLL_GUIDE = f"{GUIDE}, Short and long polling"
FILTERS = seen("test_receive_message_message_attribute_names_filters")


@recorded("receive.empty", seen("test_receive_empty_queue"))
def test_empty(wire, queue):
    """An empty receive is answered 200 and {}: there is no Messages."""
    answer = wire.json("ReceiveMessage", {"QueueUrl": queue().url})
    same("status", answer.status, 200)
    same("body", answer.json(), {})


@documented("receive.members", operation("Message"))
def test_members(wire, queue):
    """A message has MessageId, ReceiptHandle, MD5OfBody and Body; attributes only when they are asked for."""
    q = queue()
    q.send(MessageAttributes={"a": string("v")})
    answer = wire.json("ReceiveMessage", {"QueueUrl": q.url, "WaitTimeSeconds": 5}).json()
    same("members", sorted(answer["Messages"][0]), ["Body", "MD5OfBody", "MessageId", "ReceiptHandle"])


@documented("receive.default-one", RECEIVE)
def test_one_by_default(sqs, queue):
    """MaxNumberOfMessages: default 1."""
    q = queue()
    q.batch([{"Id": str(i), "MessageBody": str(i)} for i in range(3)])
    same("messages", len(sqs.receive_message(QueueUrl=q.url, WaitTimeSeconds=5).get("Messages", [])), 1)


@documented("receive.max", RECEIVE)
def test_never_more(queue):
    """It never returns more messages than MaxNumberOfMessages."""
    q = queue()
    q.batch([{"Id": str(i), "MessageBody": str(i)} for i in range(10)])
    got = q.receive(3, wait=5)
    holds(0 < len(got) <= 3, f"{len(got)} messages")
    got += q.collect(10 - len(got))
    same("bodies", sorted(m["Body"] for m in got), [str(i) for i in range(10)])
    same("handles", len({m["ReceiptHandle"] for m in got}), 10)


@recorded("receive.max-11", seen("test_send_receive_max_number_of_messages"))
def test_eleven(queue):
    """MaxNumberOfMessages of 11: InvalidParameterValue."""
    refused("InvalidParameterValue", queue().receive, 11,
            text="Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.")


@documented("receive.max-0", RECEIVE)
def test_zero(queue):
    """MaxNumberOfMessages of 0: InvalidParameterValue."""
    refused("InvalidParameterValue", queue().receive, 0)


@recorded("receive.wait-21", seen("WaitTimeSeconds of 21"))
def test_wait_too_long(queue):
    """WaitTimeSeconds of 21: InvalidParameterValue."""
    refused("InvalidParameterValue", queue().receive, 1, 21,
            text="Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.")


@documented("receive.wait-negative", RECEIVE)
def test_wait_negative(queue):
    """A negative WaitTimeSeconds: InvalidParameterValue."""
    refused("InvalidParameterValue", queue().receive, 1, -1)


@documented("receive.visibility-range", operation("ReceiveMessage, ChangeMessageVisibility"))
def test_visibility_range(queue):
    """VisibilityTimeout: 0 to 43200."""
    q = queue()
    works(q.receive, 1, VisibilityTimeout=43200)
    refused("InvalidParameterValue", q.receive, 1, VisibilityTimeout=43201)
    refused("InvalidParameterValue", q.receive, 1, VisibilityTimeout=-1)


@recorded("receive.two-queues", seen("test_send_receive_message_multiple_queues"))
def test_two_queues(queue):
    """A message is in the queue that it was sent to, and in no other."""
    a, b = queue(), queue()
    a.send("for a")
    b.is_silent()
    same("Body", a.take()["Body"], "for a")


# ---- message attributes ----

ATTRIBUTES = {"Help.Me": string("Me"), "Hello": string("There"), "General": string("Kenobi")}


@pytest.mark.parametrize("asked, expected", [
    row(recorded("receive.names.none", FILTERS), "Without names no message attributes come, and no digest.", [], []),
    row(recorded("receive.names.all", FILTERS), "All brings all.", ["All"], list(ATTRIBUTES)),
    row(recorded("receive.names.dot-star", FILTERS), ".* brings all.", [".*"], list(ATTRIBUTES)),
    row(recorded("receive.names.star", FILTERS), "* brings all.", ["*"], list(ATTRIBUTES)),
    row(recorded("receive.names.unknown", FILTERS), "Names that are not there bring nothing.", ["Foo", "Help"], []),
    row(recorded("receive.names.two", FILTERS), "Names bring those attributes, and the digest covers just them.",
        ["Hello", "General"], ["Hello", "General"]),
    row(recorded("receive.names.some", FILTERS), "Names that are not there are ignored beside those that are.",
        ["Foo", "Hello"], ["Hello"]),
    row(recorded("receive.names.prefix", FILTERS), "Hel.* brings what begins with Hel.", ["Hel.*"], ["Hello", "Help.Me"]),
    row(recorded("receive.names.illegal", FILTERS), "Illegal names are ignored.", ["AWS.", "..foo"], []),
    row(documented("receive.names.case", RECEIVE), "Names are case-sensitive.", ["hello"], []),
    row(documented("receive.names.overlap", RECEIVE), "Names and prefixes that overlap bring an attribute once.",
        ["Hello", "Hel.*", "All"], list(ATTRIBUTES)),
])
def test_attribute_names(queue, asked, expected):
    q = queue()
    q.send("msg", MessageAttributes=ATTRIBUTES)
    got = works(q.take, MessageAttributeNames=asked)
    expected = {name: ATTRIBUTES[name] for name in expected}
    same("attributes", got.get("MessageAttributes", {}), expected)
    same("digest", got.get("MD5OfMessageAttributes"), md5_of_attributes(expected) if expected else None)


# ---- system attributes ----

@recorded("receive.system.all", seen("test_receive_message_attribute_names_filters"))
def test_system_all(queue):
    """All brings SenderId, SentTimestamp, ApproximateReceiveCount and ApproximateFirstReceiveTimestamp."""
    q = queue()
    q.send()
    same("names", sorted(q.take(MessageSystemAttributeNames=["All"]).get("Attributes", {})),
         ["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"])


@recorded("receive.system.old-name", seen("test_receive_message_attribute_names_filters"))
def test_system_by_old_name(queue):
    """AttributeNames, the discontinued name for MessageSystemAttributeNames, works the same."""
    q = queue()
    q.send()
    same("names", sorted(q.take(AttributeNames=["All"]).get("Attributes", {})),
         ["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"])


@recorded("receive.system.some", seen("test_receive_message_attribute_names_filters"))
def test_system_some(queue):
    """Named ones bring just those; SequenceNumber is not there on a standard queue."""
    q = queue()
    q.send()
    same("names", sorted(q.take(MessageSystemAttributeNames=["SenderId", "SequenceNumber"]).get("Attributes", {})),
         ["SenderId"])


@recorded("receive.system.times", seen("test_receive_message_attributes_timestamp_types"))
def test_system_times(queue):
    """SentTimestamp and ApproximateFirstReceiveTimestamp are integers: epoch time in milliseconds."""
    q = queue()
    q.send()
    a = q.take(MessageSystemAttributeNames=["All"]).get("Attributes", {})
    for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        value = a.get(name, "")
        holds(value.isdigit() and abs(int(value) / 1000 - time.time()) < 60, f"{name} {value}")
    holds(int(a["SentTimestamp"]) <= int(a["ApproximateFirstReceiveTimestamp"]), "received before it was sent")


@recorded("receive.system.count", seen("test_receive_message_attribute_names_filters"))
def test_receive_count(queue):
    """ApproximateReceiveCount counts receives; the time of the first receive stays."""
    q = queue()
    q.send()
    got = [q.take(VisibilityTimeout=0, MessageSystemAttributeNames=["All"])["Attributes"] for _ in range(3)]
    same("counts", [a["ApproximateReceiveCount"] for a in got], ["1", "2", "3"])
    same("first receives", len({a["ApproximateFirstReceiveTimestamp"] for a in got}), 1)


@documented("receive.system.trace", RECEIVE)
def test_trace_header(queue):
    """AWSTraceHeader comes back as a message system attribute."""
    q = queue()
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    q.send(MessageSystemAttributes={"AWSTraceHeader": string(trace)})
    same("AWSTraceHeader", q.take(MessageSystemAttributeNames=["AWSTraceHeader"]).get("Attributes"),
         {"AWSTraceHeader": trace})


@recorded("receive.attributes-stay", seen("test_sent_message_retains_attributes_after_receive"))
def test_attributes_stay(queue):
    """A message keeps its attributes when it is received again."""
    q = queue()
    q.send(MessageAttributes=ATTRIBUTES)
    q.take(VisibilityTimeout=0, MessageAttributeNames=["All"])
    same("attributes", q.take(MessageAttributeNames=["All"]).get("MessageAttributes"), ATTRIBUTES)


# ---- long polls ----

def seconds(call, *arguments, **named):
    began = time.monotonic()
    got = call(*arguments, **named)
    return time.monotonic() - began, got


@documented("poll.waits", POLL_GUIDE)
def test_waits(queue):
    """A long poll of an empty queue answers without messages when WaitTimeSeconds are over."""
    took, got = seconds(queue().receive, 1, 2)
    holds(not got and 1.5 < took < 10, f"{len(got)} messages after {took:.0f} s")


@documented("poll.short", POLL_GUIDE)
def test_short(queue):
    """With WaitTimeSeconds 0 the answer comes at once, whatever the queue's attribute says."""
    took, got = seconds(queue(ReceiveMessageWaitTimeSeconds=20).receive, 1, 0)
    holds(not got and took < 10, f"{len(got)} messages after {took:.0f} s")


@recorded("poll.does-not-wait", seen("test_receive_message_wait_time_seconds_and_max_number_of_messages_does_not_block"))
def test_does_not_wait(queue):
    """When something is available a long poll answers at once, with fewer than asked for too."""
    q = queue()
    q.send()
    q.send()
    took, got = seconds(q.receive, 3, 20)
    holds(got and took < 10, f"{len(got)} messages after {took:.0f} s")


@recorded("poll.wakes", seen("test_wait_time_seconds_waits_correctly"))
def test_wakes(queue):
    """A message that arrives during a long poll ends it."""
    q = queue()
    timer = threading.Timer(0.7, q.send, ["arrived"])
    timer.start()
    took, got = seconds(q.receive, 1, 20)
    timer.join()
    same("bodies", [m["Body"] for m in got], ["arrived"])
    holds(0.5 < took < 10, f"answered after {took:.0f} s")


@recorded("poll.queue-attribute", seen("test_wait_time_seconds_queue_attribute_waits_correctly"))
def test_waits_by_attribute(sqs, queue):
    """Without WaitTimeSeconds the queue's ReceiveMessageWaitTimeSeconds holds."""
    q = queue(ReceiveMessageWaitTimeSeconds=20)
    timer = threading.Timer(0.7, q.send, ["arrived"])
    timer.start()
    took, got = seconds(sqs.receive_message, QueueUrl=q.url)
    timer.join()
    same("bodies", [m["Body"] for m in got.get("Messages", [])], ["arrived"])
    holds(0.5 < took < 10, f"answered after {took:.0f} s")


@documented("poll.wakes-visible", RECEIVE)
def test_wakes_when_visible(queue):
    """A message whose visibility timeout ends during a long poll ends it."""
    q = queue()
    q.send()
    q.take(VisibilityTimeout=1)
    took, got = seconds(q.receive, 1, 20)
    holds(len(got) == 1 and took < 10, f"{len(got)} messages after {took:.0f} s")


@documented("poll.wakes-changed", operation("ChangeMessageVisibility"))
def test_wakes_when_changed(queue):
    """A message that is made visible with ChangeMessageVisibility during a long poll ends it."""
    q = queue()
    q.send()
    message = q.take()
    timer = threading.Timer(0.5, q.change, [message, 0])
    timer.start()
    took, got = seconds(q.receive, 1, 20)
    timer.join()
    holds(len(got) == 1 and took < 10, f"{len(got)} messages after {took:.0f} s")


@documented("poll.one-each", RECEIVE)
def test_one_each(queue):
    """Of several long polls that wait, each message reaches one."""
    q = queue()
    with ThreadPoolExecutor(4) as pool:
        polls = [pool.submit(q.receive, 1, 4) for _ in range(4)]
        q.send("a")
        q.send("b")
        got = [m["Body"] for poll in polls for m in poll.result()]
    same("bodies", sorted(got), ["a", "b"])


@documented("poll.delayed", operation("SendMessage"))
def test_wakes_when_delay_ends(queue):
    """A message whose delay ends during a long poll ends it."""
    q = queue()
    q.send(DelaySeconds=1)
    took, got = seconds(q.receive, 1, 20)
    holds(len(got) == 1 and 0.5 < took < 10, f"{len(got)} messages after {took:.0f} s")
