"""round_trips.py DRIVER SEED ROUNDS -- random inputs and outputs of every operation, there and back.

The protocol is that of the botocore that runs this. What the Query protocol can't say (lists and maps that are there but
empty) is taken away on both sides.
"""
import base64
import random
import sys
from urllib.parse import urlencode

import botocore.parsers
import botocore.serialize

from driver import Checks, Driver, service_model

TEXTS = ["", "a", "a b+c&d=e%f", "\"quoted\" \\ /", "line\r\nbreak\ttab", "<tag attr='x'>&amp;</tag>", "]]>", "é ß",
         "日本", "\U0001f600\U00010000", "\x7f\x80", "\ufffd", " blank ", "null", "{\"json\":[1,2]}", "%41%zz", "\\u0041"]


class Values:
    """Random values for botocore's shapes."""

    def __init__(self, seed, is_query):
        self.random, self.is_query = random.Random(seed), is_query

    def text(self):
        pick = self.random.random()
        if pick < 0.6:
            return self.random.choice(TEXTS)
        if pick < 0.65 and not self.is_query:
            return "\x00\x01\x1f"  # XML has no way to say these
        length = self.random.choice([3, 20, 200, 5000] if pick > 0.97 else [3, 20])
        return "".join(chr(self.random.choice([32 + self.random.randrange(95), 0xa1 + self.random.randrange(0x2000),
                                               0x1f300 + self.random.randrange(100)])) for _ in range(length))

    def make(self, shape, most=4):
        kind = shape.type_name
        if kind == "structure":
            return {name: self.make(member) for name, member in shape.members.items()
                    if name in shape.required_members or self.random.random() < 0.5}
        if kind == "list":
            most = 12 if shape.member.type_name == "structure" else most
            return [self.make(shape.member) for _ in range(self.random.randint(0, most))]
        if kind == "map":
            return {self.text(): self.make(shape.value) for _ in range(self.random.randint(0, most))}
        if kind == "integer":
            return self.random.choice([0, 1, -1, 10, 43200, 2**31 - 1, -2**31])
        if kind == "long":
            return self.random.choice([0, 1, -1, 1700000000123, 2**63 - 1, -2**63 + 1])
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "blob":
            return self.random.randbytes(self.random.choice([0, 1, 2, 3, 100]))
        assert kind == "string", kind
        return self.text()


def plain(value, is_query):
    """As the driver shows it: blobs in base64, a list value of an attribute as a mark."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [plain(item, is_query) for item in value]
    if not isinstance(value, dict):
        return value
    if "DataType" in value:
        value = dict(value)
        lists = value.pop("StringListValues", []) + value.pop("BinaryListValues", [])
        if lists:
            value["has_list"] = True
    out = {key: plain(item, is_query) for key, item in value.items()}
    return {key: item for key, item in out.items() if item not in ([], {})} if is_query else out


def one_value(value):
    """An attribute of an answer has one value, of the kind that its type says."""
    if isinstance(value, list):
        return [one_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "DataType" not in value:
        return {key: one_value(item) for key, item in value.items()}
    if "BinaryValue" in value:
        return {"DataType": "Binary.x", "BinaryValue": value["BinaryValue"]}
    return {"DataType": value["DataType"], "StringValue": value.get("StringValue", "")}


def request_fields(request, model):
    """What the driver is told of a request that botocore made."""
    headers = {name.lower(): value for name, value in request["headers"].items()}
    body = request["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    return {"path": request["url_path"], "query": "", "target": headers.get("x-amz-target"),
            "content_type": headers.get("content-type"), "body": body.decode() if isinstance(body, bytes) else body}


def check_input(checks, driver, values, protocol, model):
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    given = values.make(model.input_shape)
    answer = driver.ask("read", **request_fields(serializer.serialize_to_request(given, model), model))
    expected = {"protocol": protocol, "operation": model.name, "input": plain(given, values.is_query)}
    if values.is_query and "error" in answer:
        # What is required and empty was not sent.
        empty = any(given[name] in ([], {}) for name in model.input_shape.required_members)
        checks.equal(f"{model.name}: {given}", answer["error"],
                     "MissingRequiredParameterException" if empty else None)
        return
    if values.is_query:
        answer["input"] = plain(answer["input"], True)
    checks.equal(f"{protocol} {model.name} in: {given}", answer, expected)


def check_output(checks, driver, values, protocol, model):
    parser = botocore.parsers.create_parser(protocol)
    given = one_value(values.make(model.output_shape)) if model.output_shape is not None else {}
    answer = driver.ask("write", protocol=protocol, operation=model.name, output=plain(given, False))
    response = {"status_code": 200, "headers": {}, "body": answer["body"].encode(), "context": {}}
    parsed = parser.parse(response, model.output_shape)
    metadata = parsed.pop("ResponseMetadata")
    checks.equal(f"{protocol} {model.name} out", plain(parsed, values.is_query), plain(given, values.is_query))
    if values.is_query:
        checks.equal(f"{model.name}: request id", metadata["RequestId"], "the-request-id")


def main():
    program, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    model = service_model()
    protocol = model.metadata["protocol"]
    checks = Checks(f"round trips, {protocol}, seed {seed}")
    driver = Driver(program)
    values = Values(seed, protocol == "query")
    for name in model.operation_names:
        for _ in range(rounds):
            check_input(checks, driver, values, protocol, model.operation_model(name))
            check_output(checks, driver, values, protocol, model.operation_model(name))
    checks.end()


main()
