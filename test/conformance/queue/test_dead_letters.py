"""Dead-letter queues, and who may use them."""
import json

import pytest

from case import DEAD_GUIDE, documented, operation, recorded, row, seen
from checks import holds, in_order, refused, same, works

SET = operation("SetQueueAttributes")
# A RedrivePolicy was seen to be refused with the second; that errors of an attribute's value are the first, the model says.
VALUE = ("InvalidAttributeValue", "InvalidParameterValue")


def policy(arn, count=1):
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})


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
