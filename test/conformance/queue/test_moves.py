"""Move tasks: messages out of dead-letter queues."""
import base64
import json

from case import documented, operation, recorded, seen
from checks import holds, refused, same, works
from test_dead_letters import policy

START = operation("StartMessageMoveTask")
REDRIVE_GUIDE = "SQS developer guide, Configuring a dead-letter queue redrive"


def bury(q, dead, *bodies):
    """Sends messages and receives them until they are in the dead-letter queue."""
    for body in bodies:
        q.send(body)
    for _ in bodies:
        q.take(VisibilityTimeout=0)
    q.is_silent(did="received more often than maxReceiveCount")
    same("in the dead-letter queue", dead.counts(), (len(bodies), 0, 0))


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


@documented("move.cancel-over", operation("CancelMessageMoveTask"), varies=True)
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


def task_handle(source_arn):
    """As AWS makes them, of a task that there is not."""
    plain = {"taskId": "10f57157-fc38-4da9-a113-4de7e12d05aa", "sourceArn": source_arn}
    return base64.b64encode(json.dumps(plain).encode()).decode()


@recorded("move.cancel-no-source", seen("test_cancel_with_invalid_source_arn_in_task_handle"))
def test_move_cancel_no_source(sqs, queue):
    """A handle whose source queue doesn't exist: ResourceNotFoundException, 404."""
    refused("ResourceNotFoundException", sqs.cancel_message_move_task, TaskHandle=task_handle(queue().arn + "none"),
            status=404, text="The resource that you specified for the SourceArn parameter doesn't exist.")


@recorded("move.cancel-no-task", seen("test_cancel_with_invalid_task_id_in_task_handle"))
def test_move_cancel_no_task(sqs, queue):
    """A handle whose task doesn't exist: ResourceNotFoundException, 404."""
    refused("ResourceNotFoundException", sqs.cancel_message_move_task, TaskHandle=task_handle(queue().arn), status=404,
            text="Task does not exist.")


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


@documented("move.list-none", operation("ListMessageMoveTasks"))
def test_move_list_none(sqs, queue):
    """The tasks of a queue that doesn't exist: ResourceNotFoundException, 404."""
    refused("ResourceNotFoundException", sqs.list_message_move_tasks, SourceArn=queue().arn + "none", status=404)
