"""Worker processes that load batches ahead of their use."""

from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Generic, Self, TypeVar

from gluon_ssd.data.loading import Loaded, TaskLoader
from gluon_ssd.data.processes import Processes
from gluon_ssd.errors import PlatformError

T = TypeVar("T")
K = TypeVar("K")


class Workers(Generic[T, K]):
    """A context in which batches are loaded by `count` processes, or by this one where `count` is 0."""

    def __init__(self, loader: TaskLoader[T, K], count: int, *, channel: str) -> None:
        self._loader = loader
        self._count = count
        self._channel = channel
        self._processes = Processes(count, loader.load) if count else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes, after what each has in hand."""
        if self._processes is not None:
            self._processes.close()

    def load(self, tasks: Iterable[T]) -> Iterator[Loaded[K]]:
        """Yield the batch of each task, in order, and keep a bounded number of the next ones in the making."""
        if self._processes is None:
            yield from map(self._loader.load, tasks)
            return
        try:
            yield from self._processes.results(tasks)
        except BrokenProcessPool as error:
            raise PlatformError(
                f"{self._channel} channel: expected {self._count} data workers to stay alive, but one died, "
                "probably because memory ran out; choose a machine with more memory or a smaller mini_batch_size",
            ) from error
