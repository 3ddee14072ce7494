"""SageMaker's way to end a job early: SIGTERM, then two minutes to leave the model."""

import logging
import signal
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

from gluon_ssd.errors import PlatformError, StoppedError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class StopRequest:
    """Whether the job has been asked to stop; `listen` makes SIGTERM and Ctrl-C ask for it."""

    def __init__(self) -> None:
        self.requested = False

    @classmethod
    def listen(cls) -> "StopRequest":
        """A request that the process's signals raise; a second Ctrl-C ends the process at once."""
        stop = cls()
        signal.signal(signal.SIGTERM, stop.receive)
        signal.signal(signal.SIGINT, stop.receive)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})  # entrypoints/train holds them back
        return stop

    def receive(self, signum: int, _frame: FrameType | None) -> None:
        """Note that the job shall stop after the step in progress."""
        self.requested = True
        logger.info("%s: stopping after this step, the best model so far is kept", signal.Signals(signum).name)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def until(self, items: Iterable[T]) -> Iterator[T]:
        """Pass `items` on until the job is asked to stop; from then on it does not matter if they break off."""
        try:
            for item in items:
                if self.requested:
                    return
                yield item
        except (PlatformError, StoppedError):
            if not self.requested:
                raise
