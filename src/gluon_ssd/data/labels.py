"""The label of an image record: a header, then rows of class, corners and more; checked, and turned into objects."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gluon_ssd import boxes

_MIN_HEADER_WIDTH = 2
_MIN_OBJECT_WIDTH = 5
_MAX_WIDTH = 2**24  # beyond, float32 no longer holds every whole number
ANY_CLASS = _MAX_WIDTH
"""A number of classes that no label goes beyond, for who does not know it."""

_FAR_OUTSIDE = 2.0  # a corner beyond this many widths of the image was not meant as a fraction of it
_DIFFICULT = 5  # the column of VOC's flag, where rows are wide enough to have one


class LabelError(ValueError):
    """A label whose numbers cannot be what they stand for; the message says which."""


class LabelLayoutError(LabelError):
    """A label that is not laid out for detection, as those of image classification are not."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """What a label says: the objects, as `Sample` has them.

    `dropped` counts the boxes without any area in the image, `far_outside` those that look as if given in pixels.
    """

    objects: NDArray[np.float32]
    dropped: int
    far_outside: int


def parse(label: NDArray[np.float32], num_classes: int) -> Annotation:
    """Check the numbers of a label and return its objects, cut to what lies inside the image.

    The label is `[A, B, ...]`, a header A numbers wide, then objects B numbers wide each, which begin with
    (class, xmin, ymin, xmax, ymax) in fractions of the image; where B >= 6, the sixth is whether it is difficult.
    No objects are a label too: the image shows background only. Raises LabelError.
    """
    rows = read_rows(label)
    _check_coordinates(rows)
    _check_classes(rows, num_classes)
    objects, kept, far_outside = cut(rows)
    return Annotation(objects[kept], int(len(rows) - kept.sum()), int(far_outside.sum()))


def cut(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Cut rows (n, 5 or more) of class, corners and more to what lies inside the image.

    Returns:
        The objects (n, 6), as `Sample` has them; which have any area (n,); which look as if given in pixels (n,).
    """
    objects = np.zeros((len(rows), 6), np.float32)
    objects[:, 0] = rows[:, 0]
    objects[:, 1:5] = boxes.clip(rows[:, 1:5])
    if rows.shape[1] > _DIFFICULT:
        objects[:, 5] = rows[:, _DIFFICULT] > 0
    # Not by area: the product of two tiny sides may round to 0.
    kept = (objects[:, 3] > objects[:, 1]) & (objects[:, 4] > objects[:, 2])
    return objects, kept, (np.abs(rows[:, 1:5]) > _FAR_OUTSIDE).any(axis=1)


def read_rows(label: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the objects of a label as stored, shape (n, B); raise LabelLayoutError where it has none that fit."""
    if label.size < _MIN_HEADER_WIDTH:
        raise LabelLayoutError(f"label: expected a header of at least 2 numbers, got {_numbers(label)}")
    header_width = _width(label, "header", 0, _MIN_HEADER_WIDTH)
    object_width = _width(label, "object", 1, _MIN_OBJECT_WIDTH)
    size = label.size - header_width
    if size < 0 or size % object_width:
        raise LabelLayoutError(
            f"label: expected a header of {header_width} numbers and then objects of {object_width} each, "
            f"got {label.size} numbers: {_numbers(label)}",
        )
    return label[header_width:].reshape(-1, object_width)


def _width(label: NDArray[np.float32], name: str, index: int, least: int) -> int:
    width = float(label[index])
    if not width.is_integer() or not least <= width <= _MAX_WIDTH:
        raise LabelLayoutError(
            f"label: expected its number {index} to be the {name} width, a whole number of at least {least}, "
            f"got {width:g} in {_numbers(label)}",
        )
    return int(width)


def _check_coordinates(rows: NDArray[np.float32]) -> None:
    finite = np.isfinite(rows[:, :5])
    if not finite.all():
        number = int(np.argmin(finite.all(axis=1)))
        raise LabelError(f"object {number}: expected finite numbers, got {_numbers(rows[number])}")


def _check_classes(rows: NDArray[np.float32], num_classes: int) -> None:
    ids = rows[:, 0]
    wrong = (ids < 0) | (ids >= num_classes) | (ids != np.floor(ids))
    if wrong.any():
        number = int(np.argmax(wrong))
        reason = "" if num_classes == ANY_CLASS else f", since num_classes is {num_classes}"
        raise LabelError(
            f"object {number}: expected a class id from 0 to {num_classes - 1}{reason}, got {ids[number]:g}",
        )


def _numbers(values: NDArray[np.float32], most: int = 8) -> str:
    """Show the first numbers of a label."""
    shown = ", ".join(f"{value:g}" for value in values[:most])
    return f"[{shown}, ...]" if values.size > most else f"[{shown}]"
