"""A web server that answers each request for a path as a list says, and files for it to serve."""

import io
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """A status and a body, of which no more than `sent` bytes come before the connection breaks off."""

    status: int = 200
    body: bytes = b""
    sent: int | None = None


class Store(ThreadingHTTPServer):
    """Answers requests for each path in turn, the last answer for ever; `requests` are the paths asked for."""

    daemon_threads = True

    def __init__(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = {path: list(several) for path, several in answers.items()}
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Store

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        several = self.server.answers.get(self.path, [Answer(404)])
        answer = several.pop(0) if len(several) > 1 else several[0]
        self.send_response(answer.status)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: answer.sent])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has
        """Say nothing."""


@contextmanager
def serving(answers: Mapping[str, Sequence[Answer]]) -> Iterator[Store]:
    """Run the server in a thread."""
    store = Store(answers)
    thread = threading.Thread(target=store.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        store.shutdown()
        store.server_close()
        thread.join()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file of these files, compressed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()
