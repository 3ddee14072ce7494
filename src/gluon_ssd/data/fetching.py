"""Fetching the images of a channel from S3 before training begins: many at a time, told of as it goes on."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

from tqdm import tqdm

from gluon_ssd.data.counted import counted
from gluon_ssd.data.image_address import S3Object
from gluon_ssd.data.image_files import ImageFiles
from gluon_ssd.data.object_store import IN_FLIGHT, Limits, ObjectStore
from gluon_ssd.errors import StoppedError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_AHEAD = 4 * IN_FLIGHT  # objects that wait for a thread: so many are begun at most after one has failed
_SLICE = 0.2  # seconds in which a request to stop is noticed
_MEGABYTE = 1e6


def fetch(
    images: ImageFiles,
    objects: Mapping[S3Object, int],
    folder: Path,
    *,
    stopped: Callable[[], bool],
    limits: Limits | None = None,
    quiet: float = 30,
) -> None:
    """Fetch objects that a folder, which exists, does not hold yet; each comes with the index of an image that it is.

    There is a progress bar on a terminal, else a log line every `quiet` seconds.

    Raises:
        UserError, PlatformError: the first object that cannot be fetched.
        StoppedError: the job was asked to stop; what is on its way still comes.
    """
    store = ObjectStore(folder, limits)
    logger.info("%s channel: fetching %s from S3 into %s", images.channel, counted(len(objects), "image"), folder)
    started = time.monotonic()
    with _Progress(images.channel, len(objects), quiet) as progress:
        _fetch_all(lambda item: store.fetch(item[0], images.where(item[1])), objects.items(), progress, stopped)
    megabytes, seconds = progress.size / _MEGABYTE, time.monotonic() - started
    fetched = counted(len(objects), "image")
    logger.info("%s channel: fetched %s, %.1f MB, in %.1f s", images.channel, fetched, megabytes, seconds)


def _fetch_all(
    fetch_one: Callable[[T], int], items: Iterable[T], progress: "_Progress", stopped: Callable[[], bool]
) -> None:
    ended = threading.Event()

    def work(item: T) -> int:
        return 0 if ended.is_set() else fetch_one(item)

    pool = ThreadPoolExecutor(IN_FLIGHT)
    pending: deque[Future[int]] = deque()
    waiting = iter(items)
    try:
        while True:
            pending += [pool.submit(work, item) for item in islice(waiting, _AHEAD - len(pending))]
            if not pending:
                return
            progress.add(_size(pending.popleft(), progress, stopped))
    finally:
        ended.set()
        # Nobody waits for a slow answer after Ctrl-C.
        pool.shutdown(wait=False, cancel_futures=True)


def _size(result: Future[int], progress: "_Progress", stopped: Callable[[], bool]) -> int:
    """Return the size of the next object, whatever it takes, unless the job is asked to stop."""
    while not stopped():
        wait([result], timeout=_SLICE)
        if result.done():
            return result.result()
        progress.tell()
    raise StoppedError(f"asked to stop after {progress.done} images had been fetched")


class _Progress:
    """How much has been fetched: a bar on a terminal, else a line in the log now and then."""

    def __init__(self, channel: str, total: int, quiet: float) -> None:
        self.done, self.size = 0, 0
        self._channel, self._total, self._quiet = channel, total, quiet
        self._told = time.monotonic()
        # disable=None: tqdm shows nothing unless standard error is a terminal.
        self._bar = tqdm(desc=f"{channel} from S3", total=total, unit=" images", leave=False, disable=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def add(self, size: int) -> None:
        """Count an object of so many bytes."""
        self.done += 1
        self.size += size
        self._bar.update()
        self.tell()

    def tell(self) -> None:
        """Log where things are, unless that is shown anyway or was told a moment ago."""
        now = time.monotonic()
        if self._bar.disable and now - self._told >= self._quiet:
            self._told = now
            logger.info("%s channel: fetched %d of %d images so far", self._channel, self.done, self._total)
