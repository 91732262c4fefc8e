"""A service that takes batches, in plain Python: it remembers what it was sent and answers as it is told to.

It shares no code with sluice, nor an idea of what a batch looks like beyond what docs/service.md promises.
"""
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from world.waiting import Never


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict = field(default_factory=dict)
    hold: threading.Event = None  # the answer comes once this is set
    delay: float = 0.0            # what a slow service takes for a batch
    raw: bytes = None             # these bytes instead, then the connection is closed
    reset: bool = False           # no answer: the connection is reset


def failures(*ids, key="batchItemFailures", item="itemIdentifier"):
    return Answer(body=json.dumps({key: [{item: i} for i in ids]}).encode())


def elements(array):
    """The texts of a JSON array's elements, as they stand in it."""
    decoder, at, texts = json.JSONDecoder(), 1, []
    while array[at] != "]":
        _, end = decoder.raw_decode(array, at)
        texts.append(array[at:end])
        at = end + (array[end] == ",")
    assert at == len(array) - 1
    return texts


@dataclass
class Request:
    at: float
    path: str
    headers: dict  # names in lower case
    body: bytes
    port: int      # the client's: one for each connection

    @property
    def batch_id(self):
        return self.headers["sluice-batch-id"]

    @property
    def records(self):
        return json.loads(self.body)["Records"]

    @property
    def bodies(self):
        """The events' bodies, whatever the format."""
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-ndjson"):
            return [line.decode() for line in self.body.split(b"\n") if line]
        if kind.startswith("application/json") and self.body.startswith(b'{"Records":'):
            return [record["body"] for record in self.records]
        if kind.startswith("application/json") and self.body.startswith(b"["):
            return elements(self.body.decode())
        return [self.body.decode()]

    @property
    def message_ids(self):
        return [record["messageId"] for record in self.records]


class Receiver:
    """answer: a callable from Request to Answer, or a list of Answers, one for each request, the last one for all later.
    tls: an ssl.SSLContext."""

    def __init__(self, answer=None, tls=None):
        self.requests = []
        self.changed = threading.Condition()
        self.script = answer if answer is not None else [Answer()]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                request = Request(time.monotonic(), self.path, {k.lower(): v for k, v in self.headers.items()},
                                  self.rfile.read(length), self.client_address[1])
                self.answer(outer.took(request))

            def answer(self, answer):
                if answer.hold:
                    answer.hold.wait(110)
                if answer.delay:
                    time.sleep(answer.delay)
                if answer.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    self.close_connection = True
                    return
                if answer.raw is not None:
                    self.wfile.write(answer.raw)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Type", answer.content_type)
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # the peer went away: a drain may cut what is being posted

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}/batch"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def took(self, request):
        with self.changed:
            n = len(self.requests)
            self.requests.append(request)
            self.changed.notify_all()
        if callable(self.script):
            return self.script(request)
        return self.script[min(n, len(self.script) - 1)]

    def wait(self, n, timeout=20):
        """Returns once n requests have come."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.requests) >= n, timeout):
                raise Never(f"{len(self.requests)} of {n} requests came within {timeout} s")
            return list(self.requests)

    def wait_events(self, n, timeout=60):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.bodies) >= n, timeout):
                raise Never(f"{len(self.bodies)} of {n} events came within {timeout} s")

    @property
    def bodies(self):
        return [body for request in self.requests for body in request.bodies]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
