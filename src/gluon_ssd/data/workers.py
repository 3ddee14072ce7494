"""Worker processes that load batches ahead of their use."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data.loading import Batch, Loaded, TaskLoader
from gluon_ssd.data.processes import AHEAD, Processes
from gluon_ssd.data.shared_images import SharedImages
from gluon_ssd.errors import PlatformError

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True)
class _Work(Generic[T, K]):
    """What a worker process does: load a task into a slot, and send what there is besides pixels."""

    loader: TaskLoader[T, K]
    slots: SharedImages

    def __call__(self, numbered: tuple[int, T]) -> tuple[int, NDArray[np.float32] | None, Mapping[K, str]]:
        slot, task = numbered
        loaded = self.loader.load(task, self.slots[slot])
        return slot, None if loaded.batch is None else loaded.batch.objects, loaded.unreadable


class Workers(Generic[T, K]):
    """Loads batches by `count` processes until it is closed, or by this one where `count` is 0."""

    def __init__(self, loader: TaskLoader[T, K], count: int, shape: tuple[int, int, int, int], *, channel: str) -> None:
        """Start the processes; `shape` (B, S, S, 3) is that of the largest batch."""
        self._loader = loader
        self._count = count
        self._shape = shape
        self._channel = channel
        self._taken: deque[int] = deque()
        if count:
            self._slots = SharedImages(AHEAD * count, shape)
            self._processes = Processes(count, _Work(loader, self._slots))

    def close(self) -> None:
        """End the worker processes, after what each has in hand."""
        if self._count:
            self._processes.close()
            self._slots.close()

    def load(self, tasks: Iterable[T]) -> Iterator[Loaded[K]]:
        """Yield the batch of each task, in order, and keep a bounded number of the next ones in the making.

        Raises:
            RuntimeError: an earlier call has not come to its end, nor been closed.
        """
        if not self._count:
            for task in tasks:
                yield self._loader.load(task, np.empty(self._shape, np.uint8))
            return
        if self._taken:
            raise RuntimeError(f"{self._channel} channel: expected one epoch of batches at a time, got another")
        try:
            with closing(self._processes.results(self._placed(tasks))) as results:
                for slot, objects, unreadable in results:
                    self._taken.popleft()
                    yield Loaded(self._batch(slot, objects), unreadable)
        except BrokenProcessPool as error:
            raise PlatformError(
                f"{self._channel} channel: expected {self._count} data workers to stay alive, but one died, "
                "probably because memory ran out; choose a machine with more memory or a smaller mini_batch_size",
            ) from error
        finally:
            while self._taken:
                self._slots.give_back(self._taken.popleft())

    def _batch(self, slot: int, objects: NDArray[np.float32] | None) -> Batch | None:
        if objects is None:
            self._slots.give_back(slot)
            return None
        return Batch(self._slots.lend(slot, len(objects)), objects)

    def _placed(self, tasks: Iterable[T]) -> Iterator[tuple[int, T]]:
        """Give each task a slot, and note which."""
        for task in tasks:
            self._taken.append(self._slots.take())
            yield self._taken[-1], task
