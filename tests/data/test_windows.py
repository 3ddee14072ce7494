"""Windows: how they are drawn, beside plain Python and beside MXNet's iterator, and how objects move with them."""

import math
import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import augmentation_of_mxnet
from gluon_ssd import boxes
from gluon_ssd.data import windows

SHAPE = (300, 400)
BACKGROUND = np.zeros((0, 6), np.float32)
OBJECTS = np.array([[0, 0.25, 0.25, 0.75, 0.875, 0]], np.float32)


class _Window(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


def _edges(objects: NDArray[np.float32], count: int, *, shape: tuple[int, int] = SHAPE) -> NDArray[np.float64]:
    """Draw so many windows, rows (left, top, right, bottom), onto images of one shape with the same objects."""
    corners = np.tile(objects[:, 1:5].astype(np.float64), (count, 1, 1))
    if not len(objects):
        corners = np.full((count, 1, 4), np.nan)
    numbers = np.random.default_rng(17).random((count, windows.NUMBERS))
    return windows.draw(numbers, corners, _sizes(shape, count))


def _draws(objects: NDArray[np.float32], count: int, *, shape: tuple[int, int] = SHAPE) -> list[_Window]:
    edges = _edges(objects, count, shape=shape)
    assert (edges == edges.round()).all()
    return [_Window(*row) for row in edges.tolist()]


def _sizes(shape: tuple[int, int], count: int = 1) -> NDArray[np.float64]:
    return np.tile(np.array([shape[::-1]], np.float64), (count, 1))


def _move(objects: NDArray[np.float32], window: _Window, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Move the objects of one image; return class, corners and difficult of those that are shown."""
    shown, moved = windows.move(objects[None, :, 1:5].astype(np.float64), np.array([window]), _sizes(shape))
    rows: NDArray[np.float64] = np.concatenate([objects[:, :1], moved[0], objects[:, 5:]], axis=1)[shown[0]]
    return rows


def _iou(window: _Window, box: tuple[float, float, float, float]) -> float:
    width = max(0.0, min(window.right, box[2]) - max(window.left, box[0]))
    height = max(0.0, min(window.bottom, box[3]) - max(window.top, box[1]))
    both = window.width * window.height + (box[2] - box[0]) * (box[3] - box[1])
    return width * height / (both - width * height)


def _shows_whole(window: _Window) -> bool:
    return window.left <= 0 and window.top <= 0 and window.right >= SHAPE[1] and window.bottom >= SHAPE[0]


def test_the_whole_window_is_the_image() -> None:
    assert windows.whole(_sizes((300, 400), 2)).tolist() == [[0, 0, 400, 300]] * 2


def test_a_crop_overlaps_an_object_enough_and_shows_its_center() -> None:
    box = (100, 75, 300, 262.5)
    crops = [window for window in _draws(OBJECTS, 1500) if not _shows_whole(window)]
    assert len(crops) > 600
    assert min(_iou(window, box) for window in crops) >= 0.1
    assert all(window.left <= 200 < window.right and window.top <= 168.75 < window.bottom for window in crops)


def test_crops_keep_their_aspect_ratio_in_bounds_and_within_the_padded_image() -> None:
    for window in _draws(BACKGROUND, 1500):
        assert 0.49 < window.width / window.height < 2.04
        assert -1200 <= window.left < window.right <= 1600
        assert -900 <= window.top < window.bottom <= 1200
        assert window.width <= 1600
        assert window.height <= 1200
        # 0.3 x 0.3 of the image at least, but for the rounding to pixels.
        assert window.width * window.height > 0.089 * 400 * 300


def test_one_image_in_six_is_not_cropped_and_half_of_those_not_padded() -> None:
    frames = [window for window in _draws(BACKGROUND, 6000) if _shows_whole(window)]
    untouched = [window for window in frames if window == _Window(0, 0, 400, 300)]
    # Padding of less than 1.05 counts as none: 1/2 + 1/2 x 0.05 / 3.
    assert len(untouched) / 6000 == pytest.approx((0.5 + 0.5 * 0.05 / 3) / 6, abs=0.011)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1000), (1000, 1), (2, 3)])
def test_windows_of_thin_and_tiny_images_have_at_least_a_pixel(shape: tuple[int, int]) -> None:
    drawn = _draws(BACKGROUND, 200, shape=shape) + _draws(OBJECTS, 200, shape=shape)
    assert min(min(window.width, window.height) for window in drawn) >= 1


class _PlainDraw:
    """The same distribution in plain Python, one trial at a time, in fractions of the image."""

    def __init__(self, seed: int, box: tuple[float, float, float, float], aspect: float) -> None:
        self.random = random.Random(seed)  # noqa: S311 - no secrets here
        self.box = box
        self.aspect = aspect

    def draw(self) -> tuple[float, float, float, float]:
        frame = (0.0, 0.0, 1.0)
        if self.random.random() < 0.5:
            scale = self.random.uniform(1, 4)
            if scale >= 1.05:
                frame = (-self.random.uniform(0, scale - 1), -self.random.uniform(0, scale - 1), scale)
        whole = (frame[0], frame[1], frame[0] + frame[2], frame[1] + frame[2])
        if self.random.random() >= 5 / 6:
            return whole
        least = [0.1, 0.3, 0.5, 0.7, 0.9]
        self.random.shuffle(least)
        trials = ((one, self._crop(frame)) for one in least for _ in range(25))
        return next((crop for one, crop in trials if self._fits(crop, one)), whole)

    def _crop(self, frame: tuple[float, float, float]) -> tuple[float, float, float, float]:
        scale = self.random.uniform(0.3, 1)
        ratio = math.sqrt(
            self.random.uniform(max(0.5 / self.aspect, scale**2), min(2 / self.aspect, 1 / scale**2)),
        )
        width, height = scale * ratio, scale / ratio
        left = frame[0] + self.random.uniform(0, 1 - width) * frame[2]
        top = frame[1] + self.random.uniform(0, 1 - height) * frame[2]
        return left, top, left + width * frame[2], top + height * frame[2]

    def _fits(self, crop: tuple[float, float, float, float], least: float) -> bool:
        center = ((self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2)
        shown = crop[0] <= center[0] < crop[2] and crop[1] <= center[1] < crop[3]
        window = _Window(*crop)
        return shown and _iou(window, self.box) >= least


@pytest.mark.parametrize("box", [(0.25, 0.25, 0.75, 0.875), (0.0, 0.0, 1.0, 1.0)])
def test_windows_spread_as_those_of_a_plain_loop_over_trials(box: tuple[float, float, float, float]) -> None:
    plain = _PlainDraw(19, box, aspect=400 / 300)
    expected = np.array([plain.draw() for _ in range(4000)])
    objects = np.array([[0, *box, 0]], np.float32)
    drawn = _edges(objects, 4000) / (400, 300, 400, 300)
    # Twice four standard errors of a mean over 4,000.
    tolerance = 8 * expected.std(axis=0).max() / math.sqrt(4000)
    np.testing.assert_allclose(drawn.mean(axis=0), expected.mean(axis=0), atol=tolerance)
    np.testing.assert_allclose(drawn.std(axis=0), expected.std(axis=0), atol=tolerance)
    theirs, ours = (boxes.iou(rows, np.array([box]))[:, 0] for rows in (expected, drawn))
    for overlap in (0.3, 0.5, 0.7, 0.9):
        assert np.mean(ours >= overlap) == pytest.approx(np.mean(theirs >= overlap), abs=0.04)


def test_boxes_spread_as_those_of_mxnets_iterator(mxnet_draws: Path) -> None:
    theirs = np.load(mxnet_draws / "boxes.npy")
    rows = np.array(augmentation_of_mxnet.ONE, np.float32)
    ours = np.concatenate([_move(rows, window, SHAPE) for window in _draws(rows, 2000)])[:, 1:5]
    their_sides, our_sides = (corners[:, 2:4] - corners[:, 0:2] for corners in (theirs, ours))
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(our_sides.mean(axis=0), their_sides.mean(axis=0), atol=0.03)
    ours_sorted, theirs_sorted = np.sort(our_sides, axis=0), np.sort(their_sides, axis=0)
    np.testing.assert_allclose(ours_sorted[100::200], theirs_sorted[100::200], atol=0.06)


def test_objects_survive_as_in_mxnets_iterator(mxnet_draws: Path) -> None:
    theirs = np.load(mxnet_draws / "survivors.npy")
    rows = np.array(augmentation_of_mxnet.THREE, np.float32)
    left = [_move(rows, window, SHAPE)[:, 0] for window in _draws(rows, 2000)]
    ours = np.array([np.isin([0, 1, 2], classes) for classes in left])
    # Four standard errors of the difference of two shares of 2,000, at most.
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.064)
    for several in (1, 2, 3):
        assert (ours.sum(axis=1) == several).mean() == pytest.approx((theirs.sum(axis=1) == several).mean(), abs=0.064)


def test_objects_move_into_the_fractions_of_the_window() -> None:
    moved = _move(OBJECTS, _Window(-200, -300, 600, 300), SHAPE)
    np.testing.assert_allclose(moved, [[0.0, 300 / 800, 375 / 600, 500 / 800, 562.5 / 600, 0.0]], rtol=1e-6)


def test_objects_whose_center_is_outside_are_left_out_and_others_cut() -> None:
    objects = np.array([[0, 0, 0, 0.5, 0.5, 1], [1, 0.2, 0, 0.9, 1, 0], [2, 0.5, 0.5, 1, 1, 1]], np.float32)
    # The window ends at the middle of the image: the first center lies in it, the second beyond, the third on no edge.
    moved = _move(objects, _Window(100, 0, 200, 200), (400, 400))
    np.testing.assert_allclose(moved, [[0, 0, 0, 1, 1, 1]])
    moved = _move(objects, _Window(200, 200, 400, 400), (400, 400))
    np.testing.assert_allclose(moved, [[1.0, 0.0, 0.0, 0.8, 1.0, 0.0], [2.0, 0.0, 0.0, 1.0, 1.0, 1.0]], rtol=1e-6)


def test_moving_leaves_its_input_alone() -> None:
    before = OBJECTS.copy()
    _move(OBJECTS, _Window(100, 100, 300, 300), SHAPE)
    np.testing.assert_array_equal(OBJECTS, before)


def test_no_objects_stay_none() -> None:
    assert _move(BACKGROUND, _Window(100, 100, 300, 300), SHAPE).shape == (0, 6)
