"""Windows of images: whole numbers of pixels (left, top, right, bottom), which may reach beyond an image's edges.

All functions take n images at once, since numpy then takes a tenth of the time: their sizes (n, 2), width and height,
and the corners of their objects (n, m, 4) in fractions of the image, NaN where an image has fewer than m.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gluon_ssd import boxes

_PAD_PROBABILITY = 0.5
_MAX_PAD_SCALE = 4.0
_MIN_PAD_SCALE = 1.05  # less is not worth the blur of another resize
_CROP_PROBABILITY = 5 / 6
_MIN_OVERLAPS = np.array([0.1, 0.3, 0.5, 0.7, 0.9])  # a sampler each
_TRIALS = 25  # of each sampler
_SCALES = (0.3, 1.0)  # of a crop's sides to the frame's, before the aspect ratio
_ASPECT_RATIOS = (0.5, 2.0)  # width to height, in pixels
_CANDIDATES = len(_MIN_OVERLAPS) * _TRIALS
# Whether to pad, by how much, two for where; whether to crop, the order of the samplers, four for each candidate.
_PARTS = np.cumsum([1, 1, 2, 1, len(_MIN_OVERLAPS), 4 * _CANDIDATES])
NUMBERS: Final = int(_PARTS[-1])
"""How many random numbers a window takes."""

Numbers = NDArray[np.float64]


def whole(sizes: Numbers) -> Numbers:
    """Return the windows (n, 4) that are the images themselves."""
    return np.concatenate([np.zeros_like(sizes), sizes], axis=1)


def draw(numbers: Numbers, corners: Numbers, sizes: Numbers) -> Numbers:
    """Draw windows (n, 4) by random numbers (n, NUMBERS): now and then padded, mostly cropped, as SSD trains.

    SSD paper (Liu et al. 2016), sections 2.2 and 3.6: the image is set into a canvas of up to 4 x 4 times its
    size ("zoom out"), then a crop of the canvas is tried that overlaps some object enough ("zoom in").
    """
    pad, scale, place, crop, order, candidates = np.split(numbers, _PARTS[:-1], axis=1)
    frames = _pad(pad, scale, place, sizes)
    crops, possible = _crop(candidates.reshape(-1, 4, _CANDIDATES), frames)
    # Each sampler's candidates in turn: the first that will do is taken.
    least = _MIN_OVERLAPS[order.argsort(axis=1)].repeat(_TRIALS, axis=1)
    accepted = possible & _accepted(crops, corners * _sides(sizes), least) & (crop < _CROP_PROBABILITY)
    images, first = np.arange(len(numbers)), accepted.argmax(axis=1)
    return np.where(accepted[images, first, None], crops[images, first], frames)


def move(corners: Numbers, windows: Numbers, sizes: Numbers) -> tuple[NDArray[np.bool_], Numbers]:
    """Say which objects (n, m) windows show, and return the corners of all in fractions of the windows.

    Objects whose center lies outside are not shown, the others are cut at the window's edges.
    """
    pixels = corners * _sides(sizes)
    shown = _centers_inside(pixels, windows[:, None])[:, 0]
    left_top = windows[:, :2]
    moved = (pixels - np.tile(left_top, 2)[:, None]) / _sides(windows[:, 2:] - left_top)
    return shown, boxes.clip(moved)


def _pad(pad: Numbers, scale: Numbers, place: Numbers, sizes: Numbers) -> Numbers:
    """Return the canvases (n, 4) into which the images are set: most of them the images themselves."""
    scales = 1 + (_MAX_PAD_SCALE - 1) * scale
    scales = np.where((pad < _PAD_PROBABILITY) & (scales >= _MIN_PAD_SCALE), scales, 1)
    left_top = np.rint(-place * (scales - 1) * sizes)
    return np.concatenate([left_top, left_top + np.rint(scales * sizes)], axis=1)


def _crop(numbers: Numbers, frames: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return candidates (n, k, 4) within frames, and say of each (n, k) whether there can be such a crop."""
    scale, ratio, x, y = numbers.transpose(1, 0, 2)
    left, top, right, bottom = frames.T[:, :, None]
    scales = _SCALES[0] + (_SCALES[1] - _SCALES[0]) * scale
    squares = scales * scales
    # The ratio of a crop's sides in fractions of the frame: the crop stays within it, and its aspect in bounds.
    aspects = (right - left) / (bottom - top)
    least = np.maximum(squares, _ASPECT_RATIOS[0] / aspects)
    most = np.minimum(1 / squares, _ASPECT_RATIOS[1] / aspects)
    ratios = np.sqrt(least + (most - least) * ratio)
    lefts, rights = _span(x, scales * ratios, right - left)
    tops, bottoms = _span(y, scales / ratios, bottom - top)
    return np.stack([left + lefts, top + tops, left + rights, top + bottoms], axis=2), least <= most


def _span(place: Numbers, sides: Numbers, pixels: Numbers) -> tuple[Numbers, Numbers]:
    """Return where crops begin and end on an axis, by sides in fractions of it: a pixel at least, none beyond it."""
    corners = place * np.maximum(1 - sides, 0)
    starts = np.minimum(np.rint(corners * pixels), pixels - 1)
    ends = np.minimum(np.maximum(np.rint((corners + sides) * pixels), starts + 1), pixels)
    return starts, ends


def _accepted(crops: Numbers, corners: Numbers, least: Numbers) -> NDArray[np.bool_]:
    """Say of each crop (n, k) whether it shows the center of an object, and overlaps some object by its least IoU.

    Without objects there is nothing to ask for.
    """
    overlaps = (boxes.iou(crops, corners) >= least[:, :, None]).any(axis=2)
    shows = _centers_inside(corners, crops).any(axis=2)
    accepted: NDArray[np.bool_] = (overlaps & shows) | np.isnan(corners[:, :, 0]).all(axis=1, keepdims=True)
    return accepted


def _centers_inside(corners: Numbers, windows: Numbers) -> NDArray[np.bool_]:
    """Say of each window (n, k, 4) and each object whether its center lies inside, (n, k, m)."""
    centers = (corners[:, :, :2] + corners[:, :, 2:]) / 2
    x, y = centers[:, None, :, 0], centers[:, None, :, 1]
    left, top, right, bottom = windows.transpose(2, 0, 1)[:, :, :, None]
    inside: NDArray[np.bool_] = (left <= x) & (x < right) & (top <= y) & (y < bottom)
    return inside


def _sides(sizes: Numbers) -> Numbers:
    """Return what corners in fractions are multiplied by to be pixels, (n, 1, 4)."""
    return np.tile(sizes, 2)[:, None]
