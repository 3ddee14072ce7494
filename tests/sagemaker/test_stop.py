import os
import signal
from collections.abc import Iterator

import pytest

from gluon_ssd.sagemaker.stop import StopRequest


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield StopRequest.listen()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_everything_passes_while_nobody_asks(stop: StopRequest) -> None:
    assert list(stop.until([1, 2, 3])) == [1, 2, 3]
    assert not stop.requested


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_what_is_passed_on_after_the_item_in_hand(stop: StopRequest, number: signal.Signals) -> None:
    seen = []
    for item in stop.until(range(10)):
        seen.append(item)
        if item == 2:
            os.kill(os.getpid(), number)
    assert seen == [0, 1, 2]
    assert stop.requested


def test_a_second_interrupt_does_not_wait(stop: StopRequest) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    assert stop.requested
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
