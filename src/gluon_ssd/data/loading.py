"""Loading the images of one batch: read, decode, augment, stack; without a thought for where that runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gluon_ssd.data import augment, images, randomness, unreadable
from gluon_ssd.data.dataset import Dataset
from gluon_ssd.data.images import UnreadableImageError
from gluon_ssd.data.order import Place
from gluon_ssd.data.sample import Sample

_PADDING = -1

_Pair = tuple[NDArray[np.uint8], NDArray[np.float32]]
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

    def load(self, task: T_contra) -> Loaded[K]:
        """Load a batch; the result depends on the task and on this loader alone."""
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
    image_size: int
    augmentation: str
    seed: int
    replace: bool

    def load(self, task: Sequence[Place]) -> Loaded[int]:
        """Load what is read at these places of the stream; unreadable images are told by index."""
        reasons: dict[int, str] = {}
        pairs = []
        for place in task:
            rng = randomness.for_record(self.seed, passage=place.passage, record=place.record)
            pairs += _first_readable(self._candidates(place.record), reasons, rng, self.image_size, self.augmentation)
            # So many fail the job anyway; do not search a ruined channel to its end.
            if len(reasons) > unreadable.allowed(len(self.dataset)):
                break
        return Loaded(_stack(pairs), reasons)

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

    image_size: int
    augmentation: str
    seed: int
    replace: bool

    def load(self, task: Sequence[Placed]) -> Loaded[Place]:
        """Load these samples; unreadable images are told by place."""
        reasons: dict[Place, str] = {}
        pairs = []
        for position, (place, _) in enumerate(task):
            rng = randomness.for_record(self.seed, passage=place.passage, record=place.record)
            candidates = [*task[position:], *task[:position]] if self.replace else task[position : position + 1]
            pairs += _first_readable(candidates, reasons, rng, self.image_size, self.augmentation)
        return Loaded(_stack(pairs), reasons)


def _first_readable(
    candidates: Iterable[tuple[K, Sample]],
    reasons: dict[K, str],
    rng: Generator,
    image_size: int,
    augmentation: str,
) -> list[_Pair]:
    """Return image and objects of the first candidate that can be decoded, in a list that is empty if none can be.

    Puts into `reasons` why others could not. The generator is that of the place, also where another record stands in:
    on its own turn that one looks different.
    """
    for key, sample in candidates:
        if key in reasons:
            continue
        try:
            image = images.decode(sample.image)
        except UnreadableImageError as error:
            reasons[key] = str(error)
            continue
        shape = (image.shape[0], image.shape[1])
        choice = augment.draw(rng, sample.objects, shape, augmentation=augmentation)
        return [(augment.apply(image, choice, image_size), augment.move(sample.objects, choice, shape))]
    return []


def _stack(pairs: Sequence[_Pair]) -> Batch | None:
    if not pairs:
        return None
    most = max(1, *(len(objects) for _, objects in pairs))
    padded = np.full((len(pairs), most, 6), _PADDING, np.float32)
    for row, (_, objects) in zip(padded, pairs, strict=True):
        row[: len(objects)] = objects
    return Batch(np.stack([image for image, _ in pairs]), padded)
