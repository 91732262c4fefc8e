"""Waiting for something that happens in another process: bounded, and loud when it does not come."""
import socket
import time


class Never(AssertionError):
    """What was waited for did not come."""


def until(what, condition, timeout=20.0, pause=0.02):
    """Calls condition until it is true, and returns what it returned."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Never(f"not within {timeout} s: {what}")
        time.sleep(pause)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listening(port, process):
    """True once somebody accepts connections; raises when the process that should has ended."""
    if process.poll() is not None:
        raise AssertionError(f"{process.args[0]} ended with {process.returncode}")
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False
