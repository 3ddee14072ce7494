"""Processes that work for this one on images: they leave signals to it, keep to one core each, and end when it does."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cv2

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def start_pool(count: int, prepare: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:  # noqa: ANN401 - whatever `prepare` takes
    """Start `count` processes now, not with their first task: they get ready while this one does something else.

    Each calls `prepare(*arguments)` once, before its first task.
    """
    # Spawned, since a fork would copy MXNet's threads and locks in whatever state they are.
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _start, (prepare, arguments))
    # A signal to the whole group must not kill a child before it has a group of its own (see `_start`).
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        # A task starts a process where none is idle, and none is before its first task comes to an end.
        for _ in range(count):
            pool.submit(_be_ready)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pool


def _be_ready() -> None:
    """Do nothing: whoever runs this has started."""


def _start(prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
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
    prepare(*arguments)


def _end_with_parent() -> None:
    """End this process when its parent dies, even killed: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
