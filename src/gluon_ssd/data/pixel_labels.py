"""The boxes of many images in pixels, held in arrays; checked, and turned into objects in fractions of each image."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import labels
from gluon_ssd.data.summary import Summary
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)

_LABEL_HEADER, _OBJECT = 2, 5  # the numbers that the label of a record would have


def numbered(place: str, number: int) -> str:
    """Say which box of the annotation at a place: `x/y.json, annotation 3`, counted from 0 as `number` is."""
    return f"{place}, annotation {number}"


@dataclass(frozen=True, eq=False)
class PixelLabels:
    """The boxes of n images, N in all, in order.

    `rows` are float64 (N, 6): class, left, top, width, height, difficult. `counts` (n,) says how many of them each
    image has, `told` (n, 2) which width and height its annotation gives, 0 where it does not.
    """

    rows: NDArray[np.float64]
    counts: NDArray[np.int64]
    told: NDArray[np.int64]

    @classmethod
    def join(cls, parts: Sequence["PixelLabels"]) -> "PixelLabels":
        """Return the labels of all parts, one after the other; at least one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__annotations__))

    def select(self, images: Sequence[int]) -> "PixelLabels":
        """Return the labels of some images, in their order."""
        kept = np.isin(np.repeat(np.arange(len(self.counts)), self.counts), images)
        return PixelLabels(self.rows[kept], self.counts[images], self.told[images])

    def owner(self, row: int) -> tuple[int, int]:
        """Return to which image a row belongs, and the row's number in it, from 0."""
        ends = np.cumsum(self.counts)
        image = int(np.searchsorted(ends, row, side="right"))
        return image, row - int(ends[image] - self.counts[image])

    def check_classes(self, num_classes: int, places: Sequence[str]) -> None:
        """Raise UserError for the first class id that is none; `places` say where the annotation of each image is."""
        wrong = self.wrong_classes(num_classes)
        if len(wrong):
            image, number = self.owner(int(wrong[0]))
            raise UserError(
                f"{numbered(places[image], number)}: class_id: expected an integer from 0 to {num_classes - 1}, "
                f"since num_classes is {num_classes}, got {self.rows[wrong[0], 0]:g}"
            )

    def wrong_classes(self, num_classes: int) -> NDArray[np.int64]:
        """Return the rows whose class id is none."""
        ids = self.rows[:, 0]
        return np.flatnonzero((ids < 0) | (ids >= num_classes) | (ids != np.floor(ids)))

    def sizes(
        self, stored: NDArray[np.int64], places: Sequence[str], where_box: Callable[[str, int], str] = numbered
    ) -> NDArray[np.int64]:
        """Return the width and height (n, 2) that the boxes of each image are measured by.

        These are those of its file, `stored` (n, 2), or those its annotation gives where the file does not tell (0).
        Where an annotation gives another size, boxes may belong to an image that was shrunk or turned since. Those
        that do not fit the file, but the size they were drawn on, prove it; `where_box` names them as `numbered` does.

        Raises:
            UserError: such boxes, or neither file nor annotation tell a size.
        """
        sizes = self.known_sizes(stored)
        if not sizes.all():
            image = int(np.argmin(sizes.all(axis=1)))
            raise UserError(
                f"{places[image]}: image_size: expected width and height, got none, and the image does not tell either"
            )
        corners = self.rows[:, 1:3] + self.rows[:, 3:5]
        per_row = [np.repeat(size, self.counts, axis=0) for size in (sizes, self.told)]
        # A pixel beyond the border is a matter of counting from 1.
        outside, inside = (corners > per_row[0] + 1).any(axis=1), (corners <= per_row[1] + 1).all(axis=1)
        moved = outside & inside & (per_row[1] > 0).all(axis=1)
        if moved.any():
            image, number = self.owner(int(np.argmax(moved)))
            raise UserError(
                f"{where_box(places[image], number)}: expected a box within its image, which is {_by(sizes[image])} "
                f"pixels, got one that fits image_size {_by(self.told[image])} only; was the image resized or rotated "
                "after it was labeled? Scale the boxes and image_size with the image"
            )
        return sizes

    def known_sizes(self, stored: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sizes (n, 2) that are stored, else those that annotations tell, else 0."""
        return np.where(stored > 0, stored, self.told)

    def otherwise_told(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the images whose annotations tell another size than these (n, 2)."""
        return np.flatnonzero((self.told > 0).all(axis=1) & (self.told != sizes).any(axis=1))

    def warn_of_sizes(self, sizes: NDArray[np.int64], places: Sequence[str]) -> None:
        """Log how many annotations tell another size than these (n, 2), and the first of them."""
        different = self.otherwise_told(sizes)
        if len(different):
            image = int(different[0])
            logger.warning(
                "%s: image_size: %s is not that of the image, %s, by which its boxes are measured (such images: %d)",
                places[image],
                _by(self.told[image]),
                _by(sizes[image]),
                len(different),
            )

    def objects(self, sizes: NDArray[np.int64]) -> "Objects":
        """Return the objects in fractions of images of these sizes (n, 2), cut to what lies inside."""
        objects, kept, far_outside = labels.cut(self.fractions(sizes))
        owners = np.repeat(np.arange(len(self.counts)), self.counts)
        counts, far = (np.bincount(owners[mask], minlength=len(self.counts)) for mask in (kept, far_outside))
        summary = Summary.of(
            object_counts=counts,
            dropped=self.counts - counts,
            far_outside=far,
            label_sizes=self.label_sizes(),
        )
        return Objects(objects[kept], np.concatenate([[0], np.cumsum(counts)]), summary)

    def fractions(self, sizes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows (N, 6) of class, corners in fractions of images of these sizes (n, 2), uncut, and difficult."""
        per_row = np.repeat(sizes, self.counts, axis=0)
        corners = np.hstack([self.rows[:, 1:3], self.rows[:, 1:3] + self.rows[:, 3:5]]) / np.hstack([per_row, per_row])
        return np.hstack([self.rows[:, :1], corners, self.rows[:, 5:]]).astype(np.float32)

    def label_sizes(self) -> NDArray[np.int64]:
        """Return how many numbers the label of each image would have in a record (n,)."""
        return _LABEL_HEADER + _OBJECT * self.counts

    def specks(self) -> int:
        """Return how many boxes lie within the first pixel of their image, as those given in fractions do."""
        return int(((self.rows[:, 1:3] + self.rows[:, 3:5]) <= 1).all(axis=1).sum())


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of n images: rows (N, 6) as `Sample` has them, where each image's begin (n + 1,), and counts."""

    rows: NDArray[np.float32]
    offsets: NDArray[np.int64]
    summary: Summary


def check_unit(summary: Summary, specks: int, channel: str) -> None:
    """Refuse boxes in fractions, which would pass for specks in a corner, and boxes beyond their images.

    `specks` is how many boxes `PixelLabels.specks` counts. Raises UserError.
    """
    astray, boxes = summary.astray, summary.boxes
    if specks > boxes / 2:
        raise UserError(
            f"{channel} channel: expected boxes in pixels of the image, got {specks:,} of {boxes:,} within its first "
            "pixel, as those in fractions of the image are; multiply left and width by the image's width, top and "
            "height by its height"
        )
    if astray > boxes / 2:
        raise UserError(
            f"{channel} channel: expected boxes in pixels, within their image, got {astray:,} of {boxes:,} boxes "
            "outside of it or without area; left and top are where a box begins, counted from 0, width and height "
            "its size"
        )


def _by(size: NDArray[np.int64]) -> str:
    return f"{size[0]}x{size[1]}"
