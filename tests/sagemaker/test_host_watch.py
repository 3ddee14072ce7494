import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from gluon_ssd.sagemaker.host_watch import is_there, wait_until_lost

HERE = "127.0.0.1"


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen(0)
        yield server


def silence(server: socket.socket, stack: ExitStack) -> None:
    """Fill the queue of those who want to be let in, so that Linux drops whoever asks next."""
    for _ in range(50):
        asking = stack.enter_context(closing(socket.socket()))
        asking.settimeout(0.2)
        try:
            asking.connect(server.getsockname())
        except TimeoutError:
            return
    pytest.fail("the queue has no end")


def asked(answers: str) -> tuple[Callable[[], bool], list[str]]:
    """A host that answers (+) or not (-), and what it has not been asked yet."""
    left = list(answers)
    return lambda: left.pop(0) == "+", left


def test_a_host_that_listens_is_there() -> None:
    with listening() as server:
        assert is_there(*server.getsockname())


def test_a_host_where_nobody_listens_is_there() -> None:
    with listening() as server:
        address = server.getsockname()
    assert is_there(*address)


def test_a_host_that_says_nothing_is_not() -> None:
    with listening() as server, ExitStack() as stack:
        silence(server, stack)
        assert not is_there(HERE, server.getsockname()[1], patience=0.3)


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        ("+---+", ["+"]),
        ("+--+--+-+---+", ["+"]),  # in a row, not in all
        ("-----+---+", ["+"]),  # it has yet to come
    ],
)
def test_a_host_is_lost_when_it_leaves_three_questions_in_a_row(answers: str, left: list[str]) -> None:
    host, unasked = asked(answers)
    wait_until_lost(host, pause=0)
    assert unasked == left
