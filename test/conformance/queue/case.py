"""Cases: what AWS says, where it says it, and whether somebody has seen AWS do it.

A case is a test with this mark. `recorded` ones cite an answer that was recorded from AWS, `documented` ones only a text of
AWS's. The first sentence of a test's docstring is what AWS says; rows of a table carry theirs.
"""
from typing import NamedTuple

import pytest

# AWS's own texts.
MODEL = "service model 2012-11-05"  # botocore data/sqs/2012-11-05/service-2.json; the API reference is generated from it
GUIDE = "SQS developer guide"
COMMON = "SQS API reference, Common Errors"
JSON_GUIDE = f"{GUIDE}, Making Query API requests with AWS JSON protocol"
QUERY_GUIDE = f"{GUIDE}, Making Query API requests"
FIFO_GUIDE = f"{GUIDE}, FIFO queue delivery logic"
QUOTAS = f"{GUIDE}, Message quotas"
DEAD_GUIDE = f"{GUIDE}, Using dead-letter queues"
CENTER = "AWS knowledge center, sqs-receipt-handle-error"


def operation(name):
    return f"{MODEL}, {name}"


# What AWS was seen to do: LocalStack's tests are run against AWS and keep its answers.
def seen(test):
    name, *more = test.split(maxsplit=1)
    code = name.rstrip(":,")
    said = f"`{code}`" + name[len(code):] if code.startswith("test_") else name
    return " ".join(["LocalStack, recorded on AWS:", said, *more])


def recorded(id, source, **more):
    return pytest.mark.case(id=id, source=source, recorded=True, **more)


def documented(id, source, **more):
    return pytest.mark.case(id=id, source=source, recorded=False, **more)


def row(mark, says, *values):
    """A case of a table."""
    return pytest.param(*values, id=mark.kwargs["id"], marks=pytest.mark.case(says=says, **mark.kwargs))


class Side(NamedTuple):
    """What a rule may say, and who says it."""
    value: str
    source: str
    seen: bool  # recorded on AWS, or only a text of AWS's


# Where AWS's texts disagree, or what it was seen to do is not what it says: which of them holds is a switch. The first
# side is what sluice's queue does, and what the cases expect unless --rule says otherwise.
RULES = {
    "expired-handles": (  # standard queues; `sluice queue` has a flag of that name
        Side("delete", seen("test_remove_message_with_old_receipt_handle"), True),
        Side("refuse", f'{CENTER}: "The receipt handle has expired."', False)),
    "delete-expired-fifo": (
        Side("fails", seen("test_fifo_delete_message_with_expired_receipt_handle"), True),
        Side("works", f'{operation("DeleteMessage")}: an old handle "will succeed", of no type of queue', False)),
    "delete-stale-standard": (
        Side("ignored", f'{operation("DeleteMessage")}: "the message might not be deleted"', False),
        Side("works", "getmoto/moto#4655, seen on AWS", True)),
    "visibility-expired-fifo": (
        Side("fails", "aws/aws-sdk-java#1628: AWS's answer, type of the queue not said", True),
        Side("ignored", f'{operation("ChangeMessageVisibility")}: "might result in an error", and for standard queues it '
                        "was seen that it does not", False)),
    "visibility-stale-standard": (
        Side("works", f"{seen('test_terminate_visibility_timeout_after_receive')}; getmoto/moto#4655", True),
        Side("ignored", f'{operation("Message")}: "you provide the last received receipt handle"', False)),
    "visibility-deleted-standard": (
        Side("fails", seen("test_change_visibility_on_deleted_message_raises_invalid_parameter_value"), True),
        Side("ignored", f'{operation("ChangeMessageVisibility")}: "might result in an error"', False)),
    "fake-handle-status": (
        Side("404", f"{MODEL}, as in @aws-sdk/client-sqs: httpError of ReceiptHandleIsInvalid", False),
        Side("400", "SQS API reference, DeleteMessage", False)),
    "create-with-fewer-attributes": (
        Side("works", seen("test_create_queue_with_default_attributes_is_idempotent"), True),
        Side("fails", f'{operation("CreateQueue")}: "the exact same names and values for all its attributes"', False)),
    "purge-forgets-deduplication": (
        Side("yes", seen("test_purge_queue_clears_fifo_deduplication_cache"), True),
        Side("no", f'{operation("SendMessage")}: the id is kept track of "even after the message is received and deleted"',
             False)),
}
