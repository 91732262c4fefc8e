"""Speaks with the program from driver.c."""
import subprocess
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    path: bytes
    query: bytes = b""
    headers: list = field(default_factory=list)  # (name, value) as bytes
    body: bytes = b""
    access_key: str = "AKIDEXAMPLE"
    secret: str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    token: str = ""
    region: str = "us-east-1"
    service: str = "service"
    time: int = 1440938160
    is_s3: bool = False


@dataclass
class Answer:
    canonical: str
    string_to_sign: str
    authorization: str
    verdict: str  # what sigv4_verify objects to; empty if nothing


class Driver:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit(f"the driver ended with {self.process.returncode}")

    def sign(self, request):
        text = lambda value: (value.encode() if isinstance(value, str) else value).hex() or "-"
        lines = [f"{name} {text(getattr(request, name))}"
                 for name in ("method", "path", "query", "body", "access_key", "secret", "token", "region", "service")]
        lines += [f"header {text(name)} {text(value)}" for name, value in request.headers]
        lines += [f"time {request.time}", f"s3 {int(request.is_s3)}", "sign", ""]
        self.process.stdin.write("\n".join(lines).encode())
        self.process.stdin.flush()
        answer = [self.process.stdout.readline().decode().rstrip("\n") for _ in range(4)]
        return Answer(*(bytes.fromhex(line).decode() for line in answer[:3]), answer[3])
