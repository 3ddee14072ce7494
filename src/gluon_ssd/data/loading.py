"""Loading the images of one batch: read, decode, augment, stack; without a thought for where that runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import augment, images, randomness, unreadable
from gluon_ssd.data.dataset import Dataset
from gluon_ssd.data.images import UnreadableImageError
from gluon_ssd.data.order import Place

_PADDING = -1


@dataclass(frozen=True, eq=False)
class Batch:
    """Images with their objects, as the network takes them.

    `images` is uint8 RGB of shape (B, S, S, 3). `objects` is float32 of shape (B, M, 6), rows as in `Sample`,
    padded with rows of -1; M is the most objects that an image of the batch has, at least 1.
    """

    images: NDArray[np.uint8]
    objects: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Loaded:
    """The batch of one task, and why the images that are missing in it could not be read, by index.

    `batch` is None where no image is left.
    """

    batch: Batch | None
    unreadable: Mapping[int, str]


@dataclass(frozen=True)
class Loader:
    """Loads the batches of a data set; it can be pickled into worker processes.

    With `replace`, an unreadable image gives way to the next readable one in channel order; otherwise it is left out.
    """

    dataset: Dataset
    image_size: int
    augmentation: str
    seed: int
    replace: bool

    def load(self, places: Sequence[Place]) -> Loaded:
        """Load what is read at these places of the stream; the result depends on them and the fields above alone."""
        reasons: dict[int, str] = {}
        pairs = []
        for place in places:
            pair = self._load_one(place, reasons)
            if pair is not None:
                pairs.append(pair)
            # So many fail the job anyway; do not search a ruined channel to its end.
            if len(reasons) > unreadable.allowed(len(self.dataset)):
                break
        return Loaded(_stack(pairs), reasons)

    def _load_one(
        self,
        place: Place,
        reasons: dict[int, str],
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
        """Return image and objects, or None; put into `reasons` what could not be read on the way."""
        # The place's own generator also where another record stands in, whose own turn looks different then.
        rng = randomness.for_record(self.seed, passage=place.passage, record=place.record)
        tries = 1 + (unreadable.allowed(len(self.dataset)) if self.replace else 0)
        for record in range(place.record, place.record + tries):
            index = record % len(self.dataset)
            sample = self.dataset[index]
            try:
                image = images.decode(sample.image)
            except UnreadableImageError as error:
                reasons[index] = str(error)
                continue
            shape = (image.shape[0], image.shape[1])
            choice = augment.draw(rng, sample.objects, shape, augmentation=self.augmentation)
            return augment.apply(image, choice, self.image_size), augment.move(sample.objects, choice, shape)
        return None


def _stack(pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.float32]]]) -> Batch | None:
    if not pairs:
        return None
    most = max(1, *(len(objects) for _, objects in pairs))
    padded = np.full((len(pairs), most, 6), _PADDING, np.float32)
    for row, (_, objects) in zip(padded, pairs, strict=True):
        row[: len(objects)] = objects
    return Batch(np.stack([image for image, _ in pairs]), padded)
