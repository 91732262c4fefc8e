"""FIFO queues: order, groups, deduplication, attempt ids, sequence numbers."""
import hashlib
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from case import FIFO_GUIDE, GUIDE, documented, operation, recorded, row, seen
from checks import holds, in_order, refused, same, succeeded, works
from test_send import md5
from test_visibility import passes

SEND = operation("SendMessage")
RECEIVE = operation("ReceiveMessage")
ATTEMPT = f"{RECEIVE}: ReceiveRequestAttemptId"
NO_DEDUP = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
NO_GROUP = "The request must contain the parameter MessageGroupId."
GROUP_AND_SCOPE = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}


def bodies(messages):
    return [m["Body"] for m in messages]


# ---- order ----

@recorded("fifo.order", seen("test_fifo_queue_send_multiple_messages_multiple_single_receives"))
def test_order(queue):
    """Messages of a group come in the order in which they were sent."""
    q = queue(fifo=True)
    sent = q.send_in("g", "0", "1", "2", "3")
    for i in range(4):
        message = q.take()
        same("message", (message["Body"], message["MessageId"]), (str(i), sent[i]["MessageId"]))
        q.delete(message)


@documented("fifo.order-batch", operation("SendMessageBatch"))
def test_order_of_batch(queue):
    """Messages of one batch are enqueued in the order they are sent."""
    q = queue(fifo=True, ContentBasedDeduplication="true")
    answer = works(q.batch, [{"Id": f"i{i}", "MessageBody": str(i), "MessageGroupId": "g"} for i in range(10)])
    holds(all("SequenceNumber" in e for e in answer["Successful"]), "no SequenceNumber")
    numbers = {e["Id"]: int(e["SequenceNumber"]) for e in answer["Successful"]}
    holds(sorted(numbers, key=numbers.get) == [f"i{i}" for i in range(10)], "SequenceNumbers are not in order")
    in_order(q.collect(10), [str(i) for i in range(10)])


@recorded("fifo.order-after-timeout", seen("test_fifo_messages_in_order_after_timeout"))
def test_order_after_timeout(queue):
    """After the visibility timeout they come again, in the same order."""
    q = queue(fifo=True, VisibilityTimeout=1)
    q.send_in("g", "0", "1", "2")
    in_order(q.receive(10, wait=5), ["0", "1", "2"])
    passes(queue)
    in_order(q.receive(10, wait=5), ["0", "1", "2"])


@recorded("fifo.group-first", seen("test_fifo_receive_message_group_id_ordering"))
def test_group_first(queue):
    """A receive takes as many of the same group as possible, before it goes to other groups."""
    q = queue(fifo=True)
    q.send_in("g1", "g1-m1")
    q.send_in("g2", "g2-m1")
    q.send_in("g1", "g1-m2", "g1-m3")
    in_order(q.receive(10, wait=5), ["g1-m1", "g1-m2", "g1-m3", "g2-m1"])


@documented("fifo.groups-sorted", SEND)
def test_sorted_within_groups(queue):
    """A receive may return several groups; the messages of each are sorted by time sent."""
    q = queue(fifo=True)
    for i in range(3):
        for group in "abc":
            q.send_in(group, f"{group}{i}")
    got = bodies(q.collect(9))
    for group in "abc":
        same(f"group {group}", [b for b in got if b[0] == group], [f"{group}{i}" for i in range(3)])


# ---- groups in flight ----

@recorded("fifo.group-blocked", seen("test_fifo_receive_message_visibility_timeout_shared_in_group"))
def test_group_is_blocked(queue):
    """While a message of a group is invisible no later one of the group comes; other groups go on."""
    q = queue(fifo=True)
    q.send_in("g1", "g1-m1", "g1-m2", "g1-m3")
    q.send_in("g2", "g2-m1")
    in_order(q.receive(2, wait=5), ["g1-m1", "g1-m2"])
    in_order(q.receive(10, wait=5), ["g2-m1"])
    q.is_silent(wait=1)


@recorded("fifo.group-after-delete", seen("test_fifo_message_group_visibility_after_delete"))
def test_group_after_delete(queue):
    """When what was in flight of a group is deleted, the rest of it comes."""
    q = queue(fifo=True)
    q.send_in("g1", "g1-m1", "g1-m2", "g1-m3")
    for message in q.receive(2, wait=5):
        q.delete(message)
    in_order(q.receive(10, wait=5), ["g1-m3"])


@recorded("fifo.group-partial-delete", seen("test_fifo_message_group_visibility_after_partial_delete"))
def test_group_after_partial_delete(queue):
    """When only some of what was in flight is deleted, the group stays blocked."""
    q = queue(fifo=True)
    q.send_in("g1", "g1-m1")
    q.send_in("g2", "g2-m1")
    q.send_in("g1", "g1-m2", "g1-m3")
    got = q.receive(2, wait=5)
    in_order(got, ["g1-m1", "g1-m2"])
    q.delete(got[0])
    in_order(q.receive(10, wait=5), ["g2-m1"])


@recorded("fifo.group-terminated", seen("test_fifo_message_group_visibility_after_terminate_visibility_timeout"))
def test_group_after_terminate(queue):
    """An earlier message that is made visible comes again, though a later one of its group is in flight, which does not."""
    q = queue(fifo=True)
    q.send_in("g1", "g1-m1", "g1-m2")
    q.send_in("g2", "g2-m1")
    got = q.receive(2, wait=5)
    in_order(got, ["g1-m1", "g1-m2"])
    q.change(got[0], 0)
    same("bodies", sorted(bodies(q.collect(2))), ["g1-m1", "g2-m1"])
    q.is_silent(wait=1)


@recorded("fifo.group-changed", seen("test_fifo_message_group_visibility_after_change_message_visibility"))
def test_group_after_change(queue):
    """The same when its changed timeout ends."""
    q = queue(fifo=True)
    q.send_in("g1", "g1-m1", "g1-m2")
    got = q.receive(2, wait=5)
    in_order(got, ["g1-m1", "g1-m2"])
    q.change(got[0], 1)
    same("body", q.take()["Body"], "g1-m1")
    q.is_silent(wait=1)


@recorded("fifo.group-later-visible", seen("test_fifo_group_visibility_extends, Nov 2025"))
def test_later_is_held_back(queue):
    """Of foo, bar, baz in flight with bar's timeout extended, foo comes again, baz not: an earlier one is invisible."""
    q = queue(fifo=True)
    q.send_in("g", "foo", "bar", "baz")
    got = q.receive(3, wait=5, VisibilityTimeout=3)
    in_order(got, ["foo", "bar", "baz"])
    q.change(got[1], 600)
    passes(queue, 4)
    in_order(q.receive(10, wait=5), ["foo"])


@recorded("fifo.zero-visibility", seen("test_fifo_receive_message_with_zero_visibility_timeout"))
def test_zero_visibility(queue):
    """A receive with VisibilityTimeout 0 leaves the group as it is."""
    q = queue(fifo=True)
    q.send_in("g1", "g1-m1", "g1-m2")
    in_order(q.receive(1, wait=5, VisibilityTimeout=0), ["g1-m1"])
    in_order(q.receive(10, wait=5), ["g1-m1", "g1-m2"])


@documented("fifo.wakes", RECEIVE)
def test_delete_wakes(queue):
    """A long poll that waits for a blocked group is answered when the group is free."""
    q = queue(fifo=True)
    q.send_in("g", "0", "1")
    message = q.take()
    timer = threading.Timer(0.5, q.delete, [message])
    timer.start()
    got = q.receive(10, wait=10)
    timer.join()
    in_order(got, ["1"])


@recorded("fifo.counts", seen("test_fifo_approx_number_of_messages"))
def test_counts(queue):
    """ApproximateNumberOfMessages counts what is not in flight."""
    q = queue(fifo=True)
    q.send_in("1", "a", "b", "c")
    q.send_in("2", "d")
    q.send_in("3", "e")
    same("counts", q.counts(), (5, 0, 0))
    got = q.collect(4)
    same("counts", q.counts(), (1, 4, 0))
    for message in got:
        q.delete(message)
    same("counts", q.counts(), (1, 0, 0))


# ---- deduplication ----

@documented("fifo.dedup.id", SEND)
def test_dedup_by_id(queue):
    """A second message with the same MessageDeduplicationId is accepted, and not delivered."""
    q = queue(fifo=True)
    q.send("first", MessageGroupId="g", MessageDeduplicationId="d")
    works(q.send, "second", MessageGroupId="g", MessageDeduplicationId="d")
    in_order(q.receive(10, wait=5), ["first"])
    same("counts", q.counts(), (0, 1, 0))


@documented("fifo.dedup.answer", f"{SEND}; floci-io/floci#776")
def test_dedup_answer(queue):
    """The answer to a duplicate has the first message's id and SequenceNumber, and the MD5 of what was sent."""
    q = queue(fifo=True)
    first = q.send("first", MessageGroupId="g", MessageDeduplicationId="d")
    second = works(q.send, "second", MessageGroupId="g", MessageDeduplicationId="d")
    holds(second["MessageId"] == first["MessageId"], "another MessageId")
    holds(second.get("SequenceNumber") == first.get("SequenceNumber"), "another SequenceNumber")
    same("MD5OfMessageBody", second["MD5OfMessageBody"], md5("second"))


@recorded("fifo.dedup.content", seen("test_fifo_content_based_message_deduplication_arrives_once"))
def test_dedup_by_content(queue):
    """With ContentBasedDeduplication messages with the same body are duplicates."""
    q = queue(fifo=True, ContentBasedDeduplication="true")
    for _ in range(2):
        works(q.send, '{"foo": "bar"}', MessageGroupId="g")
    in_order(q.receive(10, wait=5), ['{"foo": "bar"}'])
    q.is_silent(wait=1)


@documented("fifo.dedup.attributes", SEND)
def test_dedup_ignores_attributes(queue):
    """The hash is that of the body, not of the attributes."""
    q = queue(fifo=True, ContentBasedDeduplication="true")
    for value in "ab":
        q.send("same", MessageGroupId="g", MessageAttributes={"a": {"DataType": "String", "StringValue": value}})
    in_order(q.receive(10, wait=5), ["same"])
    same("counts", q.counts(), (0, 1, 0))


@documented("fifo.dedup.sha256", SEND)
def test_dedup_is_sha256(queue):
    """The generated id is the SHA-256 of the body: a message that is sent with it is a duplicate, and receivers see it."""
    q = queue(fifo=True, ContentBasedDeduplication="true")
    digest = hashlib.sha256(b"body").hexdigest()
    q.send("body", MessageGroupId="g")
    works(q.send, "other", MessageGroupId="g", MessageDeduplicationId=digest)
    got = q.receive(10, wait=5, MessageSystemAttributeNames=["MessageDeduplicationId"])
    in_order(got, ["body"])
    same("MessageDeduplicationId", got[0]["Attributes"]["MessageDeduplicationId"], digest)


@documented("fifo.dedup.id-wins", SEND)
def test_dedup_id_wins(queue):
    """A MessageDeduplicationId overrides the generated one: the same body with two ids is two messages."""
    q = queue(fifo=True, ContentBasedDeduplication="true")
    for id in "ab":
        q.send("same", MessageGroupId="g", MessageDeduplicationId=id)
    in_order(q.collect(2), ["same", "same"])


@pytest.mark.parametrize("by_content", [
    row(recorded("fifo.dedup.after-delete", seen("test_fifo_deduplication_arrives_once_after_delete[False]")),
        "A deduplication id is kept track of even after the message is received and deleted.", False),
    row(recorded("fifo.dedup.after-delete-content", seen("test_fifo_deduplication_arrives_once_after_delete[True]")),
        "The same with ContentBasedDeduplication.", True),
])
def test_dedup_after_delete(queue, by_content):
    q = queue(fifo=True, ContentBasedDeduplication=str(by_content).lower())
    more = {} if by_content else {"MessageDeduplicationId": "d"}
    q.send("body", MessageGroupId="g", **more)
    q.delete(q.take())
    works(q.send, "body", MessageGroupId="g", **more)
    q.is_silent(wait=1)


@pytest.mark.parametrize("by_content", [
    row(recorded("fifo.dedup.queue-scope", seen("test_fifo_deduplication_not_on_message_group_id[False]")),
        "The default scope is the queue: the same id in another group is a duplicate.", False),
    row(recorded("fifo.dedup.queue-scope-content", seen("test_fifo_deduplication_not_on_message_group_id[True]")),
        "The same with ContentBasedDeduplication.", True),
])
def test_dedup_scope_queue(queue, by_content):
    q = queue(fifo=True, ContentBasedDeduplication=str(by_content).lower())
    more = {} if by_content else {"MessageDeduplicationId": "d"}
    for group in ("group-1", "group-2"):
        works(q.send, "body", MessageGroupId=group, **more)
    same("received", len(q.collect(1)), 1)
    q.is_silent(wait=1)


@documented("fifo.dedup.group-scope", operation("CreateQueue: DeduplicationScope"))
def test_dedup_scope_group(queue):
    """With DeduplicationScope messageGroup an id counts within its group."""
    q = queue(fifo=True, **GROUP_AND_SCOPE)
    for group in ("g1", "g2", "g1"):
        works(q.send, group, MessageGroupId=group, MessageDeduplicationId="d")
    same("bodies", sorted(bodies(q.collect(2))), ["g1", "g2"])
    same("counts", q.counts(), (0, 2, 0))


@documented("fifo.dedup.batch", operation("SendMessageBatch"))
def test_dedup_within_batch(queue):
    """Two entries of a batch with the same id: both succeed, one message is delivered."""
    q = queue(fifo=True)
    answer = works(q.batch, [{"Id": i, "MessageBody": i, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
                             for i in "ab"])
    same("Successful", succeeded(answer), ["a", "b"])
    in_order(q.receive(10, wait=5), ["a"])
    same("counts", q.counts(), (0, 1, 0))


# ---- what a message needs ----

@recorded("fifo.needs.group", seen("test_posting_to_fifo_requires_deduplicationid_group_id"))
def test_needs_group(queue):
    """Without MessageGroupId: MissingParameter."""
    refused("MissingParameter", queue(fifo=True).send, MessageDeduplicationId="d", text=NO_GROUP)


@recorded("fifo.needs.dedup", seen("test_posting_to_fifo_requires_deduplicationid_group_id"))
def test_needs_dedup(queue):
    """Without MessageDeduplicationId and ContentBasedDeduplication: InvalidParameterValue."""
    refused("InvalidParameterValue", queue(fifo=True).send, MessageGroupId="g", text=NO_DEDUP)


def two(**of_second):
    return [{"Id": "a", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "a"},
            {"Id": "b", "MessageBody": "b", **of_second}]


@recorded("fifo.needs.group-batch", seen("test_send_batch_missing_message_group_id_for_fifo_queue"))
def test_batch_needs_group(queue):
    """In a batch an entry without MessageGroupId fails the whole call: InvalidParameterValue."""
    refused("InvalidParameterValue", queue(fifo=True).batch, two(MessageDeduplicationId="b"), text=NO_GROUP)


@recorded("fifo.needs.dedup-batch", seen("test_send_batch_missing_deduplication_id_for_fifo_queue"))
def test_batch_needs_dedup(queue):
    """In a batch an entry without MessageDeduplicationId fails the whole call: InvalidParameterValue."""
    refused("InvalidParameterValue", queue(fifo=True).batch, two(MessageGroupId="g"), text=NO_DEDUP)


PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@documented("fifo.ids.longest", SEND)
def test_longest_ids(queue):
    """Group and deduplication ids: up to 128 alphanumeric characters and punctuation, and come back as they were."""
    q = queue(fifo=True)
    id = ((PUNCTUATION + "azAZ09") * 4)[:128]
    works(q.send, MessageGroupId=id, MessageDeduplicationId=id)
    got = q.take(MessageSystemAttributeNames=["MessageGroupId", "MessageDeduplicationId"])
    same("attributes", got["Attributes"], {"MessageGroupId": id, "MessageDeduplicationId": id})


@pytest.mark.parametrize("ids", [
    row(documented("fifo.ids.group-129", SEND), "A MessageGroupId of 129 characters is refused.",
        {"MessageGroupId": "g" * 129, "MessageDeduplicationId": "d"}),
    row(documented("fifo.ids.dedup-129", SEND), "A MessageDeduplicationId of 129 characters is refused.",
        {"MessageGroupId": "g", "MessageDeduplicationId": "d" * 129}),
    row(documented("fifo.ids.group-space", SEND), "A space is no valid character of a MessageGroupId.",
        {"MessageGroupId": "a b", "MessageDeduplicationId": "d"}),
    row(documented("fifo.ids.dedup-umlaut", SEND), "ü is no valid character of a MessageDeduplicationId.",
        {"MessageGroupId": "g", "MessageDeduplicationId": "ü"}),
])
def test_bad_ids(queue, ids):
    refused("InvalidParameterValue", queue(fifo=True).send, **ids)


@documented("fifo.dedup.standard", SEND)
def test_dedup_on_standard(queue):
    """MessageDeduplicationId applies only to FIFO queues: on a standard queue it is refused."""
    refused("InvalidParameterValue", queue().send, MessageDeduplicationId="d")


@recorded("fifo.delay", seen("test_fifo_queue_send_message_with_delay_seconds_fails"))
def test_no_delay_of_message(queue):
    """DelaySeconds can't be set per message: InvalidParameterValue."""
    refused("InvalidParameterValue", queue(fifo=True).send, MessageGroupId="1", MessageDeduplicationId="d", DelaySeconds=2,
            text="Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid "
                 "for this queue type.")


@recorded("fifo.delay-zero", seen("test_send_message_with_delay_0_works_for_fifo"))
def test_delay_of_zero(queue):
    """A DelaySeconds of 0 is taken."""
    q = queue(fifo=True)
    works(q.send, MessageGroupId="1", MessageDeduplicationId="d", DelaySeconds=0)
    q.take()


@recorded("fifo.delay-queue", seen("test_fifo_queue_send_message_with_delay_on_queue_works"))
def test_delay_of_queue(queue):
    """The queue's DelaySeconds holds for all of its messages, and their order stays."""
    q = queue(fifo=True, DelaySeconds=1)
    end = time.monotonic() + 1
    q.send_in("1", "a", "b", "c")
    q.is_silent(did="received before the delay was over", before=end)
    passes(queue)
    in_order(q.receive(3, wait=5), ["a", "b", "c"])


@documented("fifo.delay-changed", f"{GUIDE}, Delay queues")
def test_delay_of_queue_changed(queue):
    """For FIFO queues a change of the queue's delay affects messages that are in it already."""
    q = queue(fifo=True, DelaySeconds=900)
    q.send_in("g", "hello")
    q.set(DelaySeconds=0)
    q.take()


# ---- sequence numbers and attributes ----

@recorded("fifo.sequence", seen("test_fifo_sequence_number_increases"), varies=True)
def test_sequence_numbers(queue):
    """SequenceNumber increases from message to message of a group."""
    q = queue(fifo=True)
    numbers = [a.get("SequenceNumber", "") for a in q.send_in("g", "a", "b", "c")]
    holds(all(n.isdigit() for n in numbers), f"SequenceNumbers {numbers}")
    holds(int(numbers[0]) < int(numbers[1]) < int(numbers[2]), "they do not increase")


@documented("fifo.sequence-128", operation("SendMessageResult"))
def test_sequence_number_is_large(queue):
    """The SequenceNumber is a large number of 128 bits at most, of digits."""
    n = queue(fifo=True).send_in("g", "a")[0].get("SequenceNumber", "")
    holds(re.fullmatch(r"[0-9]+", n) and int(n) < 1 << 128, f"SequenceNumber {n}")


@recorded("fifo.attributes", seen("test_fifo_message_attributes"))
def test_attributes(queue):
    """All brings MessageDeduplicationId, MessageGroupId and SequenceNumber, the one that the send was answered with."""
    q = queue(fifo=True, VisibilityTimeout=0, **GROUP_AND_SCOPE)
    sent = q.send("message-body-1", MessageGroupId="group-1", MessageDeduplicationId="dedup-1")
    for count in "12":
        a = q.take(MessageSystemAttributeNames=["All"]).get("Attributes", {})
        same("names", sorted(a), ["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount",
                                  "MessageDeduplicationId", "MessageGroupId", "SenderId", "SentTimestamp",
                                  "SequenceNumber"])
        same("values", (a["ApproximateReceiveCount"], a["MessageDeduplicationId"], a["MessageGroupId"],
                        a["SequenceNumber"]), (count, "dedup-1", "group-1", sent["SequenceNumber"]))


# ---- attempt ids ----

@documented("fifo.attempt", ATTEMPT)
def test_attempt(queue):
    """During the visibility timeout a receive with the same ReceiveRequestAttemptId returns the same messages and receipt
    handles."""
    q = queue(fifo=True)
    q.send_in("g", "0", "1", "2")
    first = q.receive(2, wait=5, ReceiveRequestAttemptId="try-1")
    in_order(first, ["0", "1"])
    again = q.receive(2, wait=1, ReceiveRequestAttemptId="try-1")
    in_order(again, ["0", "1"])
    holds([m["ReceiptHandle"] for m in again] == [m["ReceiptHandle"] for m in first], "other receipt handles")


@documented("fifo.attempt-other", ATTEMPT)
def test_other_attempt(queue):
    """With another one, or none, the group is blocked as ever."""
    q = queue(fifo=True)
    q.send_in("g", "0", "1")
    in_order(q.receive(1, wait=5, ReceiveRequestAttemptId="try-1"), ["0"])
    q.is_silent(wait=1, ReceiveRequestAttemptId="try-2")
    q.is_silent()


@documented("fifo.attempt-resets", ATTEMPT)
def test_attempt_resets(queue):
    """A retry resets the visibility timeout."""
    q = queue(fifo=True, VisibilityTimeout=3)
    q.send_in("g", "0")
    in_order(q.receive(1, wait=5, ReceiveRequestAttemptId="try-1"), ["0"])
    passes(queue)
    end = time.monotonic() + 3
    in_order(q.receive(1, wait=1, ReceiveRequestAttemptId="try-1"), ["0"])
    q.is_silent(wait=2, did="received when the first timeout was over", before=end)


@documented("fifo.attempt-deleted", ATTEMPT)
def test_attempt_after_delete(queue):
    """A retry is possible if none of the messages was deleted: a deleted one does not come back."""
    q = queue(fifo=True)
    q.send_in("g", "0", "1")
    first = q.receive(2, wait=5, ReceiveRequestAttemptId="try-1")
    in_order(first, ["0", "1"])
    q.delete(first[0])
    holds("0" not in bodies(q.receive(2, wait=1, ReceiveRequestAttemptId="try-1")), "the deleted message came back")


@documented("fifo.attempt-long", ATTEMPT)
def test_attempt_too_long(queue):
    """The maximum length of ReceiveRequestAttemptId is 128 characters."""
    q = queue(fifo=True)
    works(q.receive, ReceiveRequestAttemptId="a" * 128)
    refused("InvalidParameterValue", q.receive, ReceiveRequestAttemptId="a" * 129)


@documented("fifo.not-exactly", FIFO_GUIDE)
def test_receive_same_group_in_parallel(queue):
    """Two receivers never have messages of one group at the same time."""
    q = queue(fifo=True)
    for i in range(10):
        q.send_in(f"g{i % 2}", f"g{i % 2}-{i}")
    with ThreadPoolExecutor(4) as pool:
        got = [call.result() for call in [pool.submit(q.receive, 3, 1) for _ in range(4)]]
    holders = [{m["Body"][:2] for m in messages} for messages in got]
    same("receivers of each group", [sum(g in h for h in holders) for g in ("g0", "g1")], [1, 1])
