"""Speaks with the program from driver.c; counts what was checked."""
import json
import subprocess


class Driver:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, do, **fields):
        self.process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the driver ended with {self.process.wait()} at {do} {fields}")
        return json.loads(line)


class Checks:
    """Prints the first failures, and at the end how many there were."""
    SHOWN_MAX = 20

    def __init__(self, title):
        self.title, self.passed, self.failed = title, 0, 0

    def equal(self, what, ours, theirs):
        if ours == theirs:
            self.passed += 1
            return
        self.failed += 1
        if self.failed <= self.SHOWN_MAX:
            print(f"FAILED {what}\n  ours   {ours!r}\n  theirs {theirs!r}")

    def end(self):
        print(f"{self.title}: {self.passed} of {self.passed + self.failed}")
        print(f"{self.passed} passed, {self.failed} failed")


def service_model():
    """The service model of the botocore that runs this."""
    import botocore.session

    return botocore.session.get_session().get_service_model("sqs")
