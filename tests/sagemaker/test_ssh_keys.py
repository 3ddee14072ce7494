import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, StoppedError
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.ssh_keys import PORT, SshFiles, ask, exchanged, offered

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB1lL4kDn0Ue3zF3hUqTgmRk4Sn9qW0YV8Q3o5sWc2nA"
HOST = "127.0.0.1"


def goes_on() -> bool:
    return False


def files_in(folder: Path) -> SshFiles:
    (folder / "etc").mkdir(parents=True)
    return SshFiles(folder / "etc", folder / "home")


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


def test_a_key_pair_is_one_of_opensshs_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    public = files.make_key()
    private = files.home / "id_ed25519"
    assert subprocess.check_output(["ssh-keygen", "-y", "-f", private], text=True).strip() == public
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.home.stat().st_mode) == 0o700


def test_two_hosts_have_different_keys(tmp_path: Path) -> None:
    assert files_in(tmp_path / "a").make_key() != files_in(tmp_path / "b").make_key()


def test_hosts_that_are_trusted_come_in_and_are_known_by_their_names(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.make_key()
    assert not files.are_set_up
    files.trust({"algo-2": KEY, "algo-3": KEY[:-1] + "B"})
    assert files.are_set_up
    assert (files.home / "authorized_keys").read_text() == f"{KEY}\n{KEY[:-1]}B\n"
    assert (files.home / "known_hosts").read_text() == f"algo-2 {KEY}\nalgo-3 {KEY[:-1]}B\n"
    server = files.system / "ssh_host_ed25519_key"
    assert server.read_text() == (files.home / "id_ed25519").read_text()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (server, files.home / "authorized_keys")] == [0o600] * 2


def test_a_key_that_is_offered_is_got_as_often_as_it_is_asked_for() -> None:
    port = free_port()
    with offered(KEY, port):
        assert [ask(HOST, port, deadline=Deadline.after(10), stopped=goes_on) for _ in range(3)] == [KEY] * 3
    with pytest.raises(PlatformError, match=f"expected 127.0.0.1 to give its SSH key at port {port} within 0.2 s, got"):
        ask(HOST, port, deadline=Deadline.after(0.2), stopped=goes_on)


def test_a_host_that_comes_late_is_waited_for() -> None:
    port = free_port()
    timer = threading.Timer(1.2, answer_once, args=(port,))
    timer.start()
    assert ask(HOST, port, deadline=Deadline.after(20), stopped=goes_on) == KEY
    timer.join()


def answer_once(port: int) -> None:
    with answering(KEY.encode(), port):
        pass


@pytest.mark.parametrize(
    "text", [b"", b"HTTP/1.0 400 Bad request\r\n", KEY.encode() + b'\ncommand="x" ssh-rsa AAAA', KEY[:40].encode()]
)
def test_what_is_no_key_is_not_trusted(text: bytes) -> None:
    port = free_port()
    with answering(text, port), pytest.raises(PlatformError, match=r"expected 127\.0\.0\.1 to give its SSH key at"):
        ask(HOST, port, deadline=Deadline.after(10), stopped=goes_on)


def test_the_wait_for_a_host_ends_when_the_job_is_asked_to_stop() -> None:
    with pytest.raises(StoppedError, match=r"while it waited for host 127\.0\.0\.1"):
        ask(HOST, free_port(), deadline=Deadline.after(60), stopped=lambda: True)


def test_a_port_that_is_taken_is_a_fault_of_the_platform() -> None:
    with (
        socket.create_server(("", 0)) as server,
        pytest.raises(PlatformError, match=r"expected to offer this host's SSH key at port \d+, got .*in use"),
        offered(KEY, server.getsockname()[1]),
    ):
        pass


def test_the_first_host_lets_the_others_in_and_they_only_the_first(tmp_path: Path) -> None:
    """One machine with one port stands for all hosts here: each gets its own key back, by the others' names."""
    names = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    for current, others in (("127.0.0.1", ["127.0.0.2", "127.0.0.3"]), ("127.0.0.3", ["127.0.0.1"])):
        files = files_in(tmp_path / current)
        with exchanged(Cluster(names, current), deadline=Deadline.after(10), stopped=goes_on, files=files):
            known = (files.home / "known_hosts").read_text().splitlines()
            assert [line.split()[0] for line in known] == others
            assert ask(HOST, PORT, deadline=Deadline.after(10), stopped=goes_on) in known[0]


def test_a_machine_whose_ssh_somebody_has_set_up_stays_as_it_is(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    (files.system / "ssh_host_rsa_key").write_text("its own")
    hosts = ("127.0.0.1", "127.0.0.2")
    with exchanged(Cluster(hosts, hosts[0]), deadline=Deadline.after(0.1), stopped=goes_on, files=files):
        assert not files.home.exists()
        assert [path.name for path in files.system.iterdir()] == ["ssh_host_rsa_key"]
