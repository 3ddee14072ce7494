import os
import signal
from collections.abc import Iterator

import pytest

from gluon_ssd.errors import PlatformError, StoppedError
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


DEAD_WORKER = PlatformError("train channel: expected 2 data workers to stay alive, but one died")
SILENT_PIPE = StoppedError("train channel, train_0: asked to stop while waiting for data")


def _breaking_off(stop: StopRequest, error: Exception, *, asked: bool) -> Iterator[int]:
    yield 1
    if asked:
        stop.receive(signal.SIGTERM, None)
    raise error


@pytest.mark.parametrize("error", [DEAD_WORKER, SILENT_PIPE])
def test_workers_and_pipes_that_end_with_the_job_do_not_fail_it(stop: StopRequest, error: Exception) -> None:
    assert list(stop.until(_breaking_off(stop, error, asked=True))) == [1]


def test_workers_that_end_by_themselves_fail_the_job(stop: StopRequest) -> None:
    with pytest.raises(PlatformError):
        list(stop.until(_breaking_off(stop, DEAD_WORKER, asked=False)))


def test_a_second_interrupt_does_not_wait(stop: StopRequest) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    assert stop.requested
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
