"""What a channel holds, counted once when it is opened, and what is said of it in the same words for every format."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data.counted import counted
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Summary:
    """What a channel holds: counts, and the numbers in its widest label, which `label_width` has to cover.

    `background` are images without objects, `dropped` boxes without any area inside their image, `far_outside` boxes
    that look as if given in another unit; `widest` is the image of the widest label, `first_dropped` and
    `first_far_outside` are those of the first such boxes.
    """

    images: int
    objects: int
    background: int
    dropped: int
    far_outside: int
    widest_label: int
    widest: int
    first_dropped: int | None
    first_far_outside: int | None

    @classmethod
    def of(
        cls,
        *,
        object_counts: NDArray[np.int64],
        dropped: NDArray[np.int64],
        far_outside: NDArray[np.int64],
        label_sizes: NDArray[np.int64],
    ) -> Self:
        """Sum up what was counted for each of n images, arrays of shape (n,)."""
        return cls(
            images=len(object_counts),
            objects=int(object_counts.sum()),
            background=int((object_counts == 0).sum()),
            dropped=int(dropped.sum()),
            far_outside=int(far_outside.sum()),
            widest_label=int(label_sizes.max()),
            widest=int(label_sizes.argmax()),
            first_dropped=_first(dropped),
            first_far_outside=_first(far_outside),
        )

    @property
    def boxes(self) -> int:
        """How many boxes the channel has, those that were dropped among them."""
        return self.objects + self.dropped

    @property
    def astray(self) -> int:
        """How many boxes are not where an image is; all, where none is left."""
        return self.far_outside if self.objects else self.boxes

    def check_label_width(self, label_width: int, where: Callable[[int], str]) -> None:
        """Raise UserError, in the words of the built-in algorithm, where a label has more numbers than that."""
        if self.widest_label > label_width:
            raise UserError(
                "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is "
                f"at least {self.widest_label}: {where(self.widest)} has a label of {self.widest_label} numbers, "
                f"got label_width {label_width}",
            )

    def check_objects(self, channel: str) -> None:
        """Raise UserError where no image has an object, from which there is nothing to learn and to measure."""
        if not self.objects:
            raise UserError(f"{channel} channel: expected an object in at least one image, got {self.images:,} without")

    def log_counts(self, place: str, *, files: int | None = None) -> None:
        """Log how much there is, at a place, in so many files where these count."""
        images = counted(self.images, "image") + ("" if files is None else f" in {counted(files, 'file')}")
        background = f"{counted(self.background, 'image')} without objects"
        logger.info("%s: %s, %s, %s", place, images, counted(self.objects, "object"), background)

    def warn_of_dropped(self, where: Callable[[int], str]) -> None:
        """Log how many boxes were dropped, or are cut because they lie far outside, and where the first is."""
        if self.first_dropped is not None:
            place = where(self.first_dropped)
            logger.warning("%s: %s dropped for having no area inside the image", place, _boxes(self.dropped))
        if self.first_far_outside is not None:
            place = where(self.first_far_outside)
            logger.warning("%s: %s cut, far beyond the edge of the image", place, _boxes(self.far_outside))


def _boxes(number: int) -> str:
    return counted(number, "box", plural="boxes")


def _first(counts: NDArray[np.int64]) -> int | None:
    return int(np.argmax(counts > 0)) if counts.any() else None
