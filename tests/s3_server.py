"""S3 for tests: moto's server as a process of its own, and a proxy before it that misbehaves; real sockets."""

import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError

import boto3

BUCKET = "labels"
REGION = "eu-west-1"
_HEADERS = ("content-type", "etag", "x-amz-checksum-crc32", "x-amz-checksum-type")

ERROR = """<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"""


def environment(endpoint: str) -> dict[str, str]:
    """Return what a process needs to find the server, and nothing else of AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }


@contextmanager
def moto_server() -> Iterator[str]:
    """Run the server, with an empty bucket, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _wait(endpoint)
        client(endpoint).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield endpoint
    finally:
        process.kill()
        process.wait()


def put(endpoint: str, objects: Mapping[str, bytes]) -> None:
    """Upload objects by key."""
    service = client(endpoint)
    for key, content in objects.items():
        service.put_object(Bucket=BUCKET, Key=key, Body=content)


def client(endpoint: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - botocore makes its classes as it runs
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - no secret
    )


def _wait(endpoint: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{endpoint}/moto-api/data.json", timeout=5):  # noqa: S310 - our own server
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(endpoint)


class FaultyProxy(ThreadingHTTPServer):
    """Passes requests on to the server; `faults` say, by key, what happens to its next requests instead.

    A fault is a status with a code, `503 SlowDown`; `break`, an answer that ends early; `flip`, one with another byte
    than the checksum is of; a number of seconds to wait before the answer. The last of a list happens for ever if it
    is `always`. `requests` are the keys asked for, and `most` how many of them at a time.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, faults: Mapping[str, list[str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream.removeprefix("http://")
        self.faults = {key: list(several) for key, several in faults.items()}
        self.requests: list[str] = []
        self.most, self.now = 0, 0
        self.lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_fault(self, key: str) -> str:
        with self.lock:
            self.requests.append(key)
            several = self.faults.get(key) or self.faults.get("*") or [""]
            return several[0] if several[-1] == "always" or several == [""] else several.pop(0)

    def count(self, change: int) -> None:
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)


class _Handler(BaseHTTPRequestHandler):
    server: FaultyProxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.count(1)
        try:
            self._answer(self.server.next_fault(self.path.partition("?")[0].removeprefix(f"/{BUCKET}/")))
        finally:
            self.server.count(-1)

    def _answer(self, fault: str) -> None:
        status, _, code = fault.partition(" ")
        if code:
            body = ERROR.format(code=code, message="as the test wants it").encode()
            self._send(int(status), {"content-type": "application/xml"}, body)
            return
        connection = HTTPConnection(self.server.upstream)
        connection.request("GET", self.path, headers=dict(self.headers.items()))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        headers = {name: value for name, value in answer.getheaders() if name.lower() in _HEADERS}
        if fault.replace(".", "").isdigit():
            time.sleep(float(fault))
        if fault == "flip":
            body = bytes([body[0] ^ 1]) + body[1:]
        self._send(answer.status, headers, body, sent=len(body) // 2 if fault == "break" else None)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])
        if sent is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has
        """Say nothing."""


@contextmanager
def proxied(upstream: str, faults: Mapping[str, list[str]]) -> Iterator[FaultyProxy]:
    """Run a faulty proxy in a thread."""
    proxy = FaultyProxy(upstream, faults)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
