"""Dead-letter queues, who may use them, and moving messages out of them."""
import json

import pytest

from case import DEAD_GUIDE, documented, operation, recorded, row, seen
from checks import SQS, holds, in_order, refused, same, works

SET = operation("SetQueueAttributes")
START = operation("StartMessageMoveTask")
LIST = operation("ListMessageMoveTasks")
# A RedrivePolicy was seen to be refused with the second; that errors of an attribute's value are the first, the model says.
VALUE = ("InvalidAttributeValue", "InvalidParameterValue")
REDRIVE_GUIDE = "SQS developer guide, Configuring a dead-letter queue redrive"


def policy(arn, count=1):
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})


@pytest.fixture
def pair(queue):
    """A function that makes a queue and its dead-letter queue: pair(fifo=…, count=…)."""
    def make(fifo=False, count=1, **attributes):
        dead = queue(fifo=fifo)
        return queue(fifo=fifo, RedrivePolicy=policy(dead.arn, count), **attributes), dead
    return make


def bury(q, dead, *bodies):
    """Sends messages and receives them until they are in the dead-letter queue."""
    for body in bodies:
        q.send(body)
    for _ in bodies:
        q.take(VisibilityTimeout=0)
    q.is_silent(did="received more often than maxReceiveCount")
    same("in the dead-letter queue", dead.counts(), (len(bodies), 0, 0))


@recorded("dead.moved", seen("test_dead_letter_queue_max_receive_count"))
def test_moved(pair):
    """When the receive count exceeds maxReceiveCount the message is moved to the dead-letter queue, with its id and body."""
    q, dead = pair(count=2)
    sent = q.send("poison")
    for _ in range(2):
        q.take(VisibilityTimeout=0)
    q.is_silent(did="received a third time")
    got = dead.take()
    same("message", (got["MessageId"], got["Body"]), (sent["MessageId"], "poison"))
    same("counts of the source", q.counts(), (0, 0, 0))


@documented("dead.by-timeout", operation("ReceiveMessage"))
def test_moved_after_timeout(pair):
    """A message whose visibility timeout ended counts as a failed receive."""
    q, dead = pair(VisibilityTimeout=1)
    q.send()
    q.take()
    q.is_silent(wait=2, did="received again")
    dead.take()


@documented("dead.attributes", operation("MessageSystemAttributeName"))
def test_attributes(pair):
    """In the dead-letter queue the receive count goes on, and DeadLetterQueueSourceArn says where it came from."""
    q, dead = pair(count=2)
    q.send(MessageAttributes={"a": {"DataType": "String", "StringValue": "v"}})
    for _ in range(2):
        q.take(VisibilityTimeout=0)
    q.is_silent()
    got = dead.take(MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"])
    same("DeadLetterQueueSourceArn", got.get("Attributes", {}).get("DeadLetterQueueSourceArn"), q.arn)
    holds(int(got["Attributes"]["ApproximateReceiveCount"]) >= 3,
          f"ApproximateReceiveCount {got['Attributes']['ApproximateReceiveCount']}")
    same("attributes", got.get("MessageAttributes"), {"a": {"DataType": "String", "StringValue": "v"}})


@documented("dead.sent-timestamp", f"{DEAD_GUIDE}: retention periods")
def test_sent_timestamp(pair):
    """Standard queue: the time of enqueueing stays when a message is moved."""
    q, dead = pair()
    q.send()
    before = q.take(VisibilityTimeout=0, MessageSystemAttributeNames=["SentTimestamp"])["Attributes"]
    q.is_silent(wait=1)
    same("SentTimestamp", dead.take(MessageSystemAttributeNames=["SentTimestamp"])["Attributes"], before)


@documented("dead.not-before", SET)
def test_not_before(pair):
    """A message that is received maxReceiveCount times, and deleted, never gets there."""
    q, dead = pair(count=2)
    q.send()
    q.take(VisibilityTimeout=0)
    q.delete(q.take())
    q.is_silent(wait=1)
    same("counts", dead.counts(), (0, 0, 0))


@recorded("dead.fifo", seen("test_dead_letter_queue_with_fifo_and_content_based_deduplication"))
def test_fifo(pair):
    """The same for FIFO queues."""
    q, dead = pair(fifo=True, count=2)
    sent = q.send_in("1", "foobar")[0]
    for _ in range(2):
        q.take(VisibilityTimeout=0)
    q.is_silent()
    got = dead.take(MessageSystemAttributeNames=["MessageGroupId"])
    same("message", (got["MessageId"], got["Body"], got.get("Attributes")),
         (sent["MessageId"], "foobar", {"MessageGroupId": "1"}))


@documented("dead.fifo-goes-on", DEAD_GUIDE)
def test_fifo_goes_on(pair):
    """When a message of a group goes to the dead-letter queue, the next of its group comes."""
    q, dead = pair(fifo=True)
    q.send_in("g", "poison", "next")
    q.take(VisibilityTimeout=0)
    in_order(q.receive(1, wait=5), ["next"])
    in_order(dead.receive(10, wait=5), ["poison"])


@documented("dead.removed", SET)
def test_policy_removed(pair):
    """Without RedrivePolicy, which an empty one takes away, messages come again and again."""
    q, dead = pair()
    works(q.set, RedrivePolicy="")
    holds("RedrivePolicy" not in q.attributes(), "RedrivePolicy is still there")
    q.send()
    for _ in range(3):
        q.take(VisibilityTimeout=0)
    same("counts", dead.counts(), (0, 0, 0))


@recorded("dead.policy", seen("test_get_specific_queue_attribute_response"))
def test_policy_given_back(pair):
    """RedrivePolicy is given back."""
    q, dead = pair(count=10)
    got = json.loads(q.attributes("RedrivePolicy").get("RedrivePolicy", "null")) or {}
    same("RedrivePolicy", (got.get("deadLetterTargetArn"), int(got.get("maxReceiveCount", 0))), (dead.arn, 10))


VALID = seen("test_redrive_policy_attribute_validity")


@recorded("dead.policy-string", VALID)
def test_policy_with_string(queue):
    """maxReceiveCount may be a string of digits."""
    dead, q = queue(), queue()
    works(q.set, RedrivePolicy=policy(dead.arn, "42"))


@pytest.mark.parametrize("bad", [
    row(recorded("dead.policy-no-count", VALID), "Without maxReceiveCount: InvalidParameterValue.",
        lambda arn: {"deadLetterTargetArn": arn}),
    row(recorded("dead.policy-no-target", VALID), "Without deadLetterTargetArn: InvalidParameterValue.",
        lambda arn: {"maxReceiveCount": "42"}),
    row(recorded("dead.policy-bad-count", VALID), "A maxReceiveCount that is no number: InvalidParameterValue.",
        lambda arn: {"deadLetterTargetArn": arn, "maxReceiveCount": "invalid"}),
    row(documented("dead.policy-zero", f"{DEAD_GUIDE}; console: 1 to 1,000"), "maxReceiveCount is at least 1.",
        lambda arn: {"deadLetterTargetArn": arn, "maxReceiveCount": 0}),
    row(documented("dead.policy-1001", f"{DEAD_GUIDE}; console: 1 to 1,000"), "maxReceiveCount is at most 1,000.",
        lambda arn: {"deadLetterTargetArn": arn, "maxReceiveCount": 1001}),
])
def test_bad_policy(queue, bad):
    dead, q = queue(), queue()
    refused("InvalidParameterValue", q.set, RedrivePolicy=json.dumps(bad(dead.arn)))


@documented("dead.policy-not-json", SET)
def test_policy_not_json(queue):
    """RedrivePolicy is a JSON object: what is none is refused."""
    refused(VALUE, queue().set, RedrivePolicy="soon")


@recorded("dead.policy-bad-arn", seen("test_invalid_dead_letter_arn_rejected_before_lookup"))
def test_bad_arn(sqs, name):
    """A deadLetterTargetArn that is no ARN: InvalidParameterValue, with the policy in the text."""
    bad = policy("dummy", 42)
    refused("InvalidParameterValue", sqs.create_queue, QueueName=name(), Attributes={"RedrivePolicy": bad},
            text=f"Value {bad} for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn.")


@recorded("dead.policy-none", "serverless/serverless#5215: AWS's answer")
def test_no_such_target(queue):
    """A dead-letter queue that is not there: InvalidParameterValue, "Dead letter target does not exist."."""
    q = queue()
    bad = policy(q.arn + "-none")
    refused("InvalidParameterValue", q.set, RedrivePolicy=bad,
            text=f"Value {bad} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")


@documented("dead.type", SET)
def test_type(queue):
    """The dead-letter queue of a FIFO queue must also be a FIFO queue, that of a standard queue a standard queue."""
    plain, fifo = queue(), queue(fifo=True)
    refused(VALUE, plain.set, RedrivePolicy=policy(fifo.arn))
    refused(VALUE, fifo.set, RedrivePolicy=policy(plain.arn))


# ---- who may use it ----

def allow(permission, *arns):
    return json.dumps({"redrivePermission": permission, **({"sourceQueueArns": list(arns)} if arns else {})})


@documented("dead.allow.deny-all", SET)
def test_deny_all(queue):
    """redrivePermission denyAll: no source queue can specify this queue."""
    q, dead = queue(), queue(RedriveAllowPolicy=allow("denyAll"))
    refused(VALUE, q.set, RedrivePolicy=policy(dead.arn))


@documented("dead.allow.by-queue", SET)
def test_by_queue(queue):
    """redrivePermission byQueue: only the queues of sourceQueueArns can."""
    q, other = queue(), queue()
    dead = queue(RedriveAllowPolicy=allow("byQueue", q.arn))
    works(q.set, RedrivePolicy=policy(dead.arn))
    refused(VALUE, other.set, RedrivePolicy=policy(dead.arn))


@documented("dead.allow.all", SET)
def test_allow_all(queue):
    """redrivePermission allowAll, the default: any can."""
    q, dead = queue(), queue(RedriveAllowPolicy=allow("allowAll"))
    works(q.set, RedrivePolicy=policy(dead.arn))
    same("RedriveAllowPolicy", json.loads(dead.attributes("RedriveAllowPolicy").get("RedriveAllowPolicy", "null")),
         {"redrivePermission": "allowAll"})


@pytest.mark.parametrize("bad", [
    row(documented("dead.allow.value", SET), "Valid values are allowAll, denyAll and byQueue.",
        lambda arn: allow("sometimes")),
    row(documented("dead.allow.arns-only-by-queue", SET), "sourceQueueArns can be specified only with byQueue.",
        lambda arn: allow("allowAll", arn)),
    row(documented("dead.allow.ten", SET), "Up to 10 source queue ARNs can be specified.",
        lambda arn: allow("byQueue", *(f"{arn}{i}" for i in range(11)))),
])
def test_bad_allow_policy(queue, bad):
    q = queue()
    refused(VALUE, q.set, RedriveAllowPolicy=bad(q.arn))


# ---- source queues ----

@recorded("dead.sources", seen("test_dead_letter_queue_list_sources"))
def test_sources(sqs, queue):
    """ListDeadLetterSourceQueues lists the queues whose RedrivePolicy names it, as "queueUrls"."""
    dead = queue()
    urls = {queue(RedrivePolicy=policy(dead.arn, 50)).url for _ in range(2)}
    same("queueUrls", set(works(sqs.list_dead_letter_source_queues, QueueUrl=dead.url).get("queueUrls", [])), urls)


@documented("dead.sources-none", operation("ListDeadLetterSourceQueuesResult"))
def test_no_sources(wire, queue):
    """queueUrls is required: without source queues it is there, and empty."""
    same("body", wire.json("ListDeadLetterSourceQueues", {"QueueUrl": queue().url}).json(), {"queueUrls": []})


@documented("dead.sources-pages", operation("ListDeadLetterSourceQueues"))
def test_sources_in_pages(sqs, queue):
    """With MaxResults the sources come in pages, with NextToken."""
    dead = queue()
    urls = {queue(RedrivePolicy=policy(dead.arn)).url for _ in range(3)}
    first = works(sqs.list_dead_letter_source_queues, QueueUrl=dead.url, MaxResults=2)
    holds(len(first["queueUrls"]) == 2 and first.get("NextToken"), f"first page: {len(first['queueUrls'])} queues")
    second = works(sqs.list_dead_letter_source_queues, QueueUrl=dead.url, MaxResults=2, NextToken=first["NextToken"])
    same("queues", {*first["queueUrls"], *second["queueUrls"]}, urls)
    holds(not second.get("NextToken"), "a NextToken on the last page")


# ---- move tasks ----

def tasks(sqs, dead, count=10):
    return works(sqs.list_message_move_tasks, SourceArn=dead.arn, MaxResults=count).get("Results", [])


def finished(sqs, queue, dead):
    """The newest task of a queue, when it is over: asked for once a second of the server's clock."""
    for _ in range(10):
        listed = tasks(sqs, dead)
        holds(listed, "no task is listed")
        task = listed[0]
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            return task
        queue().receive(1, 1)
    return task


@recorded("move.default", seen("test_move_task_workflow_with_default_destination"))
def test_move_back(sqs, queue, pair):
    """Without DestinationArn messages go back to the queues that they came from."""
    q, dead = pair()
    bury(q, dead, "a", "b")
    works(sqs.start_message_move_task, SourceArn=dead.arn)
    same("bodies", sorted(m["Body"] for m in q.collect(2)), ["a", "b"])
    task = finished(sqs, queue, dead)
    same("task", {k: task.get(k) for k in ("Status", "SourceArn", "ApproximateNumberOfMessagesMoved",
                                           "ApproximateNumberOfMessagesToMove", "DestinationArn", "TaskHandle")},
         {"Status": "COMPLETED", "SourceArn": dead.arn, "ApproximateNumberOfMessagesMoved": 2,
          "ApproximateNumberOfMessagesToMove": 2, "DestinationArn": None, "TaskHandle": None})
    same("counts", dead.counts(), (0, 0, 0))


@recorded("move.destination", seen("test_basic_move_task_workflow"))
def test_move_elsewhere(sqs, queue, pair):
    """With DestinationArn they go there."""
    q, dead = pair()
    bury(q, dead, "a", "b")
    there = queue()
    started = works(sqs.start_message_move_task, SourceArn=dead.arn, DestinationArn=there.arn)
    holds(started.get("TaskHandle"), "no TaskHandle")
    same("bodies", sorted(m["Body"] for m in there.collect(2)), ["a", "b"])
    same("DestinationArn", finished(sqs, queue, dead).get("DestinationArn"), there.arn)


@recorded("move.sources", seen("test_move_task_workflow_with_multiple_sources_as_default_destination"))
def test_move_back_to_each(sqs, queue):
    """From several source queues, each message goes back to its own."""
    dead = queue()
    sources = [queue(RedrivePolicy=policy(dead.arn)) for _ in range(2)]
    for i, q in enumerate(sources):
        q.send(str(i))
        q.take(VisibilityTimeout=0)
        q.is_silent()
    works(sqs.start_message_move_task, SourceArn=dead.arn)
    same("bodies", [q.take()["Body"] for q in sources], ["0", "1"])


@documented("move.new-id", f"{REDRIVE_GUIDE}: a new messageID and enqueueTime are assigned to redriven messages")
def test_move_gives_new_id(sqs, pair):
    """A redriven message has a new message id."""
    q, dead = pair()
    sent = q.send()
    q.take(VisibilityTimeout=0)
    q.is_silent()
    works(sqs.start_message_move_task, SourceArn=dead.arn)
    holds(q.take()["MessageId"] != sent["MessageId"], "the same MessageId")


@recorded("move.no-dead-letter-queue", seen("test_source_needs_redrive_policy"))
def test_move_from_other(sqs, queue):
    """A source that is no dead-letter queue: InvalidParameterValue."""
    refused("InvalidParameterValue", sqs.start_message_move_task, SourceArn=queue().arn, DestinationArn=queue().arn,
            text="Source queue must be configured as a Dead Letter Queue.")


@documented("move.no-source", START)
def test_move_from_none(sqs, queue):
    """A source that doesn't exist: ResourceNotFoundException, 404."""
    refused("ResourceNotFoundException", sqs.start_message_move_task, SourceArn=queue().arn + "none", status=404,
            text="The resource that you specified for the SourceArn parameter doesn't exist.")


@recorded("move.no-destination", seen("test_destination_needs_to_exist"))
def test_move_to_none(sqs, pair):
    """A destination that doesn't exist: ResourceNotFoundException, 404."""
    _, dead = pair()
    refused("ResourceNotFoundException", sqs.start_message_move_task, SourceArn=dead.arn,
            DestinationArn=dead.arn + "none", status=404,
            text="The resource that you specified for the DestinationArn parameter doesn't exist.")


@documented("move.rate", operation("StartMessageMoveTaskRequest"))
def test_move_rate(sqs, pair):
    """MaxNumberOfMessagesPerSecond: the maximum value is 500."""
    _, dead = pair()
    refused("InvalidParameterValue", sqs.start_message_move_task, SourceArn=dead.arn, MaxNumberOfMessagesPerSecond=501)
    refused("InvalidParameterValue", sqs.start_message_move_task, SourceArn=dead.arn, MaxNumberOfMessagesPerSecond=0)


@recorded("move.running", seen("test_move_task_cancel: list-while"))
def test_move_running(sqs, queue, pair):
    """A task with a rate moves no faster; while it runs, it is listed as RUNNING with its handle and rate."""
    q, dead = pair()
    bury(q, dead, *(str(i) for i in range(4)))
    there = queue()
    handle = works(sqs.start_message_move_task, SourceArn=dead.arn, DestinationArn=there.arn,
                   MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    task = (tasks(sqs, dead) or [{}])[0]
    same("task", {k: task.get(k) for k in ("Status", "MaxNumberOfMessagesPerSecond", "TaskHandle",
                                           "ApproximateNumberOfMessagesToMove")},
         {"Status": "RUNNING", "MaxNumberOfMessagesPerSecond": 1, "TaskHandle": handle,
          "ApproximateNumberOfMessagesToMove": 4})
    holds(task["ApproximateNumberOfMessagesMoved"] < 4, "all moved at once")
    sqs.cancel_message_move_task(TaskHandle=handle)


@recorded("move.one", seen("test_start_multiple_move_tasks"))
def test_move_one_at_a_time(sqs, queue, pair):
    """A second task while one runs: InvalidParameterValue."""
    q, dead = pair()
    bury(q, dead, *(str(i) for i in range(4)))
    handle = works(sqs.start_message_move_task, SourceArn=dead.arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    refused("InvalidParameterValue", sqs.start_message_move_task, SourceArn=dead.arn,
            text="There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
    sqs.cancel_message_move_task(TaskHandle=handle)


@recorded("move.cancel", seen("test_move_task_cancel"))
def test_move_cancel(sqs, queue, pair):
    """A running task can be cancelled: what was not moved stays, and it is listed as CANCELLED."""
    q, dead = pair()
    bury(q, dead, *(str(i) for i in range(6)))
    there = queue()
    handle = works(sqs.start_message_move_task, SourceArn=dead.arn, DestinationArn=there.arn,
                   MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    answer = works(sqs.cancel_message_move_task, TaskHandle=handle)
    holds(isinstance(answer.get("ApproximateNumberOfMessagesMoved"), int), "no ApproximateNumberOfMessagesMoved")
    same("Status", finished(sqs, queue, dead)["Status"], "CANCELLED")
    moved = there.counts()[0]
    same("left", (moved < 6, dead.counts()[0]), (True, 6 - moved))


@documented("move.cancel-over", operation("CancelMessageMoveTask"))
def test_move_cancel_over(sqs, queue, pair):
    """A message movement can only be cancelled when its status is RUNNING."""
    q, dead = pair()
    bury(q, dead, "a")
    handle = works(sqs.start_message_move_task, SourceArn=dead.arn)["TaskHandle"]
    finished(sqs, queue, dead)
    try:
        sqs.cancel_message_move_task(TaskHandle=handle)
    except sqs.exceptions.ClientError as error:
        same("status", error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404), True)
    else:
        holds(False, "200, no error")


@recorded("move.cancel-fake", seen("test_cancel_with_invalid_task_handle"))
def test_move_cancel_fake(sqs):
    """What is no task handle: InvalidParameterValue."""
    refused("InvalidParameterValue", sqs.cancel_message_move_task, TaskHandle="foobared",
            text="Value for parameter TaskHandle is invalid.")


@documented("move.list-one", operation("ListMessageMoveTasksRequest"))
def test_move_list_one(sqs, queue, pair):
    """By default the most recent task is listed, with MaxResults up to 10."""
    q, dead = pair()
    for body in "ab":
        bury(q, dead, body)
        works(sqs.start_message_move_task, SourceArn=dead.arn)
        q.delete(q.take())
        finished(sqs, queue, dead)
    same("by default", len(works(sqs.list_message_move_tasks, SourceArn=dead.arn)["Results"]), 1)
    same("of ten", len(tasks(sqs, dead)), 2)
    refused("InvalidParameterValue", sqs.list_message_move_tasks, SourceArn=dead.arn, MaxResults=11)


@documented("move.list-none", LIST)
def test_move_list_none(sqs, queue):
    """The tasks of a queue that doesn't exist: ResourceNotFoundException, 404."""
    refused("ResourceNotFoundException", sqs.list_message_move_tasks, SourceArn=queue().arn + "none", status=404)


# ---- purge ----

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
