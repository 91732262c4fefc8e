"""Visibility timeouts, and receipt handles: fake, stale, expired, deleted, of another queue."""
import re
import time

from case import CENTER, documented, operation, recorded, seen
from checks import entry_failed, holds, refused, same, succeeded, works

CHANGE = operation("ChangeMessageVisibility")
DELETE = operation("DeleteMessage")
EXPIRED = re.compile(r"Value .* for parameter ReceiptHandle is invalid\. Reason: The receipt handle has expired\.")
# Between the end of a timeout of 1 s and the next call; the wait is the server's: a poll of an empty queue.
PAST_S = 2


def passes(queue, seconds=PAST_S):
    """Lets that much time go by on the server's clock."""
    queue().receive(1, seconds)


def expired(q, queue):
    """A message that was received, and whose visibility timeout is over."""
    q.send()
    message = q.take(VisibilityTimeout=1)
    passes(queue)
    return message


def stale(q):
    """A message that was received twice: the first of the two."""
    q.send()
    old = q.take(VisibilityTimeout=0)
    q.take(VisibilityTimeout=600)
    return old


@recorded("visibility.hides", seen("test_receive_after_visibility_timeout"))
def test_hides(queue):
    """A received message is hidden for the queue's visibility timeout, then comes with another handle."""
    q = queue(VisibilityTimeout=1)
    q.send()
    end = time.monotonic() + 1
    first = q.take()
    q.is_silent(did="received again within the timeout", before=end)
    second = q.take()
    same("MessageId", second["MessageId"], first["MessageId"])
    holds(second["ReceiptHandle"] != first["ReceiptHandle"], "the same handle twice")


@documented("visibility.of-receive", operation("ReceiveMessage"))
def test_of_receive(queue):
    """VisibilityTimeout of a receive holds in place of the queue's, and only for that receive."""
    q = queue(VisibilityTimeout=600)
    q.send()
    q.take(VisibilityTimeout=1)
    q.take()
    q.is_silent(wait=2, did="the second receive had the first one's timeout")


@recorded("visibility.zero", seen("test_receive_terminate_visibility_timeout"))
def test_zero(queue):
    """A receive with VisibilityTimeout 0 leaves the message visible."""
    q = queue()
    q.send()
    first = q.take(VisibilityTimeout=0)
    second = q.take()
    same("MessageId", second["MessageId"], first["MessageId"])
    q.is_silent()


@documented("visibility.queue-zero", operation("CreateQueue"))
def test_queue_of_zero(queue):
    """A queue's VisibilityTimeout may be 0: messages never hide."""
    q = queue(VisibilityTimeout=0)
    q.send()
    q.take()
    q.take()


@recorded("visibility.change-zero", seen("test_delete_message_deletes_with_change_visibility_timeout"))
def test_change_to_zero(queue):
    """ChangeMessageVisibility to 0 makes the message visible at once."""
    q = queue()
    q.send()
    works(q.change, q.take(), 0)
    q.take()


@recorded("visibility.extend", seen("test_extend_message_visibility_timeout_set_in_queue"))
def test_extend(queue):
    """The new timeout counts from the call, and replaces what was left."""
    q = queue(VisibilityTimeout=2)
    q.send()
    message = q.take()
    passes(queue, 1)
    works(q.change, message, 600)
    q.is_silent(wait=2, did="visible at the end of the first timeout")


@documented("visibility.shorten", CHANGE)
def test_shorten(queue):
    """A shorter timeout replaces a longer one."""
    q = queue(VisibilityTimeout=600)
    q.send()
    message = q.take()
    end = time.monotonic() + 1
    works(q.change, message, 1)
    q.is_silent(did="visible at once", before=end)
    q.take()


@recorded("visibility.not-kept", seen("test_change_message_visibility_not_permanent"))
def test_not_kept(queue):
    """A changed timeout isn't saved for the message: the next receive has the queue's."""
    q = queue(VisibilityTimeout=600)
    q.send()
    works(q.change, q.take(), 0)
    q.take()
    q.is_silent(wait=1, did="visible again with the changed timeout")


@documented("visibility.limit", CHANGE)
def test_limit(queue):
    """VisibilityTimeout: 0 to 43200; what is refused changes nothing."""
    q = queue()
    q.send()
    message = q.take(VisibilityTimeout=600)
    refused("InvalidParameterValue", q.change, message, 43201)
    refused("InvalidParameterValue", q.change, message, -1)
    same("counts", q.counts(), (0, 1, 0))


@recorded("visibility.total", "aws/aws-sdk-net#794, localstack#3956: AWS's answer")
def test_total(queue):
    """12 hours count from the receive: more than what is left is refused, and the timeout isn't cut to it."""
    q = queue()
    q.send()
    message = q.take(VisibilityTimeout=600)
    passes(queue)
    refused("InvalidParameterValue", q.change, message, 43200,
            text=re.compile(r"Value 43200 for parameter VisibilityTimeout is invalid\. Reason: Total VisibilityTimeout "
                            r"for the message is beyond the limit \[43200 seconds\]\.?"))


@documented("visibility.in-flight-count", operation("GetQueueAttributes"))
def test_in_flight_count(queue):
    """Messages are in flight from the receive until they are deleted or their timeout ends."""
    q = queue()
    q.batch([{"Id": str(i), "MessageBody": str(i)} for i in range(3)])
    same("counts", q.counts(), (3, 0, 0))
    a, b = q.collect(2)
    same("counts", q.counts(), (1, 2, 0))
    q.delete(a)
    q.change(b, 0)
    same("counts", q.counts(), (2, 0, 0))


# ---- delete ----

@recorded("delete", seen("test_publish_get_delete_message"))
def test_delete(queue):
    """A deleted message does not come again."""
    q = queue()
    q.send()
    works(q.delete, q.take(VisibilityTimeout=1))
    q.is_silent(wait=2)
    same("counts", q.counts(), (0, 0, 0))


@recorded("delete.again", seen("test_delete_message_with_deleted_receipt_handle"))
def test_delete_again(queue):
    """To delete with the handle of a deleted message succeeds."""
    q = queue()
    q.send()
    message = q.take()
    for _ in range(3):
        works(q.delete, message)


@recorded("delete.fake", seen("test_delete_message_with_illegal_receipt_handle"))
def test_delete_fake(queue):
    """What is no receipt handle: ReceiptHandleIsInvalid, and which."""
    refused("ReceiptHandleIsInvalid", queue().delete, "garbage", status=None,
            text='The input receipt handle "garbage" is not a valid receipt handle.')


@documented("delete.fake-status",
            "service model, as in @aws-sdk/client-sqs, httpError of ReceiptHandleIsInvalid: 404; API reference, "
            "DeleteMessage: 400",
            rule="fake-handle-status")
def test_status_of_fake(queue, rule):
    """The status of ReceiptHandleIsInvalid is 404 in the service model, and 400 in the API reference."""
    refused("ReceiptHandleIsInvalid", queue().delete, "garbage", status=int(rule("fake-handle-status")))


@documented("delete.message-id", DELETE)
def test_delete_by_message_id(queue):
    """A MessageId is no receipt handle."""
    q = queue()
    refused("ReceiptHandleIsInvalid", q.delete, q.send()["MessageId"], status=None)
    same("counts", q.counts(), (1, 0, 0))


@recorded("delete.other-queue", f"{CENTER}; aws/aws-sdk-java-v2#3101")
def test_delete_in_other_queue(queue):
    """A handle of another queue: ReceiptHandleIsInvalid, "… is not valid for this queue."."""
    a, b = queue(), queue()
    a.send()
    handle = a.take()["ReceiptHandle"]
    refused("ReceiptHandleIsInvalid", b.delete, handle, status=None,
            text=f'The receipt handle "{handle}" is not valid for this queue.')
    same("counts", a.counts(), (0, 1, 0))


@recorded("delete.expired", f"{seen('test_remove_message_with_old_receipt_handle')}; against it {CENTER}",
          rule="expired-handles")
def test_delete_expired(queue, rule):
    """Standard queue: to delete with a handle that expired, when nobody has received the message since, works (seen); it
    "can result in" InvalidParameterValue, "The receipt handle has expired." (knowledge center)."""
    q = queue()
    message = expired(q, queue)
    if rule("expired-handles") == "delete":
        works(q.delete, message)
        q.is_silent(wait=1, did="the message is still there")
    else:
        refused("InvalidParameterValue", q.delete, message, text=EXPIRED)
        q.take()


@documented("delete.stale", f"{DELETE}; against it getmoto/moto#4655, seen on AWS", rule="delete-stale-standard")
def test_delete_stale(queue, rule):
    """Standard queue: to delete with an old handle, when the message was received again, succeeds, but the message might
    not be deleted."""
    q = queue()
    works(q.delete, stale(q))
    same("counts", q.counts(), (0, 1, 0) if rule("delete-stale-standard") == "ignored" else (0, 0, 0))


@recorded("delete.expired-fifo", seen("test_fifo_delete_message_with_expired_receipt_handle"),
          rule="delete-expired-fifo")
def test_delete_expired_fifo(queue, rule):
    """FIFO queue: to delete with a handle that expired fails: InvalidParameterValue, "The receipt handle has expired."."""
    q = queue(fifo=True)
    q.send_in("g", "hello")
    message = q.take(VisibilityTimeout=1)
    passes(queue)
    if rule("delete-expired-fifo") == "fails":
        refused("InvalidParameterValue", q.delete, message, text=EXPIRED)
        q.take()
    else:
        works(q.delete, message)
        q.is_silent(wait=1)


@documented("delete.zero-fifo", "aws/aws-sdk-js#1750: AWS's answer to the question", rule="delete-expired-fifo")
def test_delete_zero_fifo(queue, rule):
    """FIFO queue: a handle of a receive with VisibilityTimeout 0 can't delete."""
    q = queue(fifo=True)
    q.send_in("g", "hello")
    message = q.take(VisibilityTimeout=0)
    if rule("delete-expired-fifo") == "fails":
        refused("InvalidParameterValue", q.delete, message, text=EXPIRED)
    else:
        works(q.delete, message)


@recorded("delete.twice-fifo", "numaproj/numaflow PR#3615, tested in us-east-2")
def test_delete_twice_fifo(queue):
    """FIFO queue too: to delete again with the handle of a deleted message succeeds."""
    q = queue(fifo=True)
    q.send_in("g", "hello")
    message = q.take()
    works(q.delete, message)
    works(q.delete, message)


# ---- change ----

@recorded("change.fake", seen("test_invalid_receipt_handle_should_return_error_message"))
def test_change_fake(queue):
    """What is no receipt handle: ReceiptHandleIsInvalid."""
    refused("ReceiptHandleIsInvalid", queue().change, "INVALID", 60, status=None,
            text='The input receipt handle "INVALID" is not a valid receipt handle.')


@recorded("change.deleted", seen("test_change_visibility_on_deleted_message_raises_invalid_parameter_value"),
          rule="visibility-deleted-standard")
def test_change_deleted(queue, rule):
    """The handle of a deleted message: InvalidParameterValue, "Message does not exist or is not available for visibility
    timeout change."."""
    q = queue()
    q.send()
    message = q.take()
    q.delete(message)
    if rule("visibility-deleted-standard") == "fails":
        refused("InvalidParameterValue", q.change, message, 42,
                text=f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid. Reason: Message does not "
                     f"exist or is not available for visibility timeout change.")
    else:
        works(q.change, message, 42)


@recorded("change.expired", seen("test_change_message_visibility_after_visibility_timeout_expiration"),
          rule="expired-handles")
def test_change_expired(queue, rule):
    """Standard queue: ChangeMessageVisibility with a handle that expired is answered 200 (seen), and changes nothing;
    the call "might result in an error" (ChangeMessageVisibility)."""
    q = queue()
    message = expired(q, queue)
    if rule("expired-handles") == "delete":
        works(q.change, message, 600)
    else:
        refused("InvalidParameterValue", q.change, message, 600, text=EXPIRED)
    same("counts", q.counts(), (1, 0, 0))


@recorded("change.expired-fifo", "aws/aws-sdk-java#1628: AWS's answer, type of the queue not said",
          rule="visibility-expired-fifo")
def test_change_expired_fifo(queue, rule):
    """FIFO queue: ChangeMessageVisibility with a handle that expired "might result in an error"
    (ChangeMessageVisibility); "The receipt handle has expired." was seen."""
    q = queue(fifo=True)
    q.send_in("g", "hello")
    message = q.take(VisibilityTimeout=1)
    passes(queue)
    if rule("visibility-expired-fifo") == "fails":
        refused("InvalidParameterValue", q.change, message, 600, text=EXPIRED)
    else:
        works(q.change, message, 600)
    same("counts", q.counts(), (1, 0, 0))


@recorded("change.stale", f"{seen('test_terminate_visibility_timeout_after_receive')}; getmoto/moto#4655",
          rule="visibility-stale-standard")
def test_change_stale(queue, rule):
    """Standard queue: the handle of an earlier receive changes the message's visibility, too (seen); "the last received
    receipt handle" is what to provide (Message)."""
    q = queue()
    works(q.change, stale(q), 0)
    visible = rule("visibility-stale-standard") == "works"
    same("counts", q.counts(), (1, 0, 0) if visible else (0, 1, 0))


@documented("change.message-untouched", CHANGE)
def test_change_touches_nothing_else(queue):
    """ChangeMessageVisibility does not count as a receive, and leaves body and id as they are."""
    q = queue()
    q.send("same")
    first = q.take()
    q.change(first, 0)
    second = q.take(MessageSystemAttributeNames=["ApproximateReceiveCount"])
    same("message", (second["Body"], second["MessageId"], second["Attributes"]["ApproximateReceiveCount"]),
         ("same", first["MessageId"], "2"))


# ---- in batches ----

@recorded("delete.batch-fake", "getmoto/moto#4765: AWS's answer")
def test_delete_batch_with_fake(sqs, queue):
    """In a batch a fake handle fails its entry alone: ReceiptHandleIsInvalid."""
    q = queue()
    q.send()
    answer = works(sqs.delete_message_batch, QueueUrl=q.url, Entries=[
        {"Id": "good", "ReceiptHandle": q.take()["ReceiptHandle"]}, {"Id": "bad", "ReceiptHandle": "invalid"}])
    same("Successful", succeeded(answer), ["good"])
    failed = entry_failed(answer, "bad", "ReceiptHandleIsInvalid")
    same("Message", failed.get("Message"), 'The input receipt handle "invalid" is not a valid receipt handle.')
    same("counts", q.counts(), (0, 0, 0))


@documented("change.batch", operation("ChangeMessageVisibilityBatch"))
def test_change_batch(sqs, queue):
    """Each entry has its own timeout, and its own result."""
    q = queue()
    q.batch([{"Id": str(i), "MessageBody": str(i)} for i in range(2)])
    a, b = q.collect(2)
    answer = works(sqs.change_message_visibility_batch, QueueUrl=q.url, Entries=[
        {"Id": "a", "ReceiptHandle": a["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": b["ReceiptHandle"], "VisibilityTimeout": 600},
        {"Id": "c", "ReceiptHandle": "invalid", "VisibilityTimeout": 0}])
    same("Successful", sorted(succeeded(answer)), ["a", "b"])
    entry_failed(answer, "c", "ReceiptHandleIsInvalid")
    same("visible", q.take()["MessageId"], a["MessageId"])
    q.is_silent()


@documented("change.batch-range", operation("ChangeMessageVisibilityBatch"))
def test_change_batch_range(sqs, queue):
    """A timeout out of range fails its entry alone: InvalidParameterValue."""
    q = queue()
    q.batch([{"Id": str(i), "MessageBody": str(i)} for i in range(2)])
    a, b = q.collect(2)
    answer = works(sqs.change_message_visibility_batch, QueueUrl=q.url, Entries=[
        {"Id": "a", "ReceiptHandle": a["ReceiptHandle"], "VisibilityTimeout": 43201},
        {"Id": "b", "ReceiptHandle": b["ReceiptHandle"], "VisibilityTimeout": 0}])
    same("Successful", succeeded(answer), ["b"])
    entry_failed(answer, "a", "InvalidParameterValue")


@documented("change.batch-deleted", operation("ChangeMessageVisibilityBatch"), rule="visibility-deleted-standard")
def test_change_batch_deleted(sqs, queue, rule):
    """The result on each message is reported individually: the handle of a deleted one fails its entry, with the code of
    the single call."""
    q = queue()
    q.send()
    message = q.take()
    q.delete(message)
    answer = works(sqs.change_message_visibility_batch, QueueUrl=q.url, Entries=[
        {"Id": "a", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 42}])
    if rule("visibility-deleted-standard") == "fails":
        entry_failed(answer, "a", "InvalidParameterValue")
    else:
        same("Successful", succeeded(answer), ["a"])


@documented("delete.batch-deleted", operation("DeleteMessageBatch"))
def test_delete_batch_again(sqs, queue):
    """To delete a batch a second time succeeds for each entry."""
    q = queue()
    q.batch([{"Id": str(i), "MessageBody": str(i)} for i in range(2)])
    entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(q.collect(2))]
    for _ in range(2):
        answer = works(sqs.delete_message_batch, QueueUrl=q.url, Entries=entries)
        same("Successful", succeeded(answer), ["0", "1"])
        same("Failed", answer.get("Failed", []), [])
