"""Augmentation: pixels and boxes move together, and each kind does what it says and no more."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.data import augment, windows
from gluon_ssd.data.augment import Choice
from gluon_ssd.data.color import ColorChange
from gluon_ssd.data.windows import Window

SHAPE = (240, 320)
RECTANGLES = [(20, 30, 90, 120), (130, 10, 300, 100), (40, 140, 130, 230), (180, 120, 260, 200), (280, 150, 310, 230)]


def _scene() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return an image of rectangles that do not overlap, the k-th of red 50 + 30 k, and their objects of class k."""
    image = np.zeros((*SHAPE, 3), np.uint8)
    for number, (left, top, right, bottom) in enumerate(RECTANGLES):
        image[top:bottom, left:right] = (50 + 30 * number, 0, 0)
    corners = np.array(RECTANGLES) / (320, 240, 320, 240)
    numbers = np.arange(len(RECTANGLES))[:, None]
    return image, np.concatenate([numbers, corners, numbers % 2], axis=1).astype(np.float32)


def _extent(image: NDArray[np.uint8], number: int) -> list[int]:
    rows, columns = np.nonzero((image == (50 + 30 * number, 0, 0)).all(axis=2))
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("size", [300, 96])
def test_every_box_lies_on_its_object(size: int) -> None:
    image, objects = _scene()
    rng = np.random.default_rng(29)
    seen = 0
    for _ in range(150):
        drawn = augment.draw(rng, objects, SHAPE, augmentation="full")
        choice = replace(drawn, interpolation=cv2.INTER_NEAREST, color=ColorChange())
        augmented = augment.apply(image, choice, size)
        for row in augment.move(objects, choice, SHAPE).tolist():
            if min(row[3] - row[1], row[4] - row[2]) * size < 3:
                continue  # nearest pixels may miss what is thinner
            np.testing.assert_allclose(np.array(row[1:5]) * size, _extent(augmented, int(row[0])), atol=1.5)
            assert row[5] == row[0] % 2
            seen += 1
    assert seen > 200


def test_a_crop_without_resizing_is_the_cut_itself() -> None:
    image = np.random.default_rng(31).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    choice = Choice(Window(50, 60, 150, 160))
    np.testing.assert_array_equal(augment.apply(image, choice, 100), image[60:160, 50:150])
    mirrored = augment.apply(image, replace(choice, mirror=True), 100)
    np.testing.assert_array_equal(mirrored, image[60:160, 50:150][:, ::-1])
    assert mirrored.flags.c_contiguous


def test_what_lies_outside_the_image_is_gray_whatever_the_colors() -> None:
    image = np.full((100, 100, 3), 200, np.uint8)
    choice = Choice(Window(-100, -50, 100, 150), color=ColorChange(lightness=-20, contrast=0.25))
    augmented = augment.apply(image, choice, 200)
    inside = np.zeros((200, 200), bool)
    inside[50:150, 100:200] = True
    assert np.unique(augmented[~inside]).tolist() == [127]
    assert np.unique(augmented[inside]).tolist() == [225]


def test_a_window_beside_the_image_is_all_gray() -> None:
    augmented = augment.apply(np.zeros((100, 100, 3), np.uint8), Choice(Window(200, 0, 300, 100)), 64)
    assert np.unique(augmented).tolist() == [127]


def test_mirroring_mirrors_the_boxes_and_twice_restores_them() -> None:
    _, objects = _scene()
    choice = Choice(windows.whole(SHAPE), mirror=True)
    mirrored = augment.move(objects, choice, SHAPE)
    np.testing.assert_allclose(mirrored[0], [0, 1 - 90 / 320, 30 / 240, 1 - 20 / 320, 120 / 240, 0], rtol=1e-6)
    np.testing.assert_allclose(augment.move(mirrored, choice, SHAPE), objects, atol=1e-6)


def test_none_only_resizes() -> None:
    image, objects = _scene()
    choice = augment.draw(np.random.default_rng(0), objects, SHAPE, augmentation="none")
    assert choice == Choice(Window(0, 0, 320, 240), mirror=False, interpolation=cv2.INTER_LINEAR, color=ColorChange())
    np.testing.assert_array_equal(augment.apply(image, choice, 100), cv2.resize(image, (100, 100)))
    np.testing.assert_allclose(augment.move(objects, choice, SHAPE), objects, atol=1e-7)


def test_light_keeps_the_frame_and_mirrors_half_the_time() -> None:
    _, objects = _scene()
    rng = np.random.default_rng(37)
    choices = [augment.draw(rng, objects, SHAPE, augmentation="light") for _ in range(1000)]
    assert {(choice.window, choice.interpolation) for choice in choices} == {
        (Window(0, 0, 320, 240), cv2.INTER_LINEAR),
    }
    assert np.mean([choice.mirror for choice in choices]) == pytest.approx(0.5, abs=0.064)
    assert len({choice.color for choice in choices}) > 500


def test_full_resizes_in_five_ways_equally_often() -> None:
    rng = np.random.default_rng(41)
    _, objects = _scene()
    drawn = [augment.draw(rng, objects, SHAPE, augmentation="full").interpolation for _ in range(1000)]
    ways, counts = np.unique(drawn, return_counts=True)
    assert ways.tolist() == [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_LANCZOS4]
    np.testing.assert_allclose(counts, 200, atol=51)


def test_full_never_loses_all_objects() -> None:
    _, objects = _scene()
    rng = np.random.default_rng(43)
    choices = [augment.draw(rng, objects[:1], SHAPE, augmentation="full") for _ in range(1000)]
    assert {len(augment.move(objects[:1], choice, SHAPE)) for choice in choices} == {1}


def test_equal_generators_draw_equal_choices() -> None:
    _, objects = _scene()
    first, second = (
        [augment.draw(rng, objects, SHAPE, augmentation="full") for _ in range(20)]
        for rng in (np.random.default_rng(47), np.random.default_rng(47))
    )
    assert first == second
