"""Loading the images of one batch: read, decode, augment, stack; without a thought for where that runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import randomness, unreadable
from gluon_ssd.data.dataset import Dataset
from gluon_ssd.data.order import Place
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.turn import Objects, Turn, paint

_PADDING = -1

K = TypeVar("K")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, eq=False)
class Batch:
    """Images with their objects, as the network takes them.

    `images` is uint8 RGB of shape (B, S, S, 3). `objects` is float32 of shape (B, M, 6), rows as in `Sample`,
    padded with rows of -1; M is the most objects that an image of the batch has, at least 1.
    """

    images: NDArray[np.uint8]
    objects: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Loaded(Generic[K]):
    """The batch of one task, and why the images that are missing in it could not be read, by what names an image.

    `batch` is None where no image is left.
    """

    batch: Batch | None
    unreadable: Mapping[K, str]


class TaskLoader(Protocol[T_contra, K]):
    """Loads the batches of tasks; it can be pickled into worker processes, and so can its tasks."""

    def load(self, task: T_contra, images: NDArray[np.uint8]) -> Loaded[K]:
        """Load a batch, its images into the first of `images`, uint8 of shape (B or more, S, S, 3).

        The result depends on the task and on this loader alone.
        """
        ...


class Placed(NamedTuple):
    """A sample, and the position of the stream at which it came."""

    place: Place
    sample: Sample


@dataclass(frozen=True)
class Loader:
    """Loads the batches of a data set, of which a task says the places; it can be pickled into worker processes.

    With `replace`, an unreadable image gives way to the next readable one in channel order; otherwise it is left out.
    """

    dataset: Dataset
    augmentation: str
    seed: int
    replace: bool

    def load(self, task: Sequence[Place], images: NDArray[np.uint8]) -> Loaded[int]:
        """Load what is read at these places of the stream; unreadable images are told by index."""
        reasons: dict[int, str] = {}
        return Loaded(_batch(images, paint(self._turns(task, reasons), self.augmentation, images)), reasons)

    def _turns(self, task: Sequence[Place], reasons: dict[int, str]) -> Iterator[Turn[int]]:
        for place in task:
            # So many fail the job anyway; do not search a ruined channel to its end.
            if len(reasons) > unreadable.allowed(len(self.dataset)):
                return
            rng = randomness.for_record(self.seed, passage=place.passage, record=place.record)
            yield Turn(self._candidates(place.record), rng, reasons)

    def _candidates(self, first: int) -> Iterator[tuple[int, Sample]]:
        tries = 1 + (unreadable.allowed(len(self.dataset)) if self.replace else 0)
        for record in range(first, first + tries):
            index = record % len(self.dataset)
            yield index, self.dataset[index]


@dataclass(frozen=True)
class StreamLoader:
    """Loads the batches of a stream, whose tasks carry the samples; it can be pickled into worker processes.

    With `replace`, an unreadable image gives way to the next readable one of its batch; otherwise it is left out.
    """

    augmentation: str
    seed: int
    replace: bool

    def load(self, task: Sequence[Placed], images: NDArray[np.uint8]) -> Loaded[Place]:
        """Load these samples; unreadable images are told by place."""
        reasons: dict[Place, str] = {}
        return Loaded(_batch(images, paint(self._turns(task, reasons), self.augmentation, images)), reasons)

    def _turns(self, task: Sequence[Placed], reasons: dict[Place, str]) -> Iterator[Turn[Place]]:
        for position, (place, _) in enumerate(task):
            rng = randomness.for_record(self.seed, passage=place.passage, record=place.record)
            candidates = [*task[position:], *task[:position]] if self.replace else task[position : position + 1]
            yield Turn(candidates, rng, reasons)


def _batch(images: NDArray[np.uint8], objects: Sequence[Objects]) -> Batch | None:
    if not objects:
        return None
    most = max(1, *map(len, objects))
    padded = np.full((len(objects), most, 6), _PADDING, np.float32)
    for row, one in zip(padded, objects, strict=True):
        row[: len(one)] = one
    return Batch(images[: len(objects)], padded)
