"""Labels that a job takes, but that look like mistakes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gluon_ssd import boxes
from gluon_ssd.tools.label_table import LabelTable

_TINY = 0.01  # of a side of the image
_WHOLE = 0.99  # of both sides
_SAME = 0.9  # IoU; in BCCD six cells were boxed twice by hand, at 0.92 to 0.93, and neighbors reach 0.83
_ROUNDING = 1e-4  # of a side, by which corners in fractions may miss the edge where its pixels are not known
_BLOCK = 512  # boxes compared with all others of their image at a time


@dataclass(frozen=True)
class Suspicion:
    """One way to be suspicious, and what is so: images in order, and a box of each by its row, -1 for all of them."""

    name: str
    meaning: str
    images: Sequence[int]
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.images)


def suspect(table: LabelTable, num_classes: int | None = None) -> list[Suspicion]:
    """Return the suspicions that something gives cause for; `num_classes` is that of the job, where it is known."""
    every = [
        _of_boxes(table, "no area", "dropped: without width or height", np.flatnonzero(table.without_area)),
        _of_boxes(table, "outside", "dropped: no part of it lies inside the image", np.flatnonzero(table.outside)),
        _of_boxes(table, "beyond the edge", "cut: reaches more than a pixel beyond its image", _beyond(table)),
        _of_boxes(table, "tiny", "narrower or lower than 1 % of the image", _tiny(table)),
        _of_boxes(table, "whole image", "as large as its image", _whole(table)),
        _of_boxes(table, "duplicate", "overlaps another of its class by IoU > 0.9", _duplicates(table)),
        _identical(table),
    ]
    if num_classes is not None:
        wrong = np.flatnonzero(table.ids >= num_classes)
        every.append(_of_boxes(table, "unknown class", f"refused by a job with num_classes={num_classes}", wrong))
    return [suspicion for suspicion in every if len(suspicion)]


def unused_classes(table: LabelTable, num_classes: int) -> NDArray[np.int64]:
    """Return the class ids below `num_classes` that no object has."""
    return np.setdiff1d(np.arange(num_classes), table.ids[table.kept])


def _of_boxes(table: LabelTable, name: str, meaning: str, rows: NDArray[np.int64]) -> Suspicion:
    return Suspicion(name, meaning, table.owners[rows].tolist(), rows.tolist())


def _beyond(table: LabelTable) -> NDArray[np.int64]:
    # Tools that count from 0, and rounding, put edges a pixel outside; that is not worth a word.
    pixels = table.headers[table.owners, :2]
    allowed = np.where(pixels > 0, 1 / np.maximum(pixels, 1), 0) + _ROUNDING
    beyond = (table.rows[:, 1:3] < -allowed).any(axis=1) | (table.rows[:, 3:5] > 1 + allowed).any(axis=1)
    return np.flatnonzero(table.kept & beyond)


def _tiny(table: LabelTable) -> NDArray[np.int64]:
    return np.flatnonzero(table.kept & (table.sides < _TINY).any(axis=1))


def _whole(table: LabelTable) -> NDArray[np.int64]:
    return np.flatnonzero(table.kept & (table.sides >= _WHOLE).all(axis=1))


def _duplicates(table: LabelTable) -> NDArray[np.int64]:
    """Return the boxes that overlap an earlier one of their image and class."""
    found: list[int] = []
    for image in np.flatnonzero(table.object_counts > 1).tolist():
        rows = np.arange(*table.begins[image : image + 2])
        rows = rows[table.kept[rows]]
        corners, ids = table.objects[rows, 1:5].astype(np.float64), table.ids[rows]
        for begin in range(0, len(rows), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            same = (boxes.iou(corners[block], corners) > _SAME) & (ids[block, None] == ids[None])
            earlier = rows[block, None] > rows[None]
            found += rows[block][(same & earlier).any(axis=1)].tolist()
    return np.array(found, np.int64)


def _identical(table: LabelTable) -> Suspicion:
    """Find the images whose objects are, to the last digit, those of an earlier one."""
    images_of = defaultdict[bytes, list[int]](list)
    for image in np.flatnonzero(table.object_counts).tolist():
        images_of[table.rows[table.begins[image] : table.begins[image + 1]].tobytes()].append(image)
    images = sorted(image for images in images_of.values() for image in images[1:])
    return Suspicion("copied", "an image with all the boxes of an earlier one", images, [-1] * len(images))
