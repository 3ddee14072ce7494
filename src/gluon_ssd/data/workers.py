"""Worker processes that load batches ahead of their use."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from gluon_ssd.data.loading import Loaded, TaskLoader
from gluon_ssd.data.processes import start_pool
from gluon_ssd.errors import PlatformError

_AHEAD = 2  # batches in the making for each worker
# What a worker process was started with. A task then carries what differs between batches, not the whole data set.
_process_loader: list[TaskLoader[Any, Any]] = []

T = TypeVar("T")
K = TypeVar("K")


class Workers(Generic[T, K]):
    """A context in which batches are loaded by `count` processes, or by this one where `count` is 0."""

    def __init__(self, loader: TaskLoader[T, K], count: int, *, channel: str) -> None:
        self._loader = loader
        self._count = count
        self._channel = channel
        self._pool: ProcessPoolExecutor | None = None
        if count:
            self._pool = start_pool(count, _start, loader)

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
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def load(self, tasks: Iterable[T]) -> Iterator[Loaded[K]]:
        """Yield the batch of each task, in order, and keep a bounded number of the next ones in the making."""
        if self._pool is None:
            yield from (self._loader.load(task) for task in tasks)
            return
        try:
            yield from self._load_ahead(self._pool, tasks)
        except BrokenProcessPool as error:
            raise PlatformError(
                f"{self._channel} channel: expected {self._count} data workers to stay alive, but one died, "
                "probably because memory ran out; choose a machine with more memory or a smaller mini_batch_size",
            ) from error

    def _load_ahead(self, pool: ProcessPoolExecutor, tasks: Iterable[T]) -> Iterator[Loaded[K]]:
        pending: deque[Future[Loaded[K]]] = deque()
        try:
            for task in tasks:
                pending.append(pool.submit(_load, task))
                if len(pending) >= _AHEAD * self._count:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            # An epoch left early must not keep the workers from the next one.
            for future in pending:
                future.cancel()


def _start(loader: TaskLoader[Any, Any]) -> None:
    _process_loader.append(loader)


def _load(task: Any) -> Loaded[Any]:  # noqa: ANN401 - whatever the loader of this process takes
    return _process_loader[0].load(task)
