import os
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from distributed_needs import expect
from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, StoppedError
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.ssh_keys import PORT, PublicKeys, SshFiles, ask, exchanged, offered

CLIENT = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB1lL4kDn0Ue3zF3hUqTgmRk4Sn9qW0YV8Q3o5sWc2nA"
SERVER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB1lL4kDn0Ue3zF3hUqTgmRk4Sn9qW0YV8Q3o5sWc2nB"
KEYS = PublicKeys(CLIENT, SERVER)
ANSWER = f"{CLIENT}\n{SERVER}\n".encode()
HOST = "127.0.0.1"
MARK = "# of gluon-ssd, for one job\n"
ASKED = {"GLUON_SSD_SSH_KEYS": "1"}


def goes_on() -> bool:
    return False


@pytest.fixture
def files(tmp_path: Path) -> SshFiles:
    expect("the command ssh-keygen", found=shutil.which("ssh-keygen") is not None)
    return files_in(tmp_path / "host")


def files_in(folder: Path) -> SshFiles:
    (folder / "etc").mkdir(parents=True)
    return SshFiles(folder / "etc", folder / "home", folder / "run")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def answering(text: bytes, port: int) -> Iterator[None]:
    """Another program, at the port of a host's key."""
    with socket.create_server((HOST, port)) as server:
        thread = threading.Thread(target=answer, args=(server, text), daemon=True)
        thread.start()
        yield
        thread.join(10)


def answer(server: socket.socket, text: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(text)


@pytest.mark.distributed
def test_keys_are_pairs_of_openssh_and_nobody_else_may_read_the_private_halves(files: SshFiles) -> None:
    made = files.make_keys()
    client, server = files.home / "id_ed25519", files.system / "ssh_host_ed25519_key"
    for private, public in ((client, made.client), (server, made.server)):
        assert subprocess.check_output(["ssh-keygen", "-y", "-f", private], text=True).strip() == public
        assert mode(private) == 0o600
    assert made.client != made.server
    assert (mode(files.home), mode(files.home / "authorized_keys")) == (0o700, 0o600)
    assert list(files.run.iterdir()) == []


@pytest.mark.distributed
def test_two_hosts_have_different_keys(files: SshFiles, tmp_path: Path) -> None:
    assert files.make_keys().client != files_in(tmp_path / "other").make_keys().client


@pytest.mark.distributed
def test_a_host_that_starts_again_has_a_new_key_as_a_client_and_its_old_one_as_a_server(files: SshFiles) -> None:
    first = files.make_keys()
    files.trust({"algo-2": KEYS})
    assert not files.are_anothers
    second = files.make_keys()
    assert (second.client != first.client, second.server) == (True, first.server)
    assert (files.home / "authorized_keys").read_text() == MARK


@pytest.mark.distributed
def test_a_key_of_the_server_that_a_package_has_brought_is_shown_and_stays(files: SshFiles) -> None:
    server = files.system / "ssh_host_ed25519_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "root@there", "-f", server], check=True)
    before = server.read_bytes()
    assert files.make_keys().server == " ".join(server.with_suffix(".pub").read_text().split()[:2])
    assert server.read_bytes() == before


def test_hosts_that_are_trusted_come_in_and_are_known_by_their_names(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.home.mkdir()
    files.trust({"algo-2": KEYS, "algo-3": PublicKeys(SERVER, CLIENT)})
    assert (files.home / "authorized_keys").read_text() == f"{MARK}{CLIENT}\n{SERVER}\n"
    assert (files.home / "known_hosts").read_text() == f"{MARK}algo-2 {SERVER}\nalgo-3 {CLIENT}\n"


def test_hosts_that_root_knows_already_stay_known_out_of_paramikos_way(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.home.mkdir()
    before = f"# caf\xe9\n@cert-authority *.example {SERVER}\nalgo-2 {CLIENT}\n".encode("latin-1")
    (files.home / "known_hosts").write_bytes(before)
    assert not files.are_anothers
    for _ in range(2):  # a container that starts again has nothing twice
        files.trust({"algo-2": KEYS})
        assert (files.home / "known_hosts").read_text() == f"{MARK}algo-2 {SERVER}\n"
        assert (files.home / "known_hosts2").read_bytes() == before


@pytest.mark.parametrize("name", ["id_rsa", "authorized_keys"])
def test_keys_of_root_that_this_program_has_not_made_are_anothers(name: str, tmp_path: Path) -> None:
    files = files_in(tmp_path)
    assert not files.are_anothers
    files.home.mkdir()
    (files.home / "config").write_text("Host *\n")
    assert not files.are_anothers
    (files.home / name).write_text(f"{CLIENT}\n")
    assert files.are_anothers


def test_keys_that_are_offered_are_got_as_often_as_they_are_asked_for() -> None:
    port = free_port()
    with offered(KEYS, port):
        assert [ask(HOST, port, deadline=Deadline.after(10), stopped=goes_on) for _ in range(3)] == [KEYS] * 3
    with pytest.raises(
        PlatformError, match=f"expected 127.0.0.1 to give its SSH keys at port {port} within 0.2 s, got"
    ):
        ask(HOST, port, deadline=Deadline.after(0.2), stopped=goes_on)


def test_a_host_that_comes_late_is_waited_for() -> None:
    port = free_port()
    timer = threading.Timer(1.2, answer_once, args=(port,))
    timer.start()
    assert ask(HOST, port, deadline=Deadline.after(20), stopped=goes_on) == KEYS
    timer.join()


def answer_once(port: int) -> None:
    with answering(ANSWER, port):
        pass


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.0 400 Bad request\r\n\r\n",
        CLIENT.encode(),
        ANSWER + CLIENT.encode(),
        b'command="x" ' + ANSWER,
        f"{CLIENT}\n{SERVER[:40]}\n".encode(),
    ],
)
def test_what_is_no_key_is_not_trusted(text: bytes) -> None:
    port = free_port()
    with answering(text, port), pytest.raises(PlatformError, match=r"expected 127\.0\.0\.1 to give its SSH keys at"):
        ask(HOST, port, deadline=Deadline.after(10), stopped=goes_on)


def test_the_wait_for_a_host_ends_when_the_job_is_asked_to_stop() -> None:
    with pytest.raises(StoppedError, match=r"while it waited for host 127\.0\.0\.1"):
        ask(HOST, free_port(), deadline=Deadline.after(60), stopped=lambda: True)


def test_a_port_that_is_taken_is_a_fault_of_the_platform() -> None:
    with (
        socket.create_server(("", 0)) as server,
        pytest.raises(PlatformError, match=r"expected to offer this host's SSH keys at port \d+, got .*in use"),
        offered(KEYS, server.getsockname()[1]),
    ):
        pass


@pytest.mark.distributed
def test_the_first_host_lets_the_others_in_and_they_only_the_first(tmp_path: Path) -> None:
    """One machine with one port stands for all hosts here: each gets its own keys back, by the others' names."""
    expect("root, and the command ssh-keygen", found=os.geteuid() == 0 and shutil.which("ssh-keygen") is not None)
    names = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    for current, others in (("127.0.0.1", ["127.0.0.2", "127.0.0.3"]), ("127.0.0.3", ["127.0.0.1"])):
        files = files_in(tmp_path / current)
        cluster = Cluster(names, current)
        with exchanged(cluster, deadline=Deadline.after(10), stopped=goes_on, environ=ASKED, files=files):
            keys = ask(HOST, PORT, deadline=Deadline.after(10), stopped=goes_on)
            known = "".join(f"{host} {keys.server}\n" for host in others)
            assert (files.home / "known_hosts").read_text() == MARK + known
            assert (files.home / "authorized_keys").read_text() == MARK + f"{keys.client}\n" * len(others)


@pytest.mark.distributed
def test_keys_that_cannot_be_made_are_a_fault_of_the_platform(tmp_path: Path) -> None:
    expect("root", found=os.geteuid() == 0)
    files = files_in(tmp_path)
    files.home.write_text("a file in the place of the folder")
    with (
        pytest.raises(PlatformError, match=r"^hosts: expected to make keys for SSH, got .*File exists"),
        exchanged(Cluster(("a", "b"), "a"), deadline=Deadline.after(1), stopped=goes_on, environ=ASKED, files=files),
    ):
        pass


@pytest.mark.distributed
def test_keys_that_root_has_already_stay_as_they_are(tmp_path: Path) -> None:
    expect("root", found=os.geteuid() == 0)
    files = files_in(tmp_path)
    files.home.mkdir()
    (files.home / "id_rsa").write_text("their own")
    assert untouched(files, ASKED) == ["id_rsa"]
    assert (files.home / "id_rsa").read_text() == "their own"


def test_nothing_is_done_where_nobody_asks_for_it(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.home.mkdir()
    assert untouched(files, {}) == []


def untouched(files: SshFiles, environ: Mapping[str, str]) -> list[str]:
    """What is in root's folder while a host that nobody else comes to believes that it can be reached."""
    cluster = Cluster(("127.0.0.1", "127.0.0.2"), "127.0.0.1")
    with exchanged(cluster, deadline=Deadline.after(0.1), stopped=goes_on, environ=environ, files=files):
        assert list(files.system.iterdir()) == []
        return [path.name for path in files.home.iterdir()]
