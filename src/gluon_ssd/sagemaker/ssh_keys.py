"""The keys by which the hosts of a job let each other in by SSH, made when the job starts.

Each host makes keys of its own, gives the public halves to whoever asks, and trusts those that it is given at another
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
from gluon_ssd.errors import PlatformError, StoppedError, UserError
from gluon_ssd.sagemaker.cluster import Cluster

logger = logging.getLogger(__name__)

PORT = 7022
ASKED_FOR = "GLUON_SSD_SSH_KEYS"
"""The variable by which an image asks for it: elsewhere SSH is somebody's, who has set it up."""
_OURS = "# of gluon-ssd, for one job\n"  # at the start of authorized_keys and known_hosts
_KIND = "ed25519"
_PUBLIC = re.compile(rf"ssh-{_KIND} [A-Za-z0-9+/]{{60,80}}=*")
_LONGEST = 1000  # bytes of an answer
_PATIENCE = 5.0  # seconds that a host which is there may take to answer
_PAUSE = 0.5  # seconds between two questions


@dataclass(frozen=True)
class PublicKeys:
    """What a host shows as a client and as a server, each as `KIND TEXT`."""

    client: str
    server: str


@dataclass(frozen=True)
class SshFiles:
    """Where its programs look: the machine's files in `system`, root's, who alone may set up SSH, in `home`.

    The server wants an empty folder `run`.
    """

    system: Path = Path("/etc/ssh")
    home: Path = Path(pwd.getpwuid(0).pw_dir) / ".ssh"  # not of any user: `docker run --user` takes unknown ones
    run: Path = Path("/run/sshd")

    @property
    def are_anothers(self) -> bool:
        """Whether root has keys by others than this program."""
        if self._authorized.exists():
            return not self._authorized.read_text(errors="replace").startswith(_OURS)
        return any(self.home.glob("id_*"))

    def make_keys(self) -> PublicKeys:
        """Make a key pair for the client, and for the server where it has none; return their public halves."""
        for folder in (self.home, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self._authorized, _OURS)  # first of all, that they are known as ours whatever comes
        client, server = self.home / f"id_{_KIND}", self.system / f"ssh_host_{_KIND}_key"
        client.unlink(missing_ok=True)
        return PublicKeys(_pair(client), _public(server) if server.exists() else _pair(server))

    def trust(self, hosts: Mapping[str, PublicKeys]) -> None:
        """Let these hosts in, and know them by their names, beside those that root knows already.

        What is known already moves to known_hosts2, which SSH reads as well, and Paramiko, which stumbles, does not.
        """
        _write(self._authorized, _OURS + "".join(f"{keys.client}\n" for keys in hosts.values()))
        known = self.home / "known_hosts"
        if known.exists() and not (before := known.read_bytes()).startswith(_OURS.encode()):
            with (self.home / "known_hosts2").open("ab") as others:
                others.write(before)
        _write(known, _OURS + "".join(f"{host} {keys.server}\n" for host, keys in hosts.items()))

    @property
    def _authorized(self) -> Path:
        return self.home / "authorized_keys"


@contextmanager
def exchanged(
    cluster: Cluster,
    *,
    deadline: Deadline,
    stopped: Callable[[], bool],
    environ: Mapping[str, str] = os.environ,
    files: SshFiles | None = None,
) -> Iterator[None]:
    """From the start of the block on, the first host and each other let each other in by SSH.

    Keys and trust stay, for the launcher and for what ends after it; for the length of the block this host tells its
    own public keys. Nothing is done where the environment does not ask for it, or root has keys already.

    Raises:
        PlatformError: a host has not given its keys until the deadline, or there is no place for keys.
        UserError: this is not root, who alone may set up SSH.
        StoppedError: the job was asked to stop before.
    """
    files = files or SshFiles()
    own = _made(files) if environ.get(ASKED_FOR) else None
    if own is None:
        yield
        return
    others = set(cluster.hosts) - {cluster.current_host} if cluster.rank == 0 else {cluster.primary}
    with offered(own):
        given = {host: ask(host, deadline=deadline, stopped=stopped) for host in sorted(others)}
        try:
            files.trust(given)
        except OSError as error:
            raise PlatformError(f"hosts: expected to write the keys of others for SSH, got {error}") from error
        yield


def _made(files: SshFiles) -> PublicKeys | None:
    if os.geteuid():
        raise UserError(f"hosts: expected to run as root, whom SSH's server needs, got user {os.geteuid()}")
    try:
        if not files.are_anothers:
            return files.make_keys()
    except (OSError, subprocess.CalledProcessError) as error:
        raise PlatformError(f"hosts: expected to make keys for SSH, got {error}") from error
    logger.info("SSH: using the keys that are in %s already", files.home)
    return None


@contextmanager
def offered(keys: PublicKeys, port: int = PORT) -> Iterator[None]:
    """Give public keys to whoever asks at the port, for the length of the block."""
    try:
        server = _Server(("", port), _Answer)
    except OSError as error:
        raise PlatformError(f"hosts: expected to offer this host's SSH keys at port {port}, got {error}") from error
    server.keys = keys
    with server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def ask(host: str, port: int = PORT, *, deadline: Deadline, stopped: Callable[[], bool]) -> PublicKeys:
    """Return the public keys that a host offers; ask again until the deadline.

    Raises:
        PlatformError: it has not answered by then, or not with two keys.
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
                    f"hosts: expected {host} to give its SSH keys at port {port} within {deadline.seconds:g} s, "
                    f"got {error}"
                ) from error
            if not told:
                logger.info("Waiting for host %s", host)
            told = True
            time.sleep(min(_PAUSE, max(0, deadline.left)))
            continue
        return _parse(answer, f"expected {host} to give its SSH keys at port {port}")


def _parse(answer: str, expected: str) -> PublicKeys:
    match answer.splitlines():
        case [client, server] if _PUBLIC.fullmatch(client) and _PUBLIC.fullmatch(server):
            return PublicKeys(client, server)
    raise PlatformError(f"hosts: {expected}, got {answer[:60]!r}")


def _question(host: str, port: int) -> str:
    with socket.create_connection((host, port), timeout=_PATIENCE) as connection, connection.makefile("rb") as file:
        return file.read(_LONGEST).decode(errors="replace").strip()


def _pair(path: Path) -> str:
    """Make a key pair; return its public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", _KIND, "-N", "", "-C", "", "-f", path], check=True)  # noqa: S603, S607
    return _public(path)


def _public(path: Path) -> str:
    # From the private half: no file needs to be beside it, and no comment is in what is printed.
    printed = subprocess.check_output(["ssh-keygen", "-y", "-f", path], text=True)  # noqa: S603, S607
    return " ".join(printed.split()[:2])


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    keys: PublicKeys


class _Answer(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        keys = self.server.keys
        self.request.sendall(f"{keys.client}\n{keys.server}\n".encode())
