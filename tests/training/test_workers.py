"""Workers that talk through a barrier between threads, in place of a store between machines."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier

import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.errors import UserError
from gluon_ssd.training.workers import ALONE, every_table, until_any


@dataclass
class Request:
    requested: bool = False


@dataclass
class Table:
    count: int
    said: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.barrier = Barrier(self.count, timeout=20)


@dataclass
class Worker:
    rank: int
    table: Table
    in_step: bool = True

    def __post_init__(self) -> None:
        self.count = self.table.count

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def trainer(
        self, parameters: Mapping[str, mx.gluon.Parameter], optimizer: mx.optimizer.Optimizer
    ) -> mx.gluon.Trainer:
        raise NotImplementedError

    def gather(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        self.table.said[self.rank] = values
        self.table.barrier.wait()
        said = np.stack([self.table.said[rank] for rank in range(self.count)])
        self.table.barrier.wait()
        return said


def together(*items: str, stop_at: str = "") -> list[str]:
    """Return what each of several workers in step is given of its items; one is asked to stop at an item."""
    table = Table(len(items))

    def work(rank: int) -> str:
        stop, given = Request(), ""
        for item in until_any(Worker(rank, table), stop, items[rank]):
            given += item
            stop.requested = item == stop_at
        return given

    with ThreadPoolExecutor(len(items)) as threads:
        return list(threads.map(work, range(len(items))))


def test_tables_of_all_workers_come_in_order_of_these_whatever_each_has() -> None:
    given = [
        [np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((0, 2))],
        [],
        [np.array([[5.0, 6.0]])],
    ]
    table = Table(3)
    with ThreadPoolExecutor(3) as threads:
        heard = list(threads.map(lambda rank: every_table(Worker(rank, table), given[rank], columns=2), range(3)))
    assert [[rows.tolist() for rows in tables] for tables in heard] == [[[[1, 2], [3, 4]], [], [[5, 6]]]] * 3


def test_where_no_worker_has_a_table_there_is_none() -> None:
    assert every_table(ALONE, [], columns=6) == []


def test_workers_in_step_take_equally_many_steps_whatever_each_has() -> None:
    assert together("abc", "xyz") == ["abc", "xyz"]
    assert together("abc", "x", "kl") == ["abc", "xxx", "kll"]


def test_a_worker_that_is_asked_to_stop_stops_all_after_the_same_step(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert together("abcd", "wxyz", stop_at="x") == ["ab", "wx"]
    # One of the two knows by itself.
    assert caplog.messages == [
        "Another host was asked to stop: stopping after this step, the best model so far is kept"
    ]


def test_a_worker_without_any_item_where_others_have_some_is_an_error() -> None:
    with pytest.raises(UserError, match="training: expected images for every step of the other hosts, got none"):
        list(until_any(_BesideOneThatHasMore(0, Table(1)), Request(), ""))


class _BesideOneThatHasMore(Worker):
    def gather(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([values, np.ones(1)])


def test_a_worker_that_waits_for_nobody_takes_its_own_items_until_it_is_asked_to_stop() -> None:
    stop, given = Request(), []
    for item in until_any(Worker(0, Table(2), in_step=False), stop, "abcd"):
        given.append(item)
        stop.requested = item == "b"
    assert given == ["a", "b"]
