"""Processes that work for this one on images: they leave signals to it, keep to one core each, and end when it does."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from typing import Any, Generic, TypeVar

import cv2

AHEAD = 2  # tasks in the making for each process
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What a process was started with. A task then carries what differs between tasks, not the whole data set.
_own_work: list[Callable[[Any], Any]] = []

T = TypeVar("T")
R = TypeVar("R")


class Processes(Generic[T, R]):
    """`count` processes that do the same `work` on task after task; all of these can be pickled."""

    def __init__(self, count: int, work: Callable[[T], R]) -> None:
        """Start them now, not with their first task: they get ready while this one does something else."""
        self._ahead = AHEAD * count
        # Spawned, since a fork would copy MXNet's threads and locks in whatever state they are.
        self._pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _start, (work,))
        # A signal to the whole group must not kill a child before it has a group of its own (see `_start`).
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            # A task starts a process where none is idle, and none is before its first task comes to an end.
            for _ in range(count):
                self._pool.submit(_be_ready)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def results(self, tasks: Iterable[T]) -> Generator[R, None, None]:
        """Yield what becomes of each task, in order, and keep a bounded number of the next ones in the making.

        Raises concurrent.futures.process.BrokenProcessPool when a process dies.
        """
        pending: deque[Future[R]] = deque()
        try:
            for task in tasks:
                pending.append(self._pool.submit(_do, task))
                if len(pending) >= self._ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            # Whoever leaves early must not keep the processes from what comes next, nor they write where that does.
            wait([future for future in pending if not future.cancel()])

    def close(self) -> None:
        """End the processes, after what each has in hand."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _be_ready() -> None:
    """Do nothing: whoever runs this has started."""


def _do(task: Any) -> Any:  # noqa: ANN401 - what the work takes and gives
    return _own_work[0](task)


def _start(work: Callable[[Any], Any]) -> None:
    """Prepare a worker process."""
    # Ctrl-C, or a SIGTERM to all of the job, goes to the parent's process group: the parent decides what it means.
    os.setpgrp()
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # forgets one that came before
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # One core a worker, or the workers' threads fight over them.
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    _own_work.append(work)


def _end_with_parent() -> None:
    """End this process when its parent dies, even killed: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
