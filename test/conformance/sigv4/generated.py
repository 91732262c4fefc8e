"""generated.py DRIVER SEED COUNT -- generated requests, signed by us and by botocore, must agree to the letter.

What varies: method, path (dot segments, repeated slashes, percent signs, other scripts), query (order, repeated keys,
empty values), headers (case, blanks, repeated names, those that are not signed), body, token, region, service, time,
and S3's rules for paths.
"""
import datetime
import random
import string
import sys
from urllib.parse import quote

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from driver import Driver, Request

TEXT = string.ascii_letters + string.digits + "-._~ !$&'()*+,;=:@/?#[]%äß漢😀"
VALUE = string.ascii_letters + string.digits + "  \t-_.,;:=/\"'()%"
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]
SERVICES = ["sqs", "sts", "kinesis", "execute-api", "service"]
REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1"]
HEADERS = ["Content-Type", "X-Amz-Target", "x-amz-meta-a", "X-AMZ-Meta-B", "Accept", "x-a", "X-A-B", "X-a", "Cache-Control",
           "User-Agent", "Connection", "Expect", "X-Amzn-Trace-Id", "Traceparent"]


def words(rng, alphabet, most):
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(most)))


def path_of(rng):
    segments = [rng.choice(["", ".", "..", quote(words(rng, TEXT, 12), safe=""), words(rng, string.ascii_letters, 8)])
                for _ in range(rng.randrange(7))]
    return "/" + "/".join(segments)


def query_of(rng):
    encode = lambda text: quote(text, safe="-_.~")
    keys = [words(rng, TEXT, 6) or "k" for _ in range(rng.randrange(1, 4))]
    pairs = [(rng.choice(keys), words(rng, TEXT, 8)) for _ in range(rng.randrange(8))]
    return "&".join(encode(key) + ("=" + encode(value) if value or rng.random() < 0.5 else "") for key, value in pairs)


def headers_of(rng):
    return [(rng.choice(HEADERS), words(rng, VALUE, 30)) for _ in range(rng.randrange(9))]


def request_of(rng):
    return Request(method=rng.choice(METHODS), path=path_of(rng).encode(), query=query_of(rng).encode(),
                   headers=headers_of(rng), body=rng.randbytes(rng.choice([0, 0, 1, 100, 5000])),
                   access_key=words(rng, string.ascii_uppercase + string.digits, 20) or "A",
                   secret=words(rng, string.ascii_letters + "+/", 60) or "s",
                   token=words(rng, string.ascii_letters + "+/=", 300) if rng.random() < 0.4 else "",
                   region=rng.choice(REGIONS), service=rng.choice(SERVICES), time=rng.randrange(1_000_000_000, 4_000_000_000),
                   is_s3=rng.random() < 0.2)


def by_botocore(request, host):
    """Signs it, adds the headers that botocore sent to the request, and returns the three stages."""
    url = f"https://{host}{request.path.decode()}" + (f"?{request.query.decode()}" if request.query else "")
    theirs = AWSRequest(method=request.method, url=url, data=request.body)
    for name, value in request.headers:
        theirs.headers.add_header(name, value)
    kind = botocore.auth.S3SigV4Auth if request.is_s3 else botocore.auth.SigV4Auth
    auth = kind(Credentials(request.access_key, request.secret, request.token or None), request.service, request.region)
    now = datetime.datetime.fromtimestamp(request.time, datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: now.replace(tzinfo=None)
    auth.add_auth(theirs)
    authorization = theirs.headers["Authorization"]
    del theirs.headers["Authorization"]
    canonical = auth.canonical_request(theirs)
    sent = [(name.encode(), value.encode()) for name, value in theirs.headers.items()]
    request.headers = [(b"Host", host.encode()), *sent]
    return canonical, auth.string_to_sign(theirs, canonical), authorization


def main():
    program, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng, driver, failed = random.Random(seed), Driver(program), 0
    for number in range(count):
        request = request_of(rng)
        host = rng.choice(["sqs.eu-central-1.amazonaws.com", "localhost:9324", "queue.example"])
        expected = (*by_botocore(request, host), "")
        answer = driver.sign(request)
        got = (answer.canonical, answer.string_to_sign, answer.authorization, answer.verdict)
        for stage, theirs, ours in zip(("canonical request", "string to sign", "authorization", "verdict"), expected, got):
            if theirs != ours:
                failed += 1
                print(f"request {number} of seed {seed}: {stage}\n  botocore {theirs!r}\n  sluice   {ours!r}")
                break
    driver.close()
    print(f"botocore's signer, seed {seed}: {count - failed} of {count}")
    sys.exit(failed > 0)


main()
