"""Augmentation: draw what is to be done with an image, then do it, to the pixels and to the objects."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gluon_ssd.data import color, windows
from gluon_ssd.data.color import ColorChange
from gluon_ssd.data.windows import Window

AUGMENTATIONS: Final = ("full", "light", "none")
_INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
_MIRROR_PROBABILITY = 0.5
_FILL = 127


@dataclass(frozen=True)
class Choice:
    """What was drawn for one image: which window of it to show, whether mirrored, how resized, in what colors."""

    window: Window
    mirror: bool = False
    interpolation: int = cv2.INTER_LINEAR
    color: ColorChange = color.NO_CHANGE


def draw(rng: Generator, objects: NDArray[np.float32], shape: tuple[int, int], *, augmentation: str) -> Choice:
    """Draw what to do with an image of `shape` (height, width) and its objects (n, 6).

    `full` is what the built-in algorithm does: color, mirror, pad, crop, a random interpolation. `light` leaves
    the frame alone: color and mirror. `none` only resizes.
    """
    if augmentation == "none":
        return Choice(windows.whole(shape))
    change = color.draw(rng)
    mirror = bool(rng.random() < _MIRROR_PROBABILITY)
    if augmentation == "light":
        return Choice(windows.whole(shape), mirror, color=change)
    window = windows.draw(rng, objects, shape)
    return Choice(window, mirror, int(rng.choice(_INTERPOLATIONS)), change)


def apply(image: NDArray[np.uint8], choice: Choice, size: int) -> NDArray[np.uint8]:
    """Do what was drawn: uint8 RGB of any size to uint8 RGB of shape (size, size, 3), aspect ratio not kept."""
    height, width = image.shape[:2]
    window = choice.window
    # Cut first: pixels that no one will see need no resizing, and no color.
    left, right = max(window.left, 0), min(window.right, width)
    top, bottom = max(window.top, 0), min(window.bottom, height)
    columns = _place(left - window.left, right - window.left, size / window.width)
    rows = _place(top - window.top, bottom - window.top, size / window.height)
    canvas = np.full((size, size, 3), _FILL, np.uint8)
    if columns.start < columns.stop and rows.start < rows.stop:
        shape = (columns.stop - columns.start, rows.stop - rows.start)
        part = cv2.resize(image[top:bottom, left:right], shape, interpolation=choice.interpolation)
        canvas[rows, columns] = color.apply(part.astype(np.uint8, copy=False), choice.color)
    # The fill is one color, so that it makes no difference that the canvas is mirrored with the image.
    return np.ascontiguousarray(canvas[:, ::-1]) if choice.mirror else canvas


def move(objects: NDArray[np.float32], choice: Choice, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Move the objects (n, 6) of an image of `shape` (height, width) with its pixels; return those left in view."""
    moved = windows.move(objects, choice.window, shape)
    if choice.mirror:
        moved[:, [1, 3]] = 1 - moved[:, [3, 1]]
    return moved


def _place(begin: int, end: int, scale: float) -> slice:
    """Return which pixels of the canvas the span of a window takes."""
    return slice(round(begin * scale), round(end * scale))
