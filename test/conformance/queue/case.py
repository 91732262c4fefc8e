"""Cases: what AWS says, where it says it, and whether somebody has seen AWS do it.

A case is a test with this mark. `recorded` ones cite an answer that was recorded from AWS, `documented` ones only a text of
AWS's. The first sentence of a test's docstring is what AWS says; rows of a table carry theirs.
"""
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


# Where AWS's texts disagree, or what it was seen to do is not what it says: which of them holds is a switch. The first
# value is what sluice's queue does, and what the cases expect unless --rule says otherwise.
RULES = {
    "expired-handles": ("delete", "refuse"),  # standard queues; `sluice queue` has a flag of that name
    "delete-expired-fifo": ("fails", "works"),
    "delete-stale-standard": ("ignored", "works"),
    "visibility-expired-fifo": ("fails", "ignored"),
    "visibility-stale-standard": ("works", "ignored"),
    "visibility-deleted-standard": ("fails", "ignored"),
    "fake-handle-status": ("404", "400"),
    "create-with-fewer-attributes": ("works", "fails"),
    "purge-forgets-deduplication": ("yes", "no"),
}
