"""The processes that train one network together: what each must know of the others, and how they agree."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat, takewhile
from typing import Any, Protocol, TypeVar

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.errors import UserError

T = TypeVar("T")

logger = logging.getLogger(__name__)

_NO_MORE, _MORE, _STOP = range(3)  # what workers say before each step


class Stop(Protocol):
    """A request to end the job early."""

    @property
    def requested(self) -> bool:
        """Whether this process has been asked."""


class Workers(Protocol):
    """The workers of a job, seen from one of them.

    Attributes:
        rank: this worker's number, from 0.
        count: how many there are.
        in_step: whether all take their steps together, so that they must take equally many.
    """

    rank: int
    count: int
    in_step: bool

    @property
    def is_first(self) -> bool:
        """Whether this is the worker that judges and writes for all."""

    def trainer(
        self, parameters: Mapping[str, mx.gluon.Parameter], optimizer: mx.optimizer.Optimizer
    ) -> mx.gluon.Trainer:
        """Return what updates the parameters by the gradients of all workers; they start as the first one's."""

    def gather(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values (k,) of all workers by rank (count, k); each must call it, and waits for the others.

        Values keep 48 bits at least; k is the same for all.
        """


class Alone:
    """The only worker of a job."""

    rank = 0
    count = 1
    in_step = True
    is_first = True

    def trainer(
        self, parameters: Mapping[str, mx.gluon.Parameter], optimizer: mx.optimizer.Optimizer
    ) -> mx.gluon.Trainer:
        """Return a trainer that adds up the gradients of this machine's devices."""
        # Each device updates its own copy by the same sum, so that this can be looked at before.
        return mx.gluon.Trainer(dict(parameters), optimizer, kvstore="device", update_on_kvstore=False)

    def gather(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values (k,) as (1, k)."""
        return values[np.newaxis]


ALONE = Alone()


def until_any(workers: Workers, stop: Stop, items: Iterable[T]) -> Iterator[T]:
    """Pass `items` on until a worker is asked to stop; those that take their steps together end after the same one.

    One that has fewer items, as the end of its stream or unreadable images make it, takes its last one again until all
    are done.
    """
    if not workers.in_step:
        yield from takewhile(lambda _: not stop.requested, items)
        return
    last = None
    for item in chain(items, repeat(None)):
        said = all_say(workers, _STOP if stop.requested else _MORE if item is not None else _NO_MORE)
        if _STOP in said and not stop.requested:
            logger.info("Another host was asked to stop: stopping after this step, the best model so far is kept")
        if _STOP in said or _MORE not in said:
            return
        last = last if item is None else item
        if last is None:
            raise UserError("training: expected images for every step of the other hosts, got none that is readable")
        yield last


def any_of(workers: Workers, *, asked: bool) -> bool:
    """Whether any worker says yes; each must ask, and waits for the others."""
    return any(all_say(workers, asked))


def first_says(workers: Workers, value: float) -> float:
    """Return what the first worker says; each must ask, and waits for the others."""
    return all_say(workers, value)[0]


def every_table(
    workers: Workers, tables: Sequence[NDArray[np.floating[Any]]], *, columns: int
) -> list[NDArray[np.float64]]:
    """Return the tables (k, columns) of all workers, the first one's first, as float64.

    Each worker must call it, and waits for the others; their tables may differ in number and in length.
    """
    lengths = _every_row(workers, np.array([[len(table)] for table in tables], np.float64).reshape(-1, 1))
    rows = _every_row(workers, np.concatenate([np.zeros((0, columns)), *tables]))
    every = []
    for its_lengths, its_rows in zip(lengths, rows, strict=True):
        ends = np.cumsum(its_lengths[:, 0]).astype(int)
        every += np.split(its_rows, ends)[:-1]  # nothing comes after the last end
    return every


def _every_row(workers: Workers, rows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the rows (n, m) of each worker; n may differ."""
    counts = [int(count) for count in all_say(workers, len(rows))]
    padded = np.zeros((max(counts), rows.shape[1]))
    padded[: len(rows)] = rows
    gathered = workers.gather(padded.ravel()).reshape(workers.count, *padded.shape)
    return [its_rows[:count] for its_rows, count in zip(gathered, counts, strict=True)]


def all_say(workers: Workers, value: float) -> list[float]:
    """Return what each worker says, by rank; each must ask, and waits for the others."""
    said: list[float] = workers.gather(np.array([value], np.float64))[:, 0].tolist()
    return said
