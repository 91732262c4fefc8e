"""sluice as a process: what it is told, what it says, how it ends."""
import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from world.waiting import Never

ROOT = Path(__file__).resolve().parents[3]
SLUICE = os.environ.get("SLUICE_BIN", str(ROOT / "build" / "release" / "sluice"))


@dataclass
class Ended:
    code: int
    out: bytes
    err: str
    account: dict
    seconds: float  # from the last signal that was sent, or from the start

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.2f} s, account {self.account}\n{self.err}"


class Sluice:
    def __init__(self, folder, *arguments, env=None, stdin=None, account=True, prefix=()):
        self.folder = folder
        self.account_file = folder / "account.json"
        self.account_file.unlink(missing_ok=True)
        arguments = [str(a) for a in arguments]
        if account and arguments and arguments[0] == "run":
            arguments += ["--account", str(self.account_file)]
        self.lines = []
        self.changed = threading.Condition()
        self.began = time.monotonic()
        self.stdin_file = None
        if isinstance(stdin, bytes):
            (folder / "stdin").write_bytes(stdin)
            self.stdin_file = open(folder / "stdin", "rb")
        self.process = subprocess.Popen(
            [*prefix, SLUICE, *arguments], stdin=self.stdin_file or stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
            # Nothing of the developer's own AWS set-up, and no metadata service.
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true", **(env or {})})
        self.out = b""
        self.readers = [threading.Thread(target=self.read_out, daemon=True),
                        threading.Thread(target=self.read_err, daemon=True)]
        for reader in self.readers:
            reader.start()

    def read_out(self):
        self.out = self.process.stdout.read()

    def read_err(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.decode("utf-8", "replace"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_line(self, pattern, timeout=20):
        """Returns once a line on stderr matches."""
        found = re.compile(pattern)
        with self.changed:
            if not self.changed.wait_for(lambda: any(found.search(line) for line in self.lines), timeout):
                raise Never(f"no line {pattern!r} within {timeout} s:\n{''.join(self.lines)}")

    def signal(self, number):
        self.began = time.monotonic()
        self.process.send_signal(number)

    def terminate(self):
        self.signal(signal.SIGTERM)

    def end(self, timeout=60):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Never(f"sluice still runs after {timeout} s:\n{''.join(self.lines)}") from None
        seconds = time.monotonic() - self.began
        for reader in self.readers:
            reader.join(5)
        if self.stdin_file:
            self.stdin_file.close()
        account = None
        if self.account_file.exists() and self.process.returncode != -signal.SIGKILL:
            account = json.loads(self.account_file.read_text())
            assert_equation(account)
        return Ended(self.process.returncode, self.out, "".join(self.lines), account, seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def assert_equation(a):
    assert a["received"] == (a["deleted"] + a["returned"] + a["dead_lettered"] + a["expired"] + a["merged"] +
                             a["abandoned"]), a
