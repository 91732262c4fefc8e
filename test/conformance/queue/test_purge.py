"""PurgeQueue."""
from case import documented, operation, recorded, seen
from checks import SQS, in_order, refused, same, works

PURGE = operation("PurgeQueue")


@recorded("purge", seen("test_purge_queue"))
def test_purge(sqs, queue):
    """PurgeQueue deletes what is in the queue; what is sent afterwards comes."""
    q = queue()
    for i in range(3):
        q.send(f"before {i}")
    works(sqs.purge_queue, QueueUrl=q.url)
    q.is_silent()
    q.send("after")
    same("body", q.take()["Body"], "after")


@recorded("purge.in-flight", seen("test_purge_queue_deletes_inflight_messages"))
def test_purge_in_flight(sqs, queue):
    """It deletes messages in flight, too."""
    q = queue()
    q.send()
    q.take(VisibilityTimeout=1)
    works(sqs.purge_queue, QueueUrl=q.url)
    q.is_silent(wait=2)
    same("counts", q.counts(), (0, 0, 0))


@recorded("purge.delayed", seen("test_purge_queue_deletes_delayed_messages"))
def test_purge_delayed(sqs, queue):
    """It deletes messages that are delayed, too."""
    q = queue()
    q.send(DelaySeconds=1)
    works(sqs.purge_queue, QueueUrl=q.url)
    q.is_silent(wait=2)
    same("counts", q.counts(), (0, 0, 0))


@recorded("purge.twice", seen("test_successive_purge_calls_fail"))
def test_purge_twice(sqs, queue):
    """A second purge within 60 seconds: PurgeQueueInProgress, 403."""
    q = queue()
    works(sqs.purge_queue, QueueUrl=q.url)
    refused(f"{SQS}PurgeQueueInProgress", sqs.purge_queue, QueueUrl=q.url, status=403,
            text=f"Only one PurgeQueue operation on {q.name} is allowed every 60 seconds.")


@recorded("purge.dedup", f"{seen('test_purge_queue_clears_fifo_deduplication_cache')}; "
          "SendMessage: ids are kept track of even after a message is deleted", rule="purge-forgets-deduplication")
def test_purge_and_deduplication(sqs, queue, rule):
    """After a purge a deduplication id can be used again."""
    q = queue(fifo=True)
    q.send("before", MessageGroupId="g", MessageDeduplicationId="d")
    works(sqs.purge_queue, QueueUrl=q.url)
    works(q.send, "after", MessageGroupId="g", MessageDeduplicationId="d")
    in_order(q.receive(10, wait=1), ["after"] if rule("purge-forgets-deduplication") == "yes" else [])


@documented("purge.settings", PURGE)
def test_purge_keeps_settings(sqs, queue):
    """It deletes messages only: attributes and tags stay."""
    q = queue(tags={"a": "b"}, VisibilityTimeout=7)
    works(sqs.purge_queue, QueueUrl=q.url)
    same("VisibilityTimeout", q.attributes("VisibilityTimeout"), {"VisibilityTimeout": "7"})
    same("tags", sqs.list_queue_tags(QueueUrl=q.url).get("Tags"), {"a": "b"})


@documented("purge.handles", operation("DeleteMessage"))
def test_purge_and_handles(sqs, queue):
    """To delete a message that a purge deleted succeeds, as for any deleted message."""
    q = queue()
    q.send()
    message = q.take()
    works(sqs.purge_queue, QueueUrl=q.url)
    works(q.delete, message)
