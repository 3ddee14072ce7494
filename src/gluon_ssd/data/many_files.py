"""Work on each of many small files: in threads, in chunks, with a progress bar."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

_THREADS = 16  # most of them wait: for a disk, or for S3 in FastFile mode
_CHUNK = 256


def in_chunks(work: Callable[[range], T], count: int, description: str) -> list[T]:
    """Return what `work` makes of each chunk of the numbers below `count`, in order; it runs in threads.

    The first of its exceptions is raised, and the chunks that have not begun are left.
    """
    chunks = [range(begin, min(begin + _CHUNK, count)) for begin in range(0, count, _CHUNK)]
    done = []
    with (
        ThreadPoolExecutor(_THREADS) as pool,
        # disable=None: tqdm shows nothing unless standard error is a terminal; nor need it where nothing is to be done.
        tqdm(desc=description, total=count, unit=" files", leave=False, disable=None if count else True) as bar,
    ):
        for chunk, result in zip(chunks, pool.map(work, chunks), strict=True):
            done.append(result)
            bar.update(len(chunk))
    return done
