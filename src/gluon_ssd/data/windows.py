"""Windows of an image: whole numbers of pixels (left, top, right, bottom), which may reach beyond its edges."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gluon_ssd import boxes

_PAD_PROBABILITY = 0.5
_MAX_PAD_SCALE = 4.0
_MIN_PAD_SCALE = 1.05  # less is not worth the blur of another resize
_CROP_PROBABILITY = 5 / 6
_MIN_OVERLAPS = (0.1, 0.3, 0.5, 0.7, 0.9)  # a sampler each
_TRIALS = 25
_SCALES = (0.3, 1.0)  # of a crop's sides to the frame's, before the aspect ratio
_ASPECT_RATIOS = (0.5, 2.0)  # width to height, in pixels


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels; `left` and `top` may be negative, `right` and `bottom` greater than the image."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """The width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """The height in pixels."""
        return self.bottom - self.top


def whole(shape: tuple[int, int]) -> Window:
    """Return the window that is an image of `shape` (height, width) itself."""
    height, width = shape
    return Window(0, 0, width, height)


def draw(rng: Generator, objects: NDArray[np.float32], shape: tuple[int, int]) -> Window:
    """Draw a window onto an image of `shape` (height, width): now and then padded, mostly cropped, as SSD trains.

    SSD paper (Liu et al. 2016), sections 2.2 and 3.6: the image is set into a canvas of up to 4 x 4 times its
    size ("zoom out"), then a crop of the canvas is tried that overlaps some object enough ("zoom in").
    """
    frame = _draw_padding(rng, whole(shape))
    if rng.random() >= _CROP_PROBABILITY:
        return frame
    for least in rng.permutation(_MIN_OVERLAPS).tolist():
        crops = _draw_crops(rng, frame)
        accepted = _accepted(crops, objects, shape, least=least)
        if accepted.any():
            return Window(*crops[int(np.argmax(accepted))].tolist())
    return frame


def move(objects: NDArray[np.float32], window: Window, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the objects that a window shows, corners in fractions of the window.

    Objects whose center lies outside are left out, the others are cut at the window's edges.
    """
    corners = objects[:, 1:5] * _sides(shape)
    edges = np.array([[window.left, window.top, window.right, window.bottom]])
    shown = _centers_inside(corners, edges)[0]
    moved: NDArray[np.float32] = objects[shown]
    moved[:, 1:5] = boxes.clip((corners[shown] - edges[:, [0, 1, 0, 1]]) / _sides((window.height, window.width)))
    return moved


def _draw_padding(rng: Generator, image: Window) -> Window:
    if rng.random() >= _PAD_PROBABILITY:
        return image
    scale = rng.uniform(1, _MAX_PAD_SCALE)
    if scale < _MIN_PAD_SCALE:
        return image
    left, top = (-rng.uniform(0, scale - 1, 2) * (image.width, image.height)).round().astype(int).tolist()
    return Window(left, top, left + round(scale * image.width), top + round(scale * image.height))


def _draw_crops(rng: Generator, frame: Window) -> NDArray[np.int64]:
    """Draw the candidates of one sampler, rows (left, top, right, bottom); some of the 25 may not be possible."""
    scales = rng.uniform(*_SCALES, _TRIALS)
    # The ratio of a crop's sides in fractions of the frame: the crop stays within it, and its aspect in bounds.
    frame_aspect = frame.width / frame.height
    least = np.maximum(_ASPECT_RATIOS[0] / frame_aspect, scales**2)
    most = np.minimum(_ASPECT_RATIOS[1] / frame_aspect, scales**-2)
    possible = least <= most
    ratios = np.sqrt(rng.uniform(least, np.maximum(least, most)))
    sides = np.stack([scales * ratios, scales / ratios], axis=1)
    corners = rng.random((_TRIALS, 2)) * np.maximum(1 - sides, 0)
    pixels = (frame.width, frame.height)
    # A pixel at least, and none beyond the frame, however the rounding falls.
    starts = np.minimum(np.rint(corners * pixels).astype(np.int64), np.array(pixels) - 1)
    ends = np.clip(np.rint((corners + sides) * pixels).astype(np.int64), starts + 1, pixels)
    origin = (frame.left, frame.top)
    crops: NDArray[np.int64] = np.concatenate([starts + origin, ends + origin], axis=1)[possible]
    return crops


def _accepted(
    crops: NDArray[np.int64],
    objects: NDArray[np.float32],
    shape: tuple[int, int],
    *,
    least: float,
) -> NDArray[np.bool_]:
    """Say of each crop whether it shows the center of an object, and overlaps some object by IoU `least`.

    Without objects there is nothing to ask for.
    """
    if not len(objects):
        return np.ones(len(crops), np.bool_)
    corners = objects[:, 1:5] * _sides(shape)
    overlaps = boxes.iou(crops.astype(np.float64), corners)
    accepted: NDArray[np.bool_] = (overlaps >= least).any(axis=1) & _centers_inside(corners, crops).any(axis=1)
    return accepted


def _centers_inside(corners: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of each window, given by its edges (k, 4), and each box (n, 4) whether the center lies inside, (k, n)."""
    centers = (corners[None, :, 0:2] + corners[None, :, 2:4]) / 2
    inside: NDArray[np.bool_] = ((edges[:, None, 0:2] <= centers) & (centers < edges[:, None, 2:4])).all(axis=2)
    return inside


def _sides(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return what corners in fractions of `shape` (height, width) are multiplied by to be pixels."""
    height, width = shape
    return np.array([width, height, width, height], np.float64)
