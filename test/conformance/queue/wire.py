"""Requests as bytes, for what no SDK sends."""
import http.client
import json
import socket
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from checks import Differs, plain

JSON = "application/x-amz-json-1.0"
FORM = "application/x-www-form-urlencoded"
# Signatures are for SDKs to make; servers that want to know only the region find it in the scope.
AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=any/20260101/{region}/sqs/aws4_request, SignedHeaders=host;x-amz-date, "
                 "Signature=" + "0" * 64)
TIMEOUT_S = 30


@dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Differs(f"{self.status} with a body that is not JSON: {plain(self.text)}") from None

    def xml(self):
        """The document without its namespace."""
        try:
            root = ElementTree.fromstring(self.body)
        except ElementTree.ParseError:
            raise Differs(f"{self.status} with a body that is not XML: {plain(self.text)}") from None
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def type(self):
        """The name of an error of AWS JSON: what is behind '#' in __type."""
        return str(self.json().get("__type", "")).rpartition("#")[2]

    def __str__(self):
        return f"{self.status} {plain(self.text)}"


class Wire:
    def __init__(self, url, region):
        self.url = url
        self.region = region
        self.host = urlsplit(url).netloc

    def connect(self):
        return http.client.HTTPConnection(self.host, timeout=TIMEOUT_S)

    def headers(self, **more):
        return {"Authorization": AUTHORIZATION.format(region=self.region), "X-Amz-Date": "20260101T000000Z",
                **{k.replace("_", "-"): v for k, v in more.items()}}

    def request(self, method, path, body=None, **headers):
        connection = self.connect()
        try:
            connection.request(method, path, body, self.headers(**headers))
            return read(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            raise Differs(f"no answer: {plain(type(error).__name__)}") from error
        finally:
            connection.close()

    def json(self, operation, body, path="/", **headers):
        """AWS JSON: `body` is a value, or bytes as they are."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, body, Content_Type=JSON, X_Amz_Target=f"AmazonSQS.{operation}",
                            **headers)

    def query(self, action, path="/", method="POST", **fields):
        """The Query protocol; a field's name may have dots: {"AttributeName.1": "All"}."""
        fields = {**({"Action": action} if action else {}), "Version": "2012-11-05", **fields}
        if method == "GET":
            return self.request("GET", f"{path}?{urlencode(fields)}")
        return self.request("POST", path, urlencode(fields).encode(), Content_Type=FORM)

    def raw(self, data, answers=1):
        """Sends bytes on one connection and reads that many answers from it."""
        host, _, port = self.host.rpartition(":")
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
            connection.sendall(data)
            return read_from(connection, answers)


def read(response):
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def read_from(connection, answers):
    got = []
    stream = connection.makefile("rb")
    try:
        for _ in range(answers):
            response = http.client.HTTPResponse(OneStream(stream))
            response.begin()
            got.append(read(response))
    except (OSError, http.client.HTTPException) as error:
        raise Differs(f"{len(got)} answers, then {type(error).__name__}") from error
    finally:
        stream.close()
    return got


class OneStream:
    """What http.client takes for a socket; answers that follow each other share one buffer."""

    def __init__(self, stream):
        self.stream = stream

    def makefile(self, _mode):
        return Unclosed(self.stream)


class Unclosed:
    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def close(self):
        pass
