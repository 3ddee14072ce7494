"""The labels of a data set as they are stored, in arrays, before anything is cut or dropped."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import labels
from gluon_ssd.data.summary import Summary


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The boxes of n images, N in all, in order.

    Attributes:
        rows: float32 (N, 6), class, corners in fractions of the image as stored, difficult.
        counts: how many of them each image has (n,).
        label_sizes: how many numbers the label of each image has, in the layout of RecordIO (n,).
        headers: width, height, channels and whether PNG (n, 4); 0 where an image does not tell. One that is not here
            has the size that its label tells, and no channels.
    """

    rows: NDArray[np.float32]
    counts: NDArray[np.int64]
    label_sizes: NDArray[np.int64]
    headers: NDArray[np.int64]

    @property
    def images(self) -> int:
        """How many images there are."""
        return len(self.counts)

    @cached_property
    def begins(self) -> NDArray[np.int64]:
        """Where the rows of each image begin, and the last end (n + 1,)."""
        begins: NDArray[np.int64] = np.concatenate([[0], np.cumsum(self.counts)])
        return begins

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """The image of each box (N,)."""
        owners: NDArray[np.int64] = np.repeat(np.arange(self.images), self.counts)
        return owners

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """The number of each box in its image, from 0 (N,)."""
        numbers: NDArray[np.int64] = np.arange(len(self.rows)) - self.begins[self.owners]
        return numbers

    @cached_property
    def objects(self) -> NDArray[np.float32]:
        """The rows cut to what lies inside the image, those that a job drops among them (N, 6)."""
        return self._cut[0]

    @cached_property
    def kept(self) -> NDArray[np.bool_]:
        """Which boxes a job keeps, since they have an area inside their image (N,)."""
        return self._cut[1]

    @cached_property
    def without_area(self) -> NDArray[np.bool_]:
        """Which boxes have corners that are swapped or equal, as they are stored (N,)."""
        flat: NDArray[np.bool_] = (self.rows[:, 3:5] <= self.rows[:, 1:3]).any(axis=1)
        return flat

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Which boxes have an area, but none inside their image (N,)."""
        return ~(self.kept | self.without_area)

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The class id of each box (N,)."""
        return self.rows[:, 0].astype(np.int64)

    @cached_property
    def object_counts(self) -> NDArray[np.int64]:
        """How many boxes of each image a job keeps (n,)."""
        return np.bincount(self.owners[self.kept], minlength=self.images)

    @cached_property
    def sides(self) -> NDArray[np.float32]:
        """Width and height of each box, cut to its image, in fractions of it; not positive without area (N, 2)."""
        return self.objects[:, 3:5] - self.objects[:, 1:3]

    def summary(self) -> Summary:
        """Return what a job counts when it opens the data."""
        return Summary.of(
            object_counts=self.object_counts,
            dropped=self.counts - self.object_counts,
            far_outside=np.bincount(self.owners[self._cut[2]], minlength=self.images),
            label_sizes=self.label_sizes,
        )

    @cached_property
    def _cut(self) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        return labels.cut(self.rows)
