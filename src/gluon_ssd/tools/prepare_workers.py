"""Images prepared by several processes, in the order of their entries."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

from gluon_ssd.data.processes import start_pool
from gluon_ssd.errors import PlatformError
from gluon_ssd.tools.annotated_image import Entry
from gluon_ssd.tools.prepared_image import DroppedImage, PreparedImage

Outcome = PreparedImage | DroppedImage
Prepare = Callable[[Entry], Outcome]

_CHUNK = 4  # images a task: enough to outweigh its passing between processes, few of large photographs
_AHEAD = 2  # tasks in the making for each process
_LEAST = 16  # images for each process: fewer are done before it has started
# What a worker process was started with.
_process_prepare: list[Prepare] = []


def prepare_images(entries: Sequence[Entry], prepare: Prepare, jobs: int) -> Generator[Outcome, None, None]:
    """Yield what `prepare` makes of each entry, in order, by at most `jobs` processes.

    Close the iterator to end the processes.

    Raises:
        PlatformError: a process died.
    """
    processes = min(jobs, len(entries) // _LEAST)
    if processes < 2:  # noqa: PLR2004 - one other process would be no faster than this one
        yield from map(prepare, entries)
        return
    try:
        yield from _prepare_ahead(entries, prepare, processes)
    except BrokenProcessPool as error:
        raise PlatformError(
            f"jobs: expected {processes} processes to stay alive, but one died, probably because memory ran out; "
            "try fewer --jobs"
        ) from error


def _prepare_ahead(entries: Sequence[Entry], prepare: Prepare, processes: int) -> Iterator[Outcome]:
    pending = deque[Future[list[Outcome]]]()
    pool = start_pool(processes, _start, prepare)
    try:
        for begin in range(0, len(entries), _CHUNK):
            pending.append(pool.submit(_prepare, entries[begin : begin + _CHUNK]))
            if len(pending) > _AHEAD * processes:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(prepare: Prepare) -> None:
    _process_prepare.append(prepare)


def _prepare(entries: Sequence[Entry]) -> list[Outcome]:
    return list(map(_process_prepare[0], entries))
