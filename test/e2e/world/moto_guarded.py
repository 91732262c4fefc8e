"""moto's server, one SQS call at a time.

moto serves requests from many threads and guards its lists of messages with nothing: two deletes at once can lose one of
them, two receives at once can hand out the same event. SQS does neither. Run as a program, with moto_server's arguments.
"""
import functools
import sys
import threading
import time

from moto.server import main
from moto.sqs.models import SQSBackend

lock = threading.RLock()


def guarded(call):
    @functools.wraps(call)
    def one_at_a_time(*arguments, **named):
        with lock:
            return call(*arguments, **named)
    return one_at_a_time


receive_at_once = guarded(SQSBackend.receive_message)


def receive_message(self, queue_name, count, wait_seconds_timeout, visibility_timeout, message_attribute_names=None):
    """A long poll waits without the lock."""
    end = time.monotonic() + wait_seconds_timeout
    while True:
        got = receive_at_once(self, queue_name, count, 0, visibility_timeout, message_attribute_names)
        left = end - time.monotonic()
        if got or left <= 0:
            return got
        time.sleep(min(left, 0.05))


for name in ("send_message", "send_message_batch", "delete_message", "delete_message_batch", "change_message_visibility",
             "change_message_visibility_batch", "get_queue_attributes"):
    setattr(SQSBackend, name, guarded(getattr(SQSBackend, name)))
SQSBackend.receive_message = receive_message

if __name__ == "__main__":
    main(sys.argv[1:])
