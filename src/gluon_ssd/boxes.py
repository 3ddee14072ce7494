"""Boxes as (n, 4) arrays of corners (xmin, ymin, xmax, ymax) in fractions of the image: area, overlap, clipping."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating[Any]]


def area(boxes: Boxes) -> Boxes:
    """Return the areas, shape (n,); a box whose corners are swapped or equal has none."""
    return np.prod(np.maximum(boxes[:, 2:4] - boxes[:, 0:2], 0), axis=1)  # type: ignore[no-any-return]  # numpy's stub


def iou(a: Boxes, b: Boxes) -> Boxes:
    """Return the intersection over union of each box of `a` (n, 4) with each of `b` (m, 4), shape (n, m).

    Pairs of which both boxes have no area overlap by 0.
    """
    top_left = np.maximum(a[:, None, 0:2], b[None, :, 0:2])  # (n, m, 2)
    bottom_right = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    intersection = np.prod(np.maximum(bottom_right - top_left, 0), axis=2)
    union = area(a)[:, None] + area(b)[None, :] - intersection
    # Where the union is 0 so is the intersection: any positive divisor gives the 0 wanted, and no warning.
    return intersection / np.where(union > 0, union, 1)  # type: ignore[no-any-return]  # numpy's stub


def clip(boxes: Boxes) -> Boxes:
    """Return the parts of the boxes that lie inside the image, corners in [0, 1], shape (n, 4)."""
    return np.clip(boxes, 0, 1)
