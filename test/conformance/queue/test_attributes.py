"""Queue attributes, tags and permissions."""
import json
import time

import pytest

from case import documented, operation, recorded, row, seen
from checks import holds, refused, same, works

SET = operation("SetQueueAttributes")
GET = operation("GetQueueAttributes")
STANDARD = {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0",
            "ApproximateNumberOfMessagesNotVisible": "0", "DelaySeconds": "0", "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
            "VisibilityTimeout": "30"}


def without_own(attributes):
    return {k: v for k, v in attributes.items() if k not in ("CreatedTimestamp", "LastModifiedTimestamp", "QueueArn")}


@recorded("attributes.defaults", seen("new standard queue, all attributes, 2025"))
def test_defaults(queue):
    """A standard queue starts with 12 attributes: retention 345600, MaximumMessageSize 1048576, visibility 30, …"""
    got = queue().attributes()
    same("names beside", sorted(got), sorted([*STANDARD, "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn"]))
    same("values", without_own(got), STANDARD)


@recorded("attributes.defaults-fifo", seen("test_fifo_set_content_based_deduplication_strategy"))
def test_defaults_of_fifo(queue):
    """A FIFO queue has FifoQueue, ContentBasedDeduplication, DeduplicationScope queue and FifoThroughputLimit perQueue
    besides."""
    same("values", without_own(queue(fifo=True, ContentBasedDeduplication="true").attributes()),
         {**STANDARD, "FifoQueue": "true", "ContentBasedDeduplication": "true", "DeduplicationScope": "queue",
          "FifoThroughputLimit": "perQueue"})


@documented("attributes.dedup-default", operation("CreateQueue"))
def test_content_based_deduplication_default(queue):
    """Without ContentBasedDeduplication a FIFO queue has it off."""
    same("value", queue(fifo=True).attributes("ContentBasedDeduplication"), {"ContentBasedDeduplication": "false"})


@recorded("attributes.dedup-set", seen("test_fifo_set_content_based_deduplication_strategy"))
def test_set_content_based_deduplication(queue):
    """ContentBasedDeduplication can be changed later."""
    q = queue(fifo=True, ContentBasedDeduplication="true")
    q.set(ContentBasedDeduplication="false")
    same("value", q.attributes("ContentBasedDeduplication"), {"ContentBasedDeduplication": "false"})


@recorded("attributes.set", seen("test_create_and_update_queue_attributes"))
def test_set(queue):
    """SetQueueAttributes changes what it names and leaves the rest as it was."""
    q = queue(MessageRetentionPeriod=604800, ReceiveMessageWaitTimeSeconds=10, VisibilityTimeout=20)
    q.set(MaximumMessageSize=2048, VisibilityTimeout=69, DelaySeconds=420)
    same("values", without_own(q.attributes()),
         {**STANDARD, "MessageRetentionPeriod": "604800", "ReceiveMessageWaitTimeSeconds": "10",
          "MaximumMessageSize": "2048", "VisibilityTimeout": "69", "DelaySeconds": "420"})


@recorded("attributes.get-named", seen("test_create_queue_and_get_attributes"))
def test_get_named(queue):
    """GetQueueAttributes answers with what it is asked for, and nothing else."""
    same("names", sorted(queue().attributes("QueueArn", "CreatedTimestamp", "VisibilityTimeout")),
         ["CreatedTimestamp", "QueueArn", "VisibilityTimeout"])


@documented("attributes.get-none", GET)
def test_get_without_names(sqs, queue):
    """Without AttributeNames the request returns empty results."""
    same("attributes", sqs.get_queue_attributes(QueueUrl=queue().url).get("Attributes", {}), {})


@recorded("attributes.get-unset", seen("test_sqs_permission_lifecycle: Policy after its removal"))
def test_get_unset(queue):
    """An attribute that is not set, like Policy of a new queue, is not among the answer's."""
    same("attributes", queue().attributes("Policy"), {})


@recorded("attributes.get-unknown", seen("test_get_queue_attributes_with_invalid_arg_returns_error"))
def test_get_unknown(sqs, queue):
    """A name that is no attribute: InvalidAttributeName, "Unknown Attribute Foobar."."""
    refused("InvalidAttributeName", sqs.get_queue_attributes, QueueUrl=queue().url, AttributeNames=["Foobar"],
            text="Unknown Attribute Foobar.")


@documented("attributes.set-unknown", SET)
def test_set_unknown(queue):
    """Setting an attribute that doesn't exist: InvalidAttributeName."""
    refused("InvalidAttributeName", queue().set, Foobar="1")


@documented("attributes.create-unknown", operation("CreateQueue"))
def test_create_unknown(sqs, name):
    """Creating a queue with an attribute that doesn't exist: InvalidAttributeName."""
    refused("InvalidAttributeName", sqs.create_queue, QueueName=name(), Attributes={"Foobar": "1"})


@documented("attributes.set-read-only", SET)
def test_set_read_only(queue):
    """QueueArn and the counts are not among the attributes that can be set."""
    q = queue()
    refused("InvalidAttributeName", q.set, QueueArn="arn:aws:sqs:eu-west-1:1:x")
    refused("InvalidAttributeName", q.set, ApproximateNumberOfMessages="3")


@documented("attributes.timestamps", GET)
def test_timestamps(queue):
    """CreatedTimestamp and LastModifiedTimestamp are epoch times in seconds."""
    a = queue().attributes("CreatedTimestamp", "LastModifiedTimestamp")
    for name, value in a.items():
        holds(value.isdigit() and abs(int(value) - time.time()) < 60, f"{name} {value}")


RANGES = [("DelaySeconds", 0, 900), ("MaximumMessageSize", 1024, 1048576), ("MessageRetentionPeriod", 60, 1209600),
          ("ReceiveMessageWaitTimeSeconds", 0, 20), ("VisibilityTimeout", 0, 43200),
          ("KmsDataKeyReusePeriodSeconds", 60, 86400)]


@pytest.mark.parametrize("attribute, low, high", [
    row(documented(f"attributes.range.{name}", SET), f"{name}: an integer from {low:,} to {high:,}.", name, low, high)
    for name, low, high in RANGES])
def test_range(queue, attribute, low, high):
    q = queue()
    for value in (low, high):
        works(q.set, **{attribute: value})
        same(attribute, q.attributes(attribute).get(attribute), str(value))
    for value in (low - 1, high + 1):
        refused("InvalidAttributeValue", q.set, **{attribute: value})
    same(f"{attribute} after it was refused", q.attributes(attribute).get(attribute), str(high))


@pytest.mark.parametrize("value", [
    row(documented("attributes.value.word", SET), "A value that is no integer: InvalidAttributeValue.", "soon"),
    row(documented("attributes.value.empty", SET), "An empty value is no integer: InvalidAttributeValue.", ""),
    row(documented("attributes.value.fraction", SET), "A fraction is no integer: InvalidAttributeValue.", "1.5"),
    row(documented("attributes.value.huge", SET), "A number beyond 64 bits: InvalidAttributeValue.", "9" * 30),
])
def test_not_an_integer(queue, value):
    refused("InvalidAttributeValue", queue().set, VisibilityTimeout=value)


@documented("attributes.create-range", operation("CreateQueue"))
def test_range_at_creation(sqs, name):
    """CreateQueue checks values as SetQueueAttributes does, and makes no queue then."""
    one = name()
    refused("InvalidAttributeValue", sqs.create_queue, QueueName=one, Attributes={"VisibilityTimeout": "43201"})
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName=one)


@recorded("attributes.fifo-on-standard", seen("test_set_unsupported_attribute_fifo"))
def test_fifo_of_standard(queue):
    """FifoQueue can't be set on a standard queue: InvalidAttributeName."""
    refused("InvalidAttributeName", queue().set, FifoQueue="true", text="Unknown Attribute FifoQueue.")


@recorded("attributes.fifo-change", seen("test_set_unsupported_attribute_fifo"))
def test_fifo_change(queue):
    """On a FIFO queue FifoQueue can be set to what it is; to change it: InvalidAttributeValue."""
    q = queue(fifo=True)
    works(q.set, FifoQueue="true")
    refused("InvalidAttributeValue", q.set, FifoQueue="false",
            text="Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")


@documented("attributes.fifo-only", operation("CreateQueue"))
def test_fifo_attributes_of_standard(queue):
    """ContentBasedDeduplication, DeduplicationScope and FifoThroughputLimit apply only to FIFO queues."""
    q = queue()
    refused("InvalidAttributeName", q.set, ContentBasedDeduplication="true")
    refused("InvalidAttributeName", q.set, DeduplicationScope="queue")


@documented("attributes.throughput", SET)
def test_high_throughput(queue):
    """High throughput: DeduplicationScope messageGroup and FifoThroughputLimit perMessageGroupId."""
    q = queue(fifo=True)
    q.set(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    same("values", q.attributes("DeduplicationScope", "FifoThroughputLimit"),
         {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})


@documented("attributes.throughput-scope", SET)
def test_throughput_needs_scope(queue):
    """perMessageGroupId is allowed only when DeduplicationScope is messageGroup."""
    refused(("InvalidAttributeValue", "InvalidParameterValue"), queue(fifo=True).set, FifoThroughputLimit="perMessageGroupId")


@documented("attributes.throughput-values", SET)
def test_throughput_values(queue):
    """Valid values are messageGroup and queue, perQueue and perMessageGroupId."""
    q = queue(fifo=True)
    refused("InvalidAttributeValue", q.set, DeduplicationScope="group")
    refused("InvalidAttributeValue", q.set, FifoThroughputLimit="perGroup")


@recorded("attributes.kms", seen("test_sse_queue_attributes"))
def test_kms(queue):
    """A KMS key and its reuse period are kept and given back."""
    q = queue()
    wanted = {"KmsMasterKeyId": "testKeyId", "KmsDataKeyReusePeriodSeconds": "6000", "SqsManagedSseEnabled": "false"}
    works(q.set, **wanted)
    same("values", q.attributes(*wanted), wanted)


@recorded("attributes.kms-and-sse", seen("test_sse_kms_and_sqs_are_mutually_exclusive"))
def test_kms_and_sse(queue):
    """KMS and SQS encryption at once: InvalidAttributeName."""
    refused("InvalidAttributeName", queue().set, KmsMasterKeyId="testKeyId", SqsManagedSseEnabled="true",
            text="You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or "
                 "SQS SSE.")


POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
                                                  "Action": "sqs:SendMessage", "Resource": "*"}]}


@recorded("attributes.policy", seen("test_set_queue_policy"))
def test_policy(queue):
    """A policy is given back by its name and among All."""
    q = queue()
    works(q.set, Policy=json.dumps(POLICY))
    same("Policy", json.loads(q.attributes("Policy").get("Policy", "null")), POLICY)
    same("Policy among All", json.loads(q.attributes().get("Policy", "null")), POLICY)


@recorded("attributes.policy-empty", seen("test_set_empty_queue_policy"))
def test_policy_taken_away(queue):
    """An empty policy takes the policy away."""
    q = queue()
    works(q.set, Policy=json.dumps(POLICY))
    works(q.set, Policy="")
    holds("Policy" not in q.attributes(), "Policy is still there")


@documented("attributes.policy-not-json", SET)
def test_policy_not_json(queue):
    """Policy: a valid AWS policy; what is no JSON is none: InvalidAttributeValue."""
    refused("InvalidAttributeValue", queue().set, Policy="{")


# ---- tags ----

@recorded("tags.set", seen("test_tag_untag_queue"))
def test_tags(sqs, queue):
    """Tags are added, given back, and taken away by key; a tag's value may be empty."""
    q = queue()
    works(sqs.tag_queue, QueueUrl=q.url, Tags={"tag1": "value1", "tag2": "value2", "tag3": ""})
    same("tags", sqs.list_queue_tags(QueueUrl=q.url).get("Tags"), {"tag1": "value1", "tag2": "value2", "tag3": ""})
    works(sqs.untag_queue, QueueUrl=q.url, TagKeys=["tag1", "tag3"])
    same("tags", sqs.list_queue_tags(QueueUrl=q.url).get("Tags"), {"tag2": "value2"})
    works(sqs.untag_queue, QueueUrl=q.url, TagKeys=["tag2"])
    same("tags", sqs.list_queue_tags(QueueUrl=q.url).get("Tags", {}), {})


@recorded("tags.overwrite", seen("test_tag_queue_overwrites_existing_tag"))
def test_tag_overwrites(sqs, queue):
    """A new tag with the key of an existing one overwrites it."""
    q = queue(tags={"tag1": "value1", "tag2": "value2"})
    works(sqs.tag_queue, QueueUrl=q.url, Tags={"tag1": "VALUE1", "tag3": "value3"})
    same("tags", sqs.list_queue_tags(QueueUrl=q.url).get("Tags"), {"tag1": "VALUE1", "tag2": "value2", "tag3": "value3"})


@recorded("tags.case", seen("test_tags_case_sensitive"))
def test_tags_are_case_sensitive(sqs, queue):
    """Tags are case-sensitive."""
    q = queue(tags={"MyTag": "value1", "mytag": "value2"})
    same("tags", sqs.list_queue_tags(QueueUrl=q.url).get("Tags"), {"MyTag": "value1", "mytag": "value2"})


@recorded("tags.untag-unknown", seen("test_untag_queue_ignores_non_existing_tag"))
def test_untag_unknown(sqs, queue):
    """Taking away a tag that is not there is no error."""
    q = queue(tags={"tag1": "value1", "tag2": "value2"})
    works(sqs.untag_queue, QueueUrl=q.url, TagKeys=["tag1", "tag3"])
    same("tags", sqs.list_queue_tags(QueueUrl=q.url).get("Tags"), {"tag2": "value2"})


@recorded("tags.at-creation", seen("test_create_queue_with_tags"))
def test_tags_at_creation(sqs, queue):
    """CreateQueue takes tags, under the name "tags"."""
    q = queue(tags={"tag1": "value1"})
    same("tags", sqs.list_queue_tags(QueueUrl=q.url).get("Tags"), {"tag1": "value1"})


@documented("tags.not-attributes", GET)
def test_tags_are_no_attributes(queue):
    """Tags are not among a queue's attributes."""
    same("values", without_own(queue(tags={"tag1": "value1"}).attributes()), STANDARD)


# ---- permissions ----

def policy(q):
    return json.loads(q.attributes("Policy").get("Policy", "null"))


@pytest.fixture
def permit(sqs):
    def add(q, label, accounts=("111111111111",), actions=("ReceiveMessage",)):
        return sqs.add_permission(QueueUrl=q.url, Label=label, AWSAccountIds=list(accounts), Actions=list(actions))
    return add


@recorded("permission.add", seen("test_sqs_permission_lifecycle"))
def test_permission(queue, permit):
    """AddPermission makes a policy of version 2008-10-17 with a statement whose Sid is the label."""
    q = queue()
    works(permit, q, "one")
    got = policy(q) or {}
    holds(str(got.get("Id", "")).startswith(f"{q.arn}/"), f"Id of the policy: {got.get('Id')}")
    same("Policy", {**got, "Id": ""}, {"Version": "2008-10-17", "Id": "", "Statement": [
        {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
         "Action": "SQS:ReceiveMessage", "Resource": q.arn}]})


@recorded("permission.accounts", seen("test_sqs_permission_lifecycle"))
def test_permission_of_two_accounts(queue, permit):
    """Several accounts make a list of principals."""
    q = queue()
    works(permit, q, "two", accounts=["111111111111", "668614515564"])
    got = (policy(q) or {"Statement": [{}]})["Statement"][0].get("Principal", {}).get("AWS")
    same("principals", sorted(got) if isinstance(got, list) else got,
         ["arn:aws:iam::111111111111:root", "arn:aws:iam::668614515564:root"])


@documented("permission.actions", operation("AddPermission"))
def test_permission_of_two_actions(queue, permit):
    """Several actions make a list."""
    q = queue()
    works(permit, q, "two", actions=["SendMessage", "ReceiveMessage"])
    got = (policy(q) or {"Statement": [{}]})["Statement"][0].get("Action")
    same("actions", sorted(got) if isinstance(got, list) else got, ["SQS:ReceiveMessage", "SQS:SendMessage"])


@recorded("permission.label-twice", seen("test_sqs_permission_lifecycle"))
def test_permission_label_twice(queue, permit):
    """A label that is there: InvalidParameterValue, "Already exists."."""
    q = queue()
    works(permit, q, "one")
    refused("InvalidParameterValue", permit, q, "one",
            text="Value one for parameter Label is invalid. Reason: Already exists.")


@recorded("permission.remove", seen("test_sqs_permission_lifecycle"))
def test_permission_removed(sqs, queue, permit):
    """RemovePermission takes the label's statement away, and the policy with the last one."""
    q = queue()
    works(permit, q, "one")
    works(permit, q, "two")
    works(sqs.remove_permission, QueueUrl=q.url, Label="one")
    same("labels", [s["Sid"] for s in (policy(q) or {}).get("Statement", [])], ["two"])
    works(sqs.remove_permission, QueueUrl=q.url, Label="two")
    same("Policy", policy(q), None)


@recorded("permission.remove-unknown", seen("test_sqs_permission_lifecycle"))
def test_permission_remove_unknown(sqs, queue):
    """A label that is not there: InvalidParameterValue, "can't find label."."""
    refused("InvalidParameterValue", sqs.remove_permission, QueueUrl=queue().url, Label="none",
            text="Value none for parameter Label is invalid. Reason: can't find label.")


@documented("permission.label", operation("AddPermission"))
def test_permission_label(queue, permit):
    """Label: maximum 80 characters; alphanumeric characters, hyphens (-), and underscores (_)."""
    q = queue()
    refused("InvalidParameterValue", permit, q, "l" * 81)
    refused("InvalidParameterValue", permit, q, "a b")


@documented("permission.seven-actions", operation("AddPermission"))
def test_permission_seven_actions(queue, permit):
    """A policy can have a maximum of seven actions per statement."""
    q = queue()
    actions = ["SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes",
               "GetQueueUrl", "PurgeQueue", "ListQueueTags"]
    works(permit, q, "seven", actions=actions[:7])
    refused("OverLimit", permit, q, "eight", actions=actions, status=403)
