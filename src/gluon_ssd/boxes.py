"""Boxes as (n, 4) arrays of corners (xmin, ymin, xmax, ymax) in fractions of the image: area, overlap, clipping."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating[Any]]


def area(boxes: Boxes) -> Boxes:
    """Return the areas, shape (..., n); a box whose corners are swapped or equal has none."""
    return _product(boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1])


def iou(a: Boxes, b: Boxes) -> Boxes:
    """Return the intersection over union of each box of `a` (..., n, 4) with each of `b` (..., m, 4), (..., n, m).

    Pairs of which both boxes have no area overlap by 0, and those with NaN by NaN.
    """
    a_left, a_top, a_right, a_bottom = (a[..., :, None, side] for side in range(4))
    b_left, b_top, b_right, b_bottom = (b[..., None, :, side] for side in range(4))
    intersection = _product(
        np.minimum(a_right, b_right) - np.maximum(a_left, b_left),
        np.minimum(a_bottom, b_bottom) - np.maximum(a_top, b_top),
    )
    union = area(a)[..., :, None] + area(b)[..., None, :] - intersection
    # Where the union is 0 so is the intersection: any positive divisor gives the 0 wanted, and no warning.
    return intersection / np.where(union > 0, union, 1)  # type: ignore[no-any-return]  # numpy's stub


def _product(widths: Boxes, heights: Boxes) -> Boxes:
    # Column by column: numpy is much slower along an axis of two.
    return np.maximum(widths, 0) * np.maximum(heights, 0)  # type: ignore[no-any-return]  # numpy's stub


def clip(boxes: Boxes) -> Boxes:
    """Return the parts of the boxes that lie inside the image, corners in [0, 1], shape (..., 4)."""
    return np.clip(boxes, 0, 1)
