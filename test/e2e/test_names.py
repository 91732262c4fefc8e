"""A name server that does not answer: look-ups take many seconds, and nothing else does."""
import socket
import subprocess
import threading

import pytest

from world.queues import missing
from world.waiting import until

NAME_SERVER = "127.0.0.77"


@pytest.fixture
def black_hole(tmp_path):
    """Makes every look-up of the program take long: its /etc/resolv.conf, in a mount namespace, names a server that takes
    questions and gives no answers. Yields (what to put before a command, the questions)."""
    (tmp_path / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\noptions timeout:10 attempts:2\n")
    prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c",
              f'mount --bind "{tmp_path}/resolv.conf" /etc/resolv.conf && exec "$@"', "sh"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode:
        missing("no mount namespaces here")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        server.bind((NAME_SERVER, 53))
    except PermissionError:
        missing("port 53 is for root")
    questions = []

    def listen():
        while True:
            try:
                questions.append(server.recv(512))
            except OSError:
                return

    threading.Thread(target=listen, daemon=True).start()
    yield prefix, questions
    server.close()


@pytest.mark.xdist_group("names")
def test_a_slow_look_up_stops_nothing_else(moto, sluice, black_hole):
    prefix, questions = black_hole
    queue = moto.queue(VisibilityTimeout=600)
    queue.send([f"event {n}" for n in range(10)])
    program = sluice("run", "--from", queue.name, "--to", "http://slow.example/batch", "--allow-http", "--batch-age", "100ms",
                     "--receive-wait", "1s", "--drain", "4s", env=moto.env(), prefix=prefix)
    until("the service's name is being looked up", lambda: any(b"slow" in q for q in questions))

    queue.send([f"event {n}" for n in range(10, 30)])  # and the receivers go on
    until("sluice holds all of them", lambda: queue.counts() == (0, 30), 5)
    program.terminate()  # and so does the drain
    ended = program.end(10)

    assert ended.seconds < 4.5, ended
    assert ended.account["returned"] == 30, ended
