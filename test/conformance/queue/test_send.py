"""SendMessage: sizes, characters, attributes, digests, delays."""
import hashlib
import re
import struct
import time

import pytest

from case import MODEL, QUOTAS, documented, operation, recorded, row, seen
from checks import holds, refused, same, works

SEND = operation("SendMessage")
MIB = 1 << 20
VALUE = f"{MODEL}, MessageAttributeValue"
VECTORS = "npm aws-md5-of-message-attributes, from AWS SDK for Java"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def md5(text):
    return hashlib.md5(text if isinstance(text, bytes) else text.encode()).hexdigest()


def md5_of_attributes(attributes):
    """Name, type, kind and value of each, in the order of their names, with lengths in four bytes."""
    digest = hashlib.md5()
    for name, a in sorted(attributes.items()):
        binary = "BinaryValue" in a
        value = a["BinaryValue"] if binary else a["StringValue"].encode()
        for part in (name.encode(), a["DataType"].encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        digest.update(b"\2" if binary else b"\1")
        digest.update(struct.pack(">I", len(value)) + value)
    return digest.hexdigest()


def string(value, type="String"):
    return {"DataType": type, "StringValue": value}


@recorded("send.answer", seen("test_send_receive_message"))
def test_answer(queue):
    """The answer has a message id and the MD5 of the body, and the message received has the same."""
    q = queue()
    sent = q.send("message")
    same("MD5OfMessageBody", sent["MD5OfMessageBody"], "78e731027d8fd50ed642340b7c9a63b3")
    holds(UUID.fullmatch(sent["MessageId"]), f"MessageId {sent['MessageId']}")
    got = q.take()
    same("received", (got["MessageId"], got["MD5OfBody"], got["Body"]),
         (sent["MessageId"], sent["MD5OfMessageBody"], "message"))


@documented("send.answer-standard", SEND)
def test_answer_of_standard(queue):
    """A standard queue gives no SequenceNumber, and no digest of attributes that there are none of."""
    same("members", sorted(set(queue().send()) - {"ResponseMetadata"}), ["MD5OfMessageBody", "MessageId"])


@pytest.mark.parametrize("body", [
    row(documented("send.body.utf8", SEND), "The MD5 is that of the body's UTF-8.", "größer, 日本語, 🎉"),
    row(recorded("send.body.crlf", seen("test_message_with_carriage_return")), "CR and LF come back as they were.",
        '{\r\n"machineID" : "d357006e26ff47439e1ef894225d4307"}'),
    row(recorded("send.body.entities", seen("test_send_receive_message_encoded_content")),
        "Quotes, entities and a CR come back as they were.", '"&quot;&quot;\r'),
    row(documented("send.body.edges", SEND), "#x9, #xD7FF, #xE000, #xFFFD, #x10000 and #x10FFFF are allowed.",
        "\t\ud7ff\ue000\ufffd\U00010000\U0010ffff"),
    row(documented("send.body.space", SEND), "One space is a body; blanks at the ends stay.", " "),
    row(documented("send.body.escapes", SEND), "Backslashes and what looks like escapes stay as they are.",
        r'\u0041 \n \\ %41 + &amp; <a/>'),
])
def test_body(queue, body):
    q = queue()
    sent = works(q.send, body)
    got = q.take()
    same("Body", got["Body"], body)
    same("MD5s", (sent["MD5OfMessageBody"], got["MD5OfBody"]), (md5(body), md5(body)))


@pytest.mark.parametrize("text", [
    row(documented("send.characters.nul", SEND), "#x0 is refused: InvalidMessageContents.", "a\0b"),
    row(documented("send.characters.backspace", SEND), "#x8 is refused.", "a\x08b"),
    row(documented("send.characters.b", SEND), "#xB is refused.", "a\x0bb"),
    row(documented("send.characters.1f", SEND), "#x1F is refused.", "a\x1fb"),
    row(documented("send.characters.fffe", SEND), "#xFFFE is refused.", "a\ufffeb"),
    row(recorded("send.characters.ffff", seen("test_send_message_with_invalid_payload_characters")),
        "#x0, #x8, #x13 and #xFFFF are refused: InvalidMessageContents.", "Invalid-\0-\x08-\x13-\uffff"),
])
def test_forbidden_character(queue, text):
    q = queue()
    refused("InvalidMessageContents", q.send, text)
    q.is_silent(did="the message was sent")


@recorded("send.body.empty", seen("test_valid_action_with_missing_parameter_raises_exception"))
def test_empty_body(queue):
    """An empty body: MissingParameter, "The request must contain the parameter MessageBody."."""
    refused("MissingParameter", queue().send, "", text="The request must contain the parameter MessageBody.")


# ---- sizes ----

@documented("send.size.max", QUOTAS)
def test_largest(queue):
    """A message of 1,048,576 bytes is taken, and comes back whole."""
    q = queue()
    body = "x" * MIB
    works(q.send, body)
    same("MD5OfBody", q.take()["MD5OfBody"], md5(body))


@recorded("send.size.over", seen("test_send_oversized_message, 2025"))
def test_too_large(queue):
    """A message of 1,048,577 bytes, attributes counted: InvalidParameterValue."""
    refused("InvalidParameterValue", queue().send, "a" * (MIB - len("k" "String" "x") + 1),
            MessageAttributes={"k": string("x")},
            text="One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.")


@documented("send.size.attributes", VALUE)
def test_size_of_attributes(queue):
    """Name, type and value of attributes are part of the size: with them, exactly 1,048,576 bytes are taken."""
    works(queue().send, "a" * (MIB - len("k" "String" "x")), MessageAttributes={"k": string("x")})


@recorded("send.size.queue", seen("test_send_message_with_updated_maximum_message_size"))
def test_size_of_queue(queue):
    """MaximumMessageSize of the queue holds: 1,024 bytes are taken, 1,025 are refused, with that number."""
    q = queue(MaximumMessageSize=1024)
    works(q.send, "a" * 1024)
    refused("InvalidParameterValue", q.send, "a" * (1024 - len("k" "String" "x") + 1),
            MessageAttributes={"k": string("x")},
            text="One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.")


@documented("send.size.bytes", QUOTAS)
def test_size_is_bytes(queue):
    """The size counts bytes of UTF-8, not characters."""
    q = queue(MaximumMessageSize=1024)
    works(q.send, "ü" * 512)
    refused("InvalidParameterValue", q.send, "ü" * 513)


@documented("send.size.system-attributes", SEND)
def test_size_of_system_attributes(queue):
    """The size of a message system attribute doesn't count towards the total size of a message."""
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    works(queue(MaximumMessageSize=1024).send, "a" * 1024, MessageSystemAttributes={"AWSTraceHeader": string(trace)})


# ---- attributes ----

@pytest.mark.parametrize("attributes, digest", [
    row(documented("send.md5.string", VECTORS), "MD5OfMessageAttributes of one String.",
        {"attribName1": string("attribValue 1")}, "19e27d4e946b072f3f58da80d94fd778"),
    row(documented("send.md5.custom-number", VECTORS), "The type's custom label is part of the digest.",
        {"customNumberTypeAttrib": string("4563442423554324324264524243.32543234", "Number.float")},
        "9fe1b90bbd9965bdf77bac517c7d2495"),
    row(documented("send.md5.binary", VECTORS), "Binary values are digested as bytes.",
        {"binaryAttribute": {"DataType": "Binary", "BinaryValue": b"Hello binary world!"}},
        "31a92b15d92f8db860eda32aceb656c3"),
    row(documented("send.md5.three", VECTORS), "Attributes are digested in the order of their names.",
        {"customNumberTypeAttrib": string("4563442423554324324264524243.32543234", "Number.float"),
         "binaryAttribute": {"DataType": "Binary", "BinaryValue": b"Hello binary world!"},
         "attribName1": string("attribValue 1")}, "c932db14a896c663f83c260297d594ff"),
    row(recorded("send.md5.seen", seen("MyAttribute=foobar")), "MyAttribute=foobar has the digest adb59cd4….",
        {"MyAttribute": string("foobar")}, "adb59cd4678ea5a855436b949cd07ab6"),
    row(recorded("send.md5.seen-binary", seen("test_send_message_with_binary_attributes")),
        "A Binary with a control character has the digest 8cbe4db1….",
        {"attr1": {"DataType": "Binary",
                   "BinaryValue": b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"}},
        "8cbe4db156db8a94db8b801b7addb984"),
])
def test_digest_of_attributes(queue, attributes, digest):
    q = queue()
    assert md5_of_attributes(attributes) == digest
    same("when sent", works(q.send, MessageAttributes=attributes).get("MD5OfMessageAttributes"), digest)
    got = q.take(MessageAttributeNames=["All"])
    same("when received", got.get("MD5OfMessageAttributes"), digest)
    same("attributes", got.get("MessageAttributes"), attributes)


@recorded("send.md5.system", seen("test_system_attributes_have_no_effect_on_attr_md5"))
def test_digest_of_system_attributes(queue):
    """MD5OfMessageSystemAttributes is that of AWSTraceHeader, and leaves MD5OfMessageAttributes as it is."""
    q = queue()
    attributes = {"timestamp": string("1493147359900", "Number")}
    trace = {"AWSTraceHeader": string("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")}
    sent = works(q.send, "test", MessageAttributes=attributes, MessageSystemAttributes=trace)
    same("MD5OfMessageAttributes", sent.get("MD5OfMessageAttributes"), md5_of_attributes(attributes))
    same("MD5OfMessageSystemAttributes", sent.get("MD5OfMessageSystemAttributes"), "5ae4d5d7636402d80f4eb6d213245a88")


@documented("send.attributes.ten", QUOTAS)
def test_ten_attributes(queue):
    """A message can have up to 10 attributes."""
    q = queue()
    attributes = {f"name{i}": string(str(i)) for i in range(10)}
    works(q.send, MessageAttributes=attributes)
    same("attributes", q.take(MessageAttributeNames=["All"]).get("MessageAttributes"), attributes)


@documented("send.attributes.eleven", QUOTAS)
def test_eleven_attributes(queue):
    """An eleventh attribute is refused: InvalidParameterValue."""
    refused("InvalidParameterValue", queue().send, MessageAttributes={f"name{i}": string("v") for i in range(11)})


@recorded("send.attributes.empty-value", seen("test_send_message_with_empty_string_attribute"))
def test_empty_attribute(queue):
    """An attribute with an empty value: InvalidParameterValue."""
    refused("InvalidParameterValue", queue().send, MessageAttributes={"ErrorDetails": string("")},
            text="Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.")


@pytest.mark.parametrize("name", [
    row(documented("send.attribute-name.longest", SEND), "A name can be up to 256 characters long.", "L" * 256),
    row(documented("send.attribute-name.characters", SEND),
        "A name can contain alphanumeric characters, underscore, hyphen and period.", "aZ09_-.x"),
    row(documented("send.attribute-name.aws", SEND), "AWS without a period is no reserved prefix.", "AWSome"),
])
def test_attribute_name(queue, name):
    q = queue()
    works(q.send, MessageAttributes={name: string("v")})
    same("attributes", q.take(MessageAttributeNames=["All"]).get("MessageAttributes"), {name: string("v")})


BAD_NAME = seen("test_send_message_with_invalid_string_attributes")


@pytest.mark.parametrize("name", [
    row(recorded("send.attribute-name.257", BAD_NAME), "A name of 257 characters is refused.", "L" * 257),
    row(recorded("send.attribute-name.aws-prefix", BAD_NAME), "AWS. is reserved, in any casing.", "aWs.attr"),
    row(recorded("send.attribute-name.amazon-prefix", BAD_NAME), "Amazon. is reserved, in any casing.", "AMAZON.attr"),
    row(recorded("send.attribute-name.leading-period", BAD_NAME), "A name must not start with a period.", ".attr"),
    row(recorded("send.attribute-name.trailing-period", BAD_NAME), "A name must not end with a period.", "attr."),
    row(documented("send.attribute-name.periods", SEND), "A name should not have periods in succession.", "at..tr"),
    row(recorded("send.attribute-name.bad", BAD_NAME), "Other characters are refused.", "Invalid-!-attr"),
])
def test_bad_attribute_name(queue, name):
    refused("InvalidParameterValue", queue().send, MessageAttributes={name: string("v")})


@pytest.mark.parametrize("attribute", [
    row(recorded("send.attribute-type.unknown", BAD_NAME),
        "A type that is none of String, Number and Binary is refused.", string("v", "Invalid")),
    row(recorded("send.attribute-type.long", BAD_NAME), "A type of more than 256 characters is refused.",
        string("1", "Number." + "L" * 256)),
    row(documented("send.attribute-type.empty", VALUE), "Name, type and value must not be empty.", string("v", "")),
    row(documented("send.attribute-type.number", f"{MODEL}; developer guide, Message attribute data types"),
        "A Number holds a number.", string("twelve", "Number")),
    row(recorded("send.attribute-value.characters",
                 seen("test_invalid_string_attributes_cause_invalid_parameter_value_error")),
        "A string value has the same restrictions on its characters as the body: InvalidParameterValue.",
        string("Invalid-\x08,\x0b")),
    row(documented("send.attribute-value.none", VALUE), "An attribute needs a value.", {"DataType": "String"}),
])
def test_bad_attribute(queue, attribute):
    refused("InvalidParameterValue", queue().send, MessageAttributes={"name": attribute})


@documented("send.attribute-type.labels", "SQS developer guide, Message attribute data types")
def test_custom_types(queue):
    """Custom labels can be appended to any type, and come back."""
    q = queue()
    attributes = {"a": string("1", "Number.byte"), "b": string("e", "String.EmployeeId"),
                  "c": {"DataType": "Binary.gif", "BinaryValue": b"\0\xff"}}
    works(q.send, MessageAttributes=attributes)
    same("attributes", q.take(MessageAttributeNames=["All"]).get("MessageAttributes"), attributes)


@documented("send.system-attribute.unknown", SEND)
def test_unknown_system_attribute(queue):
    """The only supported message system attribute is AWSTraceHeader."""
    refused("InvalidParameterValue", queue().send, MessageSystemAttributes={"SenderId": string("me")})


@documented("send.system-attribute.type", SEND)
def test_type_of_trace_header(queue):
    """AWSTraceHeader's type must be String."""
    refused("InvalidParameterValue", queue().send, MessageSystemAttributes={"AWSTraceHeader": string("1", "Number")})


# ---- delays ----

@recorded("send.delay", seen("test_send_delay_and_wait_time"))
def test_delay(queue):
    """A message with DelaySeconds is hidden until the delay is over."""
    q = queue()
    end = time.monotonic() + 1
    works(q.send, DelaySeconds=1)
    q.is_silent(did="received before the delay was over", before=end)
    q.take()


@documented("send.delay.count", operation("GetQueueAttributes"))
def test_delayed_count(queue):
    """ApproximateNumberOfMessagesDelayed counts what is delayed, which ApproximateNumberOfMessages does not."""
    q = queue()
    q.send(DelaySeconds=600)
    q.send()
    same("counts", q.counts(), (1, 0, 1))


@documented("send.delay.queue", SEND)
def test_delay_of_queue(queue):
    """Without DelaySeconds the queue's holds; with it, the message's, 0 too."""
    q = queue(DelaySeconds=2)
    end = time.monotonic() + 2
    q.send("late")
    q.send("at once", DelaySeconds=0)
    same("first", q.take()["Body"], "at once")
    q.is_silent(did="received before the delay was over", before=end)
    same("second", q.take()["Body"], "late")


@documented("send.delay.range", SEND)
def test_delay_range(queue):
    """DelaySeconds: 0 to 900."""
    q = queue()
    works(q.send, DelaySeconds=900)
    refused("InvalidParameterValue", q.send, DelaySeconds=901)
    refused("InvalidParameterValue", q.send, DelaySeconds=-1)


@documented("send.delay.queue-changed", "SQS developer guide, Delay queues")
def test_delay_of_queue_changed(queue):
    """For standard queues a change of the queue's delay doesn't affect messages that are in it already."""
    q = queue(DelaySeconds=900)
    q.send()
    q.set(DelaySeconds=0)
    q.is_silent(wait=1, did="a message sent before got the new delay")
    same("counts", q.counts(), (0, 0, 1))


@documented("send.fair", SEND)
def test_group_on_standard_queue(queue):
    """On standard queues MessageGroupId enables fair queues: it is taken, and given back as an attribute."""
    q = queue()
    works(q.send, MessageGroupId="tenant-1")
    works(q.send, MessageGroupId="tenant-1")
    got = q.collect(2, MessageSystemAttributeNames=["MessageGroupId"])
    same("groups", [m.get("Attributes", {}).get("MessageGroupId") for m in got], ["tenant-1", "tenant-1"])
