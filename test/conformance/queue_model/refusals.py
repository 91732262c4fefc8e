"""refusals.py DRIVER -- each refusal as a client understands it, in the protocol of the botocore that runs this."""
import sys

import botocore.parsers

from driver import Checks, Driver, service_model

TEXTS = [None, "plain", "a \"quoted\" <b>&amp; \\ é \U0001f600\ttab\nline"]
# What the Query protocol says in other words.
MISSING_QUEUE = "The specified queue does not exist for this wsdl version."


def check(checks, driver, model, name, row, text):
    protocol = model.metadata["protocol"]
    answer = driver.ask("refuse", protocol=protocol, error=name, text=text)
    if protocol == "query" and name == "MissingAction":  # which no client ever sees
        checks.equal(f"{protocol} {name}", (answer["status"], answer["body"]), (404, "<UnknownOperationException/>"))
        return
    headers = {"x-amzn-query-error": answer["query_error"]} if answer["query_error"] else {}
    parsed = botocore.parsers.create_parser(protocol).parse(
        {"status_code": answer["status"], "headers": headers, "body": answer["body"].encode(), "context": {}},
        model.operation_model("SendMessage").output_shape)
    error = parsed["Error"]
    message = text or row["text"]
    if protocol == "query" and name == "QueueDoesNotExist" and text is None:
        message = MISSING_QUEUE
    where = f"{protocol} {name}, {text!r}"
    checks.equal(f"{where}: code", error["Code"], row["code"])
    checks.equal(f"{where}: message", error["Message"], message)
    checks.equal(f"{where}: whose fault", error["Type"], "Sender" if row["sender"] else "Receiver")
    checks.equal(f"{where}: status", parsed["ResponseMetadata"]["HTTPStatusCode"], row["status"])
    if protocol == "json":
        checks.equal(f"{where}: type", error["QueryErrorCode"], name)
    else:
        checks.equal(f"{where}: request id", parsed["ResponseMetadata"]["RequestId"], "the-request-id")


def main():
    model = service_model()
    checks = Checks(f"refusals, {model.metadata['protocol']}")
    driver = Driver(sys.argv[1])
    for name, row in driver.ask("model")["errors"].items():
        for text in TEXTS:
            check(checks, driver, model, name, row, text)
    checks.end()


main()
