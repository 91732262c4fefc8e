"""Batch calls: what fails a batch, what fails an entry, positions, sizes."""
import pytest

from case import documented, operation, recorded, row, seen
from checks import SQS, entry_failed, holds, refused, same, succeeded, works
from test_send import MIB, md5, md5_of_attributes, string

SEND = operation("SendMessageBatch")
IDS = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."


def entries(count, **more):
    return [{"Id": f"id-{i}", "MessageBody": f"body {i}", **more} for i in range(count)]


def handles(count):
    return [{"Id": f"id-{i}", "ReceiptHandle": f"handle-{i}", "VisibilityTimeout": 1} for i in range(count)]


@pytest.fixture
def call(sqs):
    """A batch call by its name."""
    calls = {"SendMessageBatch": sqs.send_message_batch, "DeleteMessageBatch": sqs.delete_message_batch,
             "ChangeMessageVisibilityBatch": sqs.change_message_visibility_batch}

    def make(name, q, some):
        if name == "DeleteMessageBatch":
            some = [{k: v for k, v in e.items() if k != "VisibilityTimeout"} for e in some]
        return calls[name](QueueUrl=q.url, Entries=some)
    return make


def some(name, count):
    return entries(count) if name == "SendMessageBatch" else handles(count)


CALLS = ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"]
TOO_MANY = dict(zip(CALLS, ["test_too_many_entries_in_batch_request", "test_delete_message_batch_with_too_large_batch",
                            "test_change_message_visibility_batch_with_too_large_batch"]))


@recorded("batch.send", seen("test_publish_get_delete_message_batch"))
def test_send(queue):
    """Ten messages go in one call; each entry's answer has its id, the message's id and the body's MD5."""
    q = queue()
    answer = works(q.batch, entries(10))
    same("Successful", succeeded(answer), [f"id-{i}" for i in range(10)])
    same("Failed", answer.get("Failed", []), [])
    same("MD5s", [e["MD5OfMessageBody"] for e in answer["Successful"]], [md5(f"body {i}") for i in range(10)])
    got = q.collect(10)
    same("messages", {m["MessageId"]: m["Body"] for m in got},
         {e["MessageId"]: f"body {e['Id'][3:]}" for e in answer["Successful"]})


@recorded("batch.shape", seen("test_send_message_batch_with_oversized_contents_with_updated_maximum_message_size"))
def test_shape(wire, queue):
    """Successful and Failed are both there, though one is empty."""
    q = queue()
    answer = wire.json("SendMessageBatch", {"QueueUrl": q.url, "Entries": entries(1)}).json()
    same("Failed", answer.get("Failed", "not there"), [])
    answer = wire.json("DeleteMessageBatch", {"QueueUrl": q.url, "Entries": [{"Id": "a", "ReceiptHandle": "x"}]}).json()
    same("Successful", answer.get("Successful", "not there"), [])


@pytest.mark.parametrize("name", [row(recorded(f"batch.eleven.{n}", seen(TOO_MANY[n])),
                                      f"{n} of 20 entries: TooManyEntriesInBatchRequest, with both numbers.", n)
                                  for n in CALLS])
def test_too_many(queue, call, name):
    refused(f"{SQS}TooManyEntriesInBatchRequest", call, name, queue(), some(name, 20),
            text="Maximum number of entries per request are 10. You have sent 20.")


@pytest.mark.parametrize("name", [
    row((recorded if n == "SendMessageBatch" else documented)(
        f"batch.empty.{n}", seen("test_send_message_batch_with_empty_list") if n == "SendMessageBatch" else operation(n)),
        f"{n} without entries: EmptyBatchRequest.", n) for n in CALLS])
def test_empty(queue, call, name):
    refused(f"{SQS}EmptyBatchRequest", call, name, queue(), [])


@pytest.mark.parametrize("name", [row(documented(f"batch.ids-twice.{n}", operation(n)),
                                      f"{n} with an id twice: BatchEntryIdsNotDistinct.", n) for n in CALLS])
def test_id_twice(queue, call, name):
    twice = some(name, 2)
    twice[1]["Id"] = twice[0]["Id"]
    refused(f"{SQS}BatchEntryIdsNotDistinct", call, name, queue(), twice)


@pytest.mark.parametrize("id", [
    row(recorded("batch.id.empty", seen("test_delete_message_batch_invalid_msg_id")), "An empty id.", ""),
    row(recorded("batch.id.long", seen("test_delete_message_batch_invalid_msg_id")), "An id of 100 characters.",
        "testLongId" * 10),
    row(recorded("batch.id.colon", seen("test_delete_message_batch_invalid_msg_id")), "An id with a colon.", "invalid:id"),
])
def test_bad_id(queue, call, id):
    refused(f"{SQS}InvalidBatchEntryId", call, "DeleteMessageBatch", queue(), [{"Id": id, "ReceiptHandle": "h"}], text=IDS)


@recorded("batch.id.send", seen("test_invalid_batch_id"))
def test_bad_id_of_send(queue):
    """A bad id fails a SendMessageBatch as a whole: InvalidBatchEntryId."""
    q = queue()
    refused(f"{SQS}InvalidBatchEntryId", q.batch, [*entries(1), {"Id": "message:1", "MessageBody": "b"}], text=IDS)
    q.is_silent(did="the other entry was sent")


@documented("batch.id.longest", SEND)
def test_longest_id(queue):
    """An id can have up to 80 characters: alphanumeric, hyphen, underscore."""
    id = ("aZ09_-" * 14)[:80]
    same("Successful", succeeded(works(queue().batch, [{"Id": id, "MessageBody": "b"}])), [id])


@recorded("batch.partial", seen("test_batch_send_with_invalid_char_should_succeed"))
def test_partial(queue):
    """An entry whose body has a forbidden character fails alone: InvalidMessageContents."""
    q = queue()
    bad = [*entries(4), {"Id": "bad", "MessageBody": "\x01"}, {"Id": "last", "MessageBody": "last"}]
    answer = works(q.batch, bad)
    same("Successful", sorted(succeeded(answer)), ["id-0", "id-1", "id-2", "id-3", "last"])
    entry_failed(answer, "bad", "InvalidMessageContents")
    same("bodies", sorted(m["Body"] for m in q.collect(5)), ["body 0", "body 1", "body 2", "body 3", "last"])


@documented("batch.partial-delay", SEND)
def test_partial_delay(queue):
    """The result of sending each message is reported individually: a DelaySeconds out of range fails its entry."""
    q = queue()
    answer = works(q.batch, [{"Id": "bad", "MessageBody": "b", "DelaySeconds": 901}, *entries(1)])
    same("Successful", succeeded(answer), ["id-0"])
    entry_failed(answer, "bad", "InvalidParameterValue")


@documented("batch.partial-attribute", SEND)
def test_partial_attribute(queue):
    """A bad attribute fails its entry alone."""
    q = queue()
    answer = works(q.batch, [{"Id": "bad", "MessageBody": "b", "MessageAttributes": {"a": string("v", "Bad")}}, *entries(1)])
    same("Successful", succeeded(answer), ["id-0"])
    entry_failed(answer, "bad", "InvalidParameterValue")


@documented("batch.all-fail", SEND)
def test_all_fail(queue):
    """A batch in which every entry fails is still answered 200."""
    answer = works(queue().batch, [{"Id": "a", "MessageBody": "\0"}, {"Id": "b", "MessageBody": "\1"}])
    same("Successful", succeeded(answer), [])
    same("Failed", sorted(e["Id"] for e in answer["Failed"]), ["a", "b"])


@documented("batch.delay", SEND)
def test_delay(queue):
    """Each entry has its own delay; without one, the queue's."""
    q = queue(DelaySeconds=600)
    works(q.batch, [{"Id": "a", "MessageBody": "a", "DelaySeconds": 0}, {"Id": "b", "MessageBody": "b"}])
    same("counts", q.counts(), (1, 0, 1))
    same("visible", q.take()["Body"], "a")


@documented("batch.attributes", SEND)
def test_attributes(queue):
    """Each entry has its own attributes, and their digest."""
    q = queue()
    attributes = {"a": string("v")}
    answer = works(q.batch, [{"Id": "with", "MessageBody": "with", "MessageAttributes": attributes},
                             {"Id": "without", "MessageBody": "without"}])
    same("digests", {e["Id"]: e.get("MD5OfMessageAttributes") for e in answer["Successful"]},
         {"with": md5_of_attributes(attributes), "without": None})


# ---- sizes ----

@documented("batch.size.max", SEND)
def test_largest(queue):
    """The total payload of a batch can be 1,048,576 bytes."""
    half = "h" * (MIB // 2)
    q = queue()
    same("Successful", succeeded(works(q.batch, [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}])),
         ["a", "b"])


@recorded("batch.size.over", seen("test_send_message_batch_with_oversized_contents, 2025"))
def test_too_large(queue):
    """One byte more, attributes counted: BatchRequestTooLong, with both numbers, and nothing is sent."""
    q = queue()
    body = "a" * (MIB - len("k" "String" "x"))
    refused(f"{SQS}BatchRequestTooLong", q.batch,
            [{"Id": "1", "MessageBody": body, "MessageAttributes": {"k": string("x")}}, {"Id": "2", "MessageBody": "a"}],
            text="Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.")
    q.is_silent(did="some of it was sent")


@recorded("batch.size.queue", seen("test_send_message_batch_with_oversized_contents_with_updated_maximum_message_size"))
def test_size_of_queue(queue):
    """MaximumMessageSize of the queue is for each message, not for the batch."""
    q = queue(MaximumMessageSize=2048)
    same("Successful", succeeded(works(q.batch, [
        {"Id": "1", "MessageBody": "a" * (2048 - len("k" "String" "x")), "MessageAttributes": {"k": string("x")}},
        {"Id": "2", "MessageBody": "a"}])), ["1", "2"])


@documented("batch.size.entry", SEND)
def test_size_of_entry(queue):
    """The result of sending each message is reported individually: an entry above the queue's MaximumMessageSize fails
    alone."""
    q = queue(MaximumMessageSize=1024)
    answer = works(q.batch, [{"Id": "1", "MessageBody": "a" * 1024}, {"Id": "2", "MessageBody": "a" * 1025}])
    same("Successful", succeeded(answer), ["1"])
    entry_failed(answer, "2", "InvalidParameterValue")


@documented("batch.delete", operation("DeleteMessageBatch"))
def test_delete(sqs, queue):
    """DeleteMessageBatch deletes up to ten messages, and answers for each."""
    q = queue()
    q.batch(entries(10))
    got = q.collect(10)
    answer = works(sqs.delete_message_batch, QueueUrl=q.url,
                   Entries=[{"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in got])
    same("Successful", succeeded(answer), [m["MessageId"] for m in got])
    holds(q.counts() == (0, 0, 0), f"counts {q.counts()}")
