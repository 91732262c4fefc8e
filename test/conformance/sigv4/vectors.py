"""vectors.py DRIVER FOLDER -- AWS's Signature Version 4 test suite: every request in FOLDER, in all its stages.

A case is a folder with NAME.req (the raw request), NAME.creq (the canonical request), NAME.sts (the string to sign)
and NAME.authz (the Authorization header). None is left out.
"""
import sys
from pathlib import Path

from driver import Driver, Request


def read(path):
    return path.read_bytes().replace(b"\r", b"")


def parse(raw, canonical):
    """The raw request; the path may hold blanks, and a header may go on in the next line."""
    head, _, body = raw.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, rest = first.partition(b" ")
    target = rest.rsplit(b" HTTP/", 1)[0]
    path, _, query = target.partition(b"?")
    headers = []
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            headers[-1] = (headers[-1][0], headers[-1][1] + b"\n" + line)
        elif line:
            name, _, value = line.partition(b":")
            headers.append((name, value))
    request = Request(method.decode(), path, query, headers, body)
    names = [name.lower() for name, _ in headers]
    for line in canonical.split(b"\n"):
        if line.startswith(b"x-amz-security-token:") and b"x-amz-security-token" not in names:
            request.token = line.partition(b":")[2].decode()
    return request


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    driver, failed, count = Driver(program), 0, 0
    for case in sorted(folder.rglob("*.req")):
        stages = {stage: read(case.with_suffix("." + stage)).decode() for stage in ("creq", "sts", "authz")}
        answer = driver.sign(parse(read(case), stages["creq"].encode()))
        got = {"creq": answer.canonical, "sts": answer.string_to_sign, "authz": answer.authorization, "verdict": answer.verdict}
        count += 1
        for stage, expected in (*stages.items(), ("verdict", "")):
            if got[stage] != expected:
                failed += 1
                print(f"{case.relative_to(folder)}: {stage}\n  expected {expected!r}\n  got      {got[stage]!r}")
                break
    driver.close()
    print(f"AWS's test vectors: {count - failed} of {count}")
    sys.exit(failed > 0 or count < 30)


main()
