"""Augmentation: draw what is to be done with an image, then do it, to the pixels and to the objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import color, windows
from gluon_ssd.data.color import ColorChange

AUGMENTATIONS: Final = ("full", "light", "none")
_INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
_MIRROR_PROBABILITY = 0.5
_SHRINKAGES = (8, 4, 2, 1)  # what JPEG can be decoded at, best first
_FILL = 127
_PARTS = np.cumsum([2, windows.NUMBERS, color.NUMBERS])  # whether to mirror and how to resize; then see there
NUMBERS: Final = int(_PARTS[-1])
"""How many random numbers an image takes."""


class Window(NamedTuple):
    """A rectangle of pixels; `left` and `top` may be negative, `right` and `bottom` greater than the image."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Choice:
    """What was drawn for one image: which window of it to show, whether mirrored, how resized, in what colors."""

    window: Window
    mirror: bool = False
    interpolation: int = cv2.INTER_LINEAR
    color: ColorChange = color.NO_CHANGE


def draw(
    numbers: NDArray[np.float64],
    objects: Sequence[NDArray[np.float32]],
    shapes: Sequence[tuple[int, int]],
    *,
    augmentation: str,
) -> tuple[list[Choice], list[NDArray[np.float32]]]:
    """Draw what to do with images of `shapes` (height, width) and their objects (m, 6), and move the objects with them.

    `full` is what the built-in algorithm does: color, mirror, pad, crop, a random interpolation. `light` leaves
    the frame alone: color and mirror. `none` only resizes.

    Args:
        numbers: random numbers from 0 to 1, a row of NUMBERS for each image.
        objects: those of each image.
        shapes: that of each image.
        augmentation: one of AUGMENTATIONS.

    Returns:
        What to do with each image, and its objects that are left in view.
    """
    sizes = np.array(shapes, np.float64)[:, ::-1]
    corners = _padded(objects)
    ways, window_numbers, color_numbers = np.split(numbers, _PARTS[:-1], axis=1)
    windows_of = windows.draw(window_numbers, corners, sizes) if augmentation == "full" else windows.whole(sizes)
    shown, moved = windows.move(corners, windows_of, sizes)
    edges = [Window(*map(int, row)) for row in windows_of.tolist()]
    if augmentation == "none":
        return [Choice(window) for window in edges], _select(objects, shown, moved)
    mirrored = ways[:, 0] < _MIRROR_PROBABILITY
    moved[mirrored, :, ::2] = 1 - moved[mirrored, :, 2::-2]
    choices = zip(
        edges, mirrored.tolist(), _interpolations(ways[:, 1], augmentation), color.draw(color_numbers), strict=True
    )
    return [Choice(*choice) for choice in choices], _select(objects, shown, moved)


def shrinkage(choice: Choice, size: int) -> int:
    """Return by what factor (1, 2, 4 or 8) an image may be decoded smaller, and still be shrunk to `size` by `apply`.

    Photographs are much larger than what a network sees; at a half or less of their size they decode much faster.
    """
    window = choice.window
    least = min(window.right - window.left, window.bottom - window.top)
    return next(factor for factor in _SHRINKAGES if factor * size <= least or factor == 1)


def apply(
    image: NDArray[np.uint8],
    choice: Choice,
    shape: tuple[int, int],
    canvas: NDArray[np.uint8],
    *,
    shrinkage: int = 1,
) -> None:
    """Do what was drawn for an image of `shape` (height, width), uint8 RGB, and paint it on a square `canvas`.

    The aspect ratio is not kept. `image` may have been decoded smaller, by `shrinkage` (see there).
    """
    (height, width), window, size = shape, choice.window, len(canvas)
    # Cut first: pixels that no one will see need no resizing, and no color.
    left, right = max(window.left, 0), min(window.right, width)
    top, bottom = max(window.top, 0), min(window.bottom, height)
    columns = _span(left - window.left, right - window.left, size / (window.right - window.left))
    rows = _span(top - window.top, bottom - window.top, size / (window.bottom - window.top))
    if columns.stop - columns.start < size or rows.stop - rows.start < size:
        canvas.fill(_FILL)
    if columns.start < columns.stop and rows.start < rows.stop:
        part = image[_part(top, bottom, shrinkage), _part(left, right, shrinkage)]
        if choice.mirror:
            columns = slice(size - columns.stop, size - columns.start)
        _paint(part, choice, canvas[rows, columns])


def _interpolations(numbers: NDArray[np.float64], augmentation: str) -> list[int]:
    if augmentation != "full":
        return [cv2.INTER_LINEAR] * len(numbers)
    return [_INTERPOLATIONS[index] for index in (numbers * len(_INTERPOLATIONS)).astype(int).tolist()]


def _padded(objects: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return the corners (n, m, 4) of objects, NaN where an image has fewer than m."""
    corners = np.full((len(objects), max(1, *map(len, objects)), 4), np.nan)
    for row, own in zip(corners, objects, strict=True):
        row[: len(own)] = own[:, 1:5]
    return corners


def _select(
    objects: Sequence[NDArray[np.float32]], shown: NDArray[np.bool_], moved: NDArray[np.float64]
) -> list[NDArray[np.float32]]:
    """Return the objects (k, 6) of each image that are shown, with their new corners."""
    selected = []
    for own, its_shown, its_moved in zip(objects, shown, moved, strict=True):
        rows = own[its_shown[: len(own)]]
        rows[:, 1:5] = its_moved[its_shown]
        selected.append(rows)
    return selected


def _paint(part: NDArray[np.uint8], choice: Choice, region: NDArray[np.uint8]) -> None:
    """Fill a region with a part of an image: resized, in other colors, mirrored."""
    shape = (region.shape[1], region.shape[0])
    if part.size < region.size:  # change colors where there are fewer pixels
        part = _resize(color.apply(part, choice.color), shape, choice.interpolation)
    else:
        part = color.apply(_resize(part, shape, choice.interpolation), choice.color)
    if choice.mirror:
        cv2.flip(part, 1, dst=region)
    else:
        region[:] = part


def _resize(image: NDArray[np.uint8], shape: tuple[int, int], interpolation: int) -> NDArray[np.uint8]:
    if interpolation != cv2.INTER_LANCZOS4:
        return cv2.resize(image, shape, interpolation=interpolation).astype(np.uint8, copy=False)
    # OpenCV takes half the time for this in floats, and its results differ by 1 at most.
    resized = cv2.resize(image.astype(np.float32), shape, interpolation=interpolation)
    return cv2.add(resized, np.zeros(4), dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def _span(begin: int, end: int, scale: float) -> slice:
    """Return which pixels a span takes where pixels are `scale` times as many."""
    return slice(round(begin * scale), round(end * scale))


def _part(begin: int, end: int, shrinkage: int) -> slice:
    """Return which pixels of a smaller image a span of the image covers: one at least, however the rounding falls."""
    start = min(round(begin / shrinkage), (end - 1) // shrinkage)
    return slice(start, max(round(end / shrinkage), start + 1))
