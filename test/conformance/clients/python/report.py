"""What the checks in Python share: how a check is reported, and how one waits."""
import sys
import time
import traceback


def same(got, wanted):
    assert got == wanted, f"{got!r}, not {wanted!r}"


def until(what, call, seconds=15):
    """Calls until it returns something true, and returns that."""
    end = time.monotonic() + seconds
    while not (value := call()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return value


def why(error):
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == sys.argv[0]]
    text = " ".join(str(error).split())
    return f"{type(error).__name__} in line {lines[-1] if lines else '?'}: {text}"[:600]


def main(checks):
    """Does the checks that the command line names after PREFIX, and prints a line for each."""
    for name in sys.argv[2:]:
        try:
            checks[name]()
            print(f"ok {name}", flush=True)
        except Exception as error:  # noqa: BLE001 whatever it is, it is the answer
            print(f"not ok {name}: {why(error)}", flush=True)

