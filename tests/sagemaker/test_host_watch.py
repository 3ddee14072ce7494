"""A host that answers, refuses, or is silent: sockets of this machine, silent where nobody takes its full queue."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from gluon_ssd.sagemaker.host_watch import wait_until_lost

HERE = "127.0.0.1"


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen(0)
        yield server


def silence(server: socket.socket, stack: ExitStack) -> None:
    """Fill the queue of those who want to be let in, so that Linux drops whoever asks next."""
    address = server.getsockname()
    for _ in range(50):
        asking = stack.enter_context(closing(socket.socket()))
        asking.settimeout(0.2)
        try:
            asking.connect(address)
        except TimeoutError:
            return
    raise AssertionError


def watch(port: int) -> threading.Thread:
    watching = threading.Thread(
        target=wait_until_lost, args=(HERE, port), kwargs={"pause": 0.1, "patience": 0.2}, daemon=True
    )
    watching.start()
    return watching


def test_a_host_that_goes_silent_is_lost_and_not_before() -> None:
    with listening() as server, ExitStack() as stack:
        watching = watch(server.getsockname()[1])
        for _ in range(10):
            server.accept()[0].close()
        assert watching.is_alive()
        silence(server, stack)
        watching.join(30)
        assert not watching.is_alive()


def test_a_host_where_nobody_listens_is_there() -> None:
    with listening() as server:
        port = server.getsockname()[1]
    watching = watch(port)
    watching.join(2)
    assert watching.is_alive()
    with socket.socket() as server, ExitStack() as stack:  # and is lost after that, so that the thread ends
        server.bind((HERE, port))
        server.listen(0)
        silence(server, stack)
        watching.join(30)
        assert not watching.is_alive()


def test_a_host_that_is_silent_from_the_start_has_yet_to_come() -> None:
    with listening() as server:
        with ExitStack() as stack:
            silence(server, stack)
            watching = watch(server.getsockname()[1])
            watching.join(2)
            assert watching.is_alive()
        for _ in range(10):  # those who gave up, and then the watch
            server.accept()[0].close()
        with ExitStack() as stack:
            silence(server, stack)
            watching.join(30)
        assert not watching.is_alive()
