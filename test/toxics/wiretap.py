"""What went over the wire between sluice and the queue: the events that each connection received, and those whose deletes were
answered. Read from a proxy's tap, by nothing but HTTP and JSON."""
import json
from collections import defaultdict


def streams(tap):
    """{connection: [where its first bytes are in the tap, towards the server, back]}"""
    found, at = {}, 0
    while at < len(tap):
        end = tap.index(b"\n", at)
        conn, way, n = tap[at:end].split()
        conn, n = int(conn), int(n)
        stream = found.setdefault(conn, [at, bytearray(), bytearray()])
        stream[1 if way == b"up" else 2] += tap[end + 1:end + 1 + n]
        at = end + 1 + n
    return found


def messages(stream):
    """(head, body) of each complete HTTP message."""
    at = 0
    while (end := stream.find(b"\r\n\r\n", at)) >= 0:
        head = bytes(stream[at:end]).lower()
        fields = dict(line.split(b":", 1) for line in head.split(b"\r\n")[1:])
        n = int(fields.get(b"content-length", b"0"))
        if len(stream) < end + 4 + n:
            return
        yield head, bytes(stream[end + 4:end + 4 + n])
        at = end + 4 + n


def held(tap, marks):
    """`marks` are sizes of the tap at the ends of lives: for each life the set of messageIds that it received and that were not
    known to be deleted when it ended."""
    received, deleted = defaultdict(set), defaultdict(set)
    for begin, up, down in streams(tap).values():
        life = next((i for i, mark in enumerate(marks) if begin < mark), None)
        if life is None:
            continue
        for (head, asked), (status, answer) in zip(messages(up), messages(down)):
            if b" 200 " not in status.split(b"\r\n")[0] or not answer:  # nothing: to a client that has gone
                continue
            if b"amazonsqs.receivemessage" in head:
                for message in json.loads(answer).get("Messages", []):
                    received[life].add((message["MessageId"], message["ReceiptHandle"]))
            elif b"amazonsqs.deletemessagebatch" in head:
                handles = {entry["Id"]: entry["ReceiptHandle"] for entry in json.loads(asked)["Entries"]}
                deleted[life] |= {handles[entry["Id"]] for entry in json.loads(answer)["Successful"]}
            elif b"amazonsqs.deletemessage" in head:
                deleted[life].add(json.loads(asked)["ReceiptHandle"])
    return [{message for message, handle in received[life] if handle not in deleted[life]} for life in range(len(marks))]
