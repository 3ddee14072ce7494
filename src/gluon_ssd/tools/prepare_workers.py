"""Images prepared by several processes, in the order of their entries."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from itertools import chain

from gluon_ssd.data.processes import Processes
from gluon_ssd.errors import PlatformError
from gluon_ssd.tools.annotated_image import Entry
from gluon_ssd.tools.prepared_image import DroppedImage, PreparedImage

Outcome = PreparedImage | DroppedImage
Prepare = Callable[[Entry], Outcome]

_CHUNK = 4  # images a task: enough to outweigh its passing between processes, few of large photographs
_LEAST = 16  # images for each process: fewer are done before it has started


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
    chunks = (entries[begin : begin + _CHUNK] for begin in range(0, len(entries), _CHUNK))
    try:
        with closing(Processes(processes, partial(_prepare_chunk, prepare))) as pool:
            yield from chain.from_iterable(pool.results(chunks))
    except BrokenProcessPool as error:
        raise PlatformError(
            f"--jobs: expected {processes} processes to stay alive, but one died, probably because memory ran out; "
            "try fewer --jobs"
        ) from error


def _prepare_chunk(prepare: Prepare, entries: Sequence[Entry]) -> list[Outcome]:
    return list(map(prepare, entries))
