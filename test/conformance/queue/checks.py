"""What cases say about a server's answers, in words that stay the same from run to run: they end in a document."""
import re

from botocore.exceptions import BotoCoreError, ClientError


class Differs(AssertionError):
    """The server did something else than AWS: what it did."""


SQS = "AWS.SimpleQueueService."  # begins the codes of many errors in the Query protocol and x-amzn-query-error
# Of a code, the error's name in AWS JSON (`__type`), where that is not the code without "AWS.SimpleQueueService.".
TYPES = {
    f"{SQS}NonExistentQueue": "QueueDoesNotExist",
    "InvalidParameterValue": "InvalidParameterValueException",
    "MissingParameter": "MissingRequiredParameterException",
    "QueueAlreadyExists": "QueueNameExists",
}


def type_of(code):
    return TYPES.get(code, code.removeprefix(SQS))


def plain(text, length=160):
    """Without what differs between two runs."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(#[0-9a-f-]{36})?", "UUID", str(text))
    text = re.sub(r"\bq-[0-9a-f]{12}", "QUEUE", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"\b[A-Za-z0-9+/=_-]{56,}", "…", text)
    text = re.sub(r"\b\d{10}\.\d+|\b\d{13,}", "NUMBER", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x…", text)
    text = re.sub(r'(QueueUrls": ?\[)[^\]]*\]', r"\1…]", text)
    text = re.sub(r"<!doctype html>.*", "an HTML page", " ".join(text.split()), flags=re.IGNORECASE)
    return text if len(text) <= length else text[:length - 1] + "…"


def describe(error):
    """An error that boto3 raised, in one line."""
    if isinstance(error, ClientError):
        e = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = e.get("Code")
        return f"{status} {plain(e.get('Message', ''))}" if code == str(status) else \
            f"{status} {code}: {plain(e.get('Message', ''))}"
    return plain(f"{type(error).__name__}: {error}")


def same(what, got, expected):
    if isinstance(got, dict) and isinstance(expected, dict):
        names = [k for k in sorted({*got, *expected}) if got.get(k) != expected.get(k)]
        got, expected = ({k: d[k] for k in names if k in d} for d in (got, expected))
    if got != expected:
        raise Differs(f"{what}: {plain(repr(got))}, not {plain(repr(expected))}")


def holds(condition, did):
    """`did`: what the server did when the condition is false."""
    if not condition:
        raise Differs(plain(did))


def works(call, *arguments, **named):
    """The call succeeds; returns its answer."""
    try:
        return call(*arguments, **named)
    except (ClientError, BotoCoreError) as error:
        raise Differs(describe(error)) from error


def refused(code, call, *arguments, text=None, status=400, **named):
    """
    The call is refused with this code (one of them, where AWS's texts leave it open) and this status (None: any).
    `text`: AWS's words, where they are known; a pattern for re.fullmatch when it is compiled. Without x-amzn-query-error,
    which test_json.py asks for, boto3 knows the code only by the name that AWS JSON has for it.
    """
    try:
        call(*arguments, **named)
    except ClientError as error:
        answer = error.response
    except BotoCoreError as error:
        raise Differs(describe(error)) from error
    else:
        raise Differs("200, no error")
    e = answer["Error"]
    did = describe(ClientError(answer, ""))
    codes = {code} if isinstance(code, str) else set(code)
    if "QueryErrorCode" not in e:
        codes |= {type_of(c) for c in codes}
    holds(e.get("Code") in codes, did)
    holds(status is None or answer["ResponseMetadata"]["HTTPStatusCode"] == status, did)
    if text is not None:
        got = e.get("Message", "")
        holds(text.fullmatch(got) if isinstance(text, re.Pattern) else got == text, did)
    return answer


def entry_failed(answer, id, code, senders_fault=True):
    """The entry `id` of a batch is among Failed, with this code; returns it."""
    failed = {e["Id"]: e for e in answer.get("Failed", [])}
    holds(id in failed, f"{id} not in Failed: {sorted(failed)}")
    same(f"Code of {id}", failed[id]["Code"], code)
    same(f"SenderFault of {id}", failed[id]["SenderFault"], senders_fault)
    return failed[id]


def succeeded(answer):
    """The ids of Successful, in order."""
    return [e["Id"] for e in answer.get("Successful", [])]


def in_order(got, expected):
    same("order", [m["Body"] for m in got], expected)
