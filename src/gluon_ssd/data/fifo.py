"""Named pipes: opened as soon as they are there, read with a limit on how long they may stay silent."""

import fcntl
import io
import logging
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gluon_ssd.errors import PlatformError, StoppedError

logger = logging.getLogger(__name__)

_LOOK = 0.05  # seconds between two looks whether a pipe is there: nothing tells when
_SLICE = 0.2  # seconds in which a request to stop is noticed
_CAPACITY = 1 << 20  # bytes; the most that a process without privileges may ask for


@dataclass(frozen=True)
class Patience:
    """How many seconds to wait for a pipe, or for more bytes from it, unless `stopped` says not to wait any longer.

    After `quiet` seconds of it a log line says what the job is waiting for.
    """

    seconds: float
    stopped: Callable[[], bool]
    quiet: float = 60

    def wait(self, ready: Callable[[float], bool], place: str) -> None:
        """Call `ready`, with the seconds it may take, until it returns true; `place` names the pipe in messages.

        Raises PlatformError when patience is at an end, StoppedError when the job shall stop.
        """
        started = time.monotonic()
        warned = False
        while not ready(min(_SLICE, self.seconds)):
            waited = time.monotonic() - started
            if self.stopped():
                raise StoppedError(f"{place}: asked to stop while waiting for data")
            if waited >= self.seconds:
                raise PlatformError(
                    f"SageMaker pipe channel timed out. {place}: expected data within {self.seconds:g} seconds, "
                    "got none"
                )
            if waited >= self.quiet and not warned:
                logger.warning("%s: no data for %.0f s, waiting up to %.0f s", place, waited, self.seconds)
                warned = True


def open_fifo(path: Path, place: str, patience: Patience) -> BinaryIO:
    """Wait until there is a pipe at `path` and open it for reading; it need not have a writer yet.

    Closing it early ends its writer with EPIPE, which is how SageMaker is told that an epoch is over.
    """
    patience.wait(lambda seconds: _exists(path, seconds), place)
    try:
        # Without O_NONBLOCK this would wait for a writer, for as long as it takes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise PlatformError(f"{place}: expected a pipe that can be read, got {error}") from error
    return io.BufferedReader(_Fifo(descriptor, place, patience), _CAPACITY)


def _exists(path: Path, seconds: float) -> bool:
    if path.exists():
        return True
    time.sleep(min(seconds, _LOOK))
    return False


class _Fifo(io.RawIOBase):
    """The reading end of a pipe; it is at its end when all of its writers have left, not before the first came."""

    def __init__(self, descriptor: int, place: str, patience: Patience) -> None:
        self._descriptor = descriptor
        self._place = place
        self._patience = patience
        self._poll = select.poll()
        # Linux reports a pipe without writers only after there has been one.
        self._poll.register(descriptor, select.POLLIN)
        _widen(descriptor)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader passes
        """Wait for bytes, and read as many as there are; 0 at the end."""
        self._patience.wait(self._is_ready, self._place)
        try:
            return os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise PlatformError(f"{self._place}: expected a pipe that can be read, got {error}") from error

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _is_ready(self, seconds: float) -> bool:
        return bool(self._poll.poll(seconds * 1000))


def _widen(descriptor: int) -> None:
    """Let a pipe hold more than its 64 kB, so that its writer gets ahead while a batch is trained on."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _CAPACITY)
    except OSError as error:  # not a pipe but a file, or too many wide pipes: slower, but as good
        logger.debug("pipe capacity: %s", error)
