"""Queues: creating, finding, listing, deleting them."""
import pytest

from case import GUIDE, MODEL, documented, operation, recorded, row, seen
from checks import SQS, holds, refused, same, works

CREATE = operation("CreateQueue")


@documented("queue.create.url", f"{GUIDE}, Queue and message identifiers")
def test_url(sqs, queue):
    """A queue's URL ends with the account's id and the queue's name."""
    q = queue()
    parts = q.url.split("/")
    same("name in the URL", parts[-1], q.name)
    same("account in the URL", parts[-2], q.arn.split(":")[4])


@documented("queue.create.arn", f"{GUIDE}, Queue and message identifiers")
def test_arn(queue, endpoint):
    """A queue's ARN is arn:aws:sqs:REGION:ACCOUNT:NAME."""
    q = queue()
    same("ARN without the account", q.arn.split(":")[:4] + q.arn.split(":")[5:], ["arn", "aws", "sqs", endpoint[1], q.name])


@recorded("queue.create.again", seen("test_create_queue_with_same_attributes_is_idempotent"))
def test_create_again(sqs, queue):
    """Creating a queue again with the same attributes gives the URL of the one that exists."""
    q = queue(VisibilityTimeout=69)
    again = works(sqs.create_queue, QueueName=q.name, Attributes={"VisibilityTimeout": "69"})
    same("URL", again["QueueUrl"], q.url)


@recorded("queue.create.again-fewer", seen("test_create_queue_with_default_attributes_is_idempotent"),
          rule="create-with-fewer-attributes")
def test_create_again_with_fewer(sqs, queue, rule):
    """Creating it again with fewer attributes gives the same URL (seen); "the exact same names and values for all its
    attributes" are asked for (CreateQueue)."""
    q = queue(VisibilityTimeout=69, ReceiveMessageWaitTimeSeconds=1)
    if rule("create-with-fewer-attributes") == "works":
        same("URL", works(sqs.create_queue, QueueName=q.name)["QueueUrl"], q.url)
        same("URL", works(sqs.create_queue, QueueName=q.name, Attributes={"VisibilityTimeout": "69"})["QueueUrl"], q.url)
    else:
        refused("QueueAlreadyExists", sqs.create_queue, QueueName=q.name)


@recorded("queue.create.again-other", seen("test_create_queue_with_different_attributes_raises_exception"))
def test_create_again_with_other_value(sqs, queue):
    """Creating it again with another value for an attribute: QueueAlreadyExists, and which attribute."""
    q = queue(DelaySeconds=1)
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=q.name, Attributes={"DelaySeconds": "2"},
            text="A queue already exists with the same name and a different value for attribute DelaySeconds")


@recorded("queue.create.again-after-set", seen("test_create_queue_with_different_attributes_raises_exception"))
def test_create_again_after_set(sqs, queue):
    """What counts is what the attributes are by then: after SetQueueAttributes the changed value fits, the first not."""
    q = queue(DelaySeconds=1)
    q.set(DelaySeconds=2)
    same("URL", works(sqs.create_queue, QueueName=q.name, Attributes={"DelaySeconds": "2"})["QueueUrl"], q.url)
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=q.name, Attributes={"DelaySeconds": "1"})


@recorded("queue.create.again-fifo-other", seen("test_create_fifo_queue_with_different_attributes_raises_error"))
def test_create_fifo_again_with_other_value(sqs, queue):
    """The same for a FIFO queue and ContentBasedDeduplication."""
    q = queue(fifo=True, ContentBasedDeduplication="true")
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=q.name,
            Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "false"},
            text="A queue already exists with the same name and a different value for attribute "
                 "ContentBasedDeduplication")


@recorded("queue.create.again-after-send", seen("test_create_queue_after_send"))
def test_create_again_after_send(sqs, queue):
    """Messages in it do not matter to creating it again."""
    q = queue()
    q.send()
    same("URL", works(sqs.create_queue, QueueName=q.name)["QueueUrl"], q.url)


@pytest.mark.parametrize("bad", [
    row(documented("queue.name.81", CREATE), "A queue name can have up to 80 characters.", "n" * 81),
    row(documented("queue.name.characters", CREATE),
        "Valid values: alphanumeric characters, hyphens (-), and underscores (_).", "q-ba!d"),
    row(recorded("queue.name.slash", seen("test_disallow_queue_name_with_slashes")),
        "A slash in a queue's name: InvalidParameterValue.", "queue/x/"),
    row(documented("queue.name.umlaut", CREATE), "Letters beyond ASCII are not alphanumeric characters.", "q-ü"),
    row(recorded("queue.name.standard-fifo-suffix", seen("test_standard_queue_cannot_have_fifo_suffix")),
        "A standard queue's name can't end with .fifo: InvalidParameterValue.", "q-plain.fifo"),
])
def test_bad_name(sqs, bad):
    refused("InvalidParameterValue", sqs.create_queue, QueueName=bad)


@documented("queue.name.80", CREATE)
def test_longest_name(queue):
    """A queue name can have up to 80 characters: 80 do."""
    queue(name=("q-80-" + "x" * 80)[:80])


@documented("queue.name.fifo-80", CREATE)
def test_longest_fifo_name(sqs, queue):
    """The suffix .fifo counts towards the 80 characters of a FIFO queue's name."""
    queue(fifo=True, name="q-" + "f" * 73 + ".fifo")
    refused("InvalidParameterValue", sqs.create_queue, QueueName="q-" + "g" * 74 + ".fifo",
            Attributes={"FifoQueue": "true"})


@recorded("queue.name.fifo-suffix", seen("test_fifo_queue_requires_suffix"))
def test_fifo_name_needs_suffix(sqs, name):
    """A FIFO queue name must end with the .fifo suffix."""
    refused("InvalidParameterValue", sqs.create_queue, QueueName=name(), Attributes={"FifoQueue": "true"})


@documented("queue.name.case", f"{MODEL}, Queue URLs and names are case-sensitive")
def test_names_are_case_sensitive(sqs, queue):
    """Queue URLs and names are case-sensitive."""
    q = queue()
    refused(f"{SQS}NonExistentQueue", sqs.get_queue_url, QueueName=q.name.upper())


@documented("queue.url.get", operation("GetQueueUrl"))
def test_get_url(sqs, queue):
    """GetQueueUrl returns the URL of an existing queue."""
    q = queue()
    same("URL", works(sqs.get_queue_url, QueueName=q.name)["QueueUrl"], q.url)


@documented("queue.url.owner", operation("GetQueueUrl"))
def test_get_url_of_owner(sqs, queue):
    """QueueOwnerAWSAccountId names the account that created the queue."""
    q = queue()
    same("URL", works(sqs.get_queue_url, QueueName=q.name, QueueOwnerAWSAccountId=q.arn.split(":")[4])["QueueUrl"], q.url)


@recorded("queue.url.none", seen("test_non_existent_queue"))
def test_get_url_of_none(sqs, name):
    """GetQueueUrl of a queue that is not there: NonExistentQueue."""
    refused(f"{SQS}NonExistentQueue", sqs.get_queue_url, QueueName=name(), text="The specified queue does not exist.")


CALLS = {
    "AddPermission": {"Label": "l", "AWSAccountIds": ["123456789012"], "Actions": ["SendMessage"]},
    "ChangeMessageVisibility": {"ReceiptHandle": "h", "VisibilityTimeout": 1},
    "ChangeMessageVisibilityBatch": {"Entries": [{"Id": "a", "ReceiptHandle": "h", "VisibilityTimeout": 1}]},
    "DeleteMessage": {"ReceiptHandle": "h"},
    "DeleteMessageBatch": {"Entries": [{"Id": "a", "ReceiptHandle": "h"}]},
    "DeleteQueue": {},
    "GetQueueAttributes": {"AttributeNames": ["All"]},
    "ListDeadLetterSourceQueues": {},
    "ListQueueTags": {},
    "PurgeQueue": {},
    "ReceiveMessage": {},
    "RemovePermission": {"Label": "l"},
    "SendMessage": {"MessageBody": "b"},
    "SendMessageBatch": {"Entries": [{"Id": "a", "MessageBody": "b"}]},
    "SetQueueAttributes": {"Attributes": {"DelaySeconds": "1"}},
    "TagQueue": {"Tags": {"a": "b"}},
    "UntagQueue": {"TagKeys": ["a"]},
}


@pytest.mark.parametrize("call", [
    row((recorded if call == "GetQueueAttributes" else documented)(
        f"queue.none.{call}", seen("test_non_existent_queue") if call == "GetQueueAttributes" else operation(call)),
        f"{call} on a queue that is not there: NonExistentQueue.", call) for call in CALLS])
def test_no_such_queue(wire, queue, name, call):
    q = queue()
    answer = wire.json(call, {"QueueUrl": q.url.replace(q.name, name()), **CALLS[call]})
    holds(answer.status == 400, answer)
    same("__type", answer.type(), "QueueDoesNotExist")


@documented("queue.delete", operation("DeleteQueue"))
def test_delete(sqs, queue):
    """DeleteQueue deletes the queue regardless of its contents."""
    q = queue()
    q.send()
    works(sqs.delete_queue, QueueUrl=q.url)
    refused(f"{SQS}NonExistentQueue", sqs.get_queue_url, QueueName=q.name)
    refused(f"{SQS}NonExistentQueue", q.send)


@recorded("queue.delete.recently", seen("test_create_queue_recently_deleted"))
def test_deleted_recently(sqs, queue):
    """For 60 seconds after a queue was deleted its name can't be used again: QueueDeletedRecently."""
    q = queue()
    works(sqs.delete_queue, QueueUrl=q.url)
    refused(f"{SQS}QueueDeletedRecently", sqs.create_queue, QueueName=q.name,
            text="You must wait 60 seconds after deleting a queue before you can create another with the same name.")


@recorded("queue.list.prefix", seen("test_list_queues"))
def test_list_by_prefix(sqs, queue, name):
    """With a prefix, only queues whose name begins with it are listed."""
    stem = name()
    urls = {queue(name=f"{stem}-a1").url, queue(name=f"{stem}-a2").url}
    other = queue(name=f"{stem}-b")
    same("URLs", set(works(sqs.list_queues, QueueNamePrefix=f"{stem}-a").get("QueueUrls", [])), urls)
    same("URLs", works(sqs.list_queues, QueueNamePrefix=f"{stem}-b").get("QueueUrls"), [other.url])


@documented("queue.list.prefix-case", operation("ListQueues"))
def test_prefix_is_case_sensitive(sqs, queue):
    """A prefix is case-sensitive, as names are."""
    q = queue()
    same("URLs", works(sqs.list_queues, QueueNamePrefix=q.name.upper()).get("QueueUrls", []), [])


@documented("queue.list.none", operation("ListQueues"))
def test_list_none(wire, name):
    """A list that holds nothing is left out of the answer, and so is NextToken."""
    answer = wire.json("ListQueues", {"QueueNamePrefix": name()})
    same("status", answer.status, 200)
    got = answer.json()
    holds(not got.get("QueueUrls") and got.get("NextToken") is None, f"answered {answer.text}")


@documented("queue.list.pages", operation("ListQueues"))
def test_list_in_pages(sqs, queue, name):
    """With MaxResults the answer has at most so many, and a NextToken for the next page while there are more."""
    stem = name()
    urls = {queue(name=f"{stem}-{i}").url for i in range(5)}
    got, sizes, more = [], [], {}
    while True:
        page = works(sqs.list_queues, QueueNamePrefix=stem, MaxResults=2, **more)
        got += page.get("QueueUrls", [])
        sizes.append(len(page.get("QueueUrls", [])))
        if not page.get("NextToken"):
            break
        holds(len(sizes) < 9, "NextToken goes on for ever")
        more = {"NextToken": page["NextToken"]}
    same("pages", sizes, [2, 2, 1])
    same("URLs", (len(got), set(got)), (5, urls))


@documented("queue.list.max-results", operation("ListQueues"))
def test_list_max_results(sqs):
    """MaxResults: value range is 1 to 1000."""
    refused("InvalidParameterValue", sqs.list_queues, MaxResults=0)
    refused("InvalidParameterValue", sqs.list_queues, MaxResults=1001)
