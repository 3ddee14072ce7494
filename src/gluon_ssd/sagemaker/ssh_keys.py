"""The keys by which the hosts of a job let each other in, where nobody has set up SSH: made when the job starts.

Each host makes a key of its own, gives the public half to whoever asks, and lets in who gives such a half at another
host's name. So the image has no key in it, no private half leaves its host, and another job's hosts have none of use.
"""

import logging
import os
import pwd
import re
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, StoppedError
from gluon_ssd.sagemaker.cluster import Cluster

logger = logging.getLogger(__name__)

PORT = 7022
_KIND = "ed25519"
_PUBLIC = re.compile(rf"ssh-{_KIND} [A-Za-z0-9+/]{{60,80}}=*")
_LONGEST = 1000  # bytes of an answer
_PATIENCE = 5.0  # seconds that a host which is there may take to answer
_PAUSE = 0.5  # seconds between two questions


@dataclass(frozen=True)
class SshFiles:
    """Where its programs look: the machine's files in `system`, root's, who alone may set up SSH, in `home`."""

    system: Path = Path("/etc/ssh")
    home: Path = Path(pwd.getpwuid(0).pw_dir) / ".ssh"  # not of any user: `docker run --user` takes unknown ones

    @property
    def are_set_up(self) -> bool:
        """Whether this machine has a key to show as a server: somebody has made it, and cares for the rest."""
        return any(self.system.glob("ssh_host_*_key"))

    def make_key(self) -> str:
        """Make one key pair for this host, as server and as client; return its public half, `KIND TEXT`."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._own.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", _KIND, "-N", "", "-C", "", "-f", self._own], check=True)  # noqa: S603, S607
        return self._own.with_suffix(".pub").read_text().strip()

    def trust(self, keys: Mapping[str, str]) -> None:
        """Let the holders of these keys in, know them by their hosts' names, and show the own key as a server."""
        _write(self.home / "authorized_keys", "".join(f"{key}\n" for key in keys.values()))
        _write(self.home / "known_hosts", "".join(f"{host} {key}\n" for host, key in keys.items()))
        # The last of all: it tells that SSH is set up, should this container be started again.
        _write(self.system / f"ssh_host_{_KIND}_key", self._own.read_text())

    @property
    def _own(self) -> Path:
        return self.home / f"id_{_KIND}"


@contextmanager
def exchanged(
    cluster: Cluster, *, deadline: Deadline, stopped: Callable[[], bool], files: SshFiles | None = None
) -> Iterator[None]:
    """For the length of the block the first host and each other let each other in by SSH.

    Where SSH is set up already, nothing is done.

    Raises:
        PlatformError: a host has not given its key until the deadline, or this process may not set up SSH.
        StoppedError: the job was asked to stop before.
    """
    files = files or SshFiles()
    if files.are_set_up:
        yield
        return
    if os.geteuid():
        raise PlatformError(f"hosts: expected to run as root, whom SSH's server needs, got user {os.geteuid()}")
    others = set(cluster.hosts) - {cluster.current_host} if cluster.rank == 0 else {cluster.primary}
    with offered(files.make_key()):
        files.trust({host: ask(host, deadline=deadline, stopped=stopped) for host in sorted(others)})
        yield


@contextmanager
def offered(key: str, port: int = PORT) -> Iterator[None]:
    """Give a public key to whoever asks at the port, for the length of the block."""
    try:
        server = _Server(("", port), _Answer)
    except OSError as error:
        raise PlatformError(f"hosts: expected to offer this host's SSH key at port {port}, got {error}") from error
    server.key = key
    with server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def ask(host: str, port: int = PORT, *, deadline: Deadline, stopped: Callable[[], bool]) -> str:
    """Return the public key that a host offers; ask again until the deadline.

    Raises:
        PlatformError: it has not answered by then, or not with a key.
        StoppedError: the job was asked to stop.
    """
    told = False
    while True:
        try:
            answer = _question(host, port)
        except OSError as error:
            if stopped():
                raise StoppedError(f"while it waited for host {host}") from error
            if deadline.left <= 0:
                raise PlatformError(
                    f"hosts: expected {host} to give its SSH key at port {port} within {deadline.seconds:g} s, "
                    f"got {error}"
                ) from error
            if not told:
                logger.info("Waiting for host %s", host)
            told = True
            time.sleep(min(_PAUSE, max(0, deadline.left)))
            continue
        if not _PUBLIC.fullmatch(answer):
            raise PlatformError(f"hosts: expected {host} to give its SSH key at port {port}, got {answer[:60]!r}")
        return answer


def _question(host: str, port: int) -> str:
    with socket.create_connection((host, port), timeout=_PATIENCE) as connection, connection.makefile("rb") as file:
        return file.read(_LONGEST).decode(errors="replace").strip()


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    key: str


class _Answer(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.request.sendall(f"{self.server.key}\n".encode())
