"""Augmentation: pixels and boxes move together, and each kind does what it says and no more."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.data import augment, images
from gluon_ssd.data.augment import Choice, Window
from gluon_ssd.data.color import ColorChange

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


def _draws(
    objects: NDArray[np.float32], count: int, augmentation: str, *, seed: int, shape: tuple[int, int] = SHAPE
) -> list[tuple[Choice, NDArray[np.float32]]]:
    """Draw so many choices for one image; return each with the objects that it leaves."""
    numbers = np.random.default_rng(seed).random((count, augment.NUMBERS))
    drawn = augment.draw(numbers, [objects] * count, [shape] * count, augmentation=augmentation)
    return list(zip(*drawn, strict=True))


def _apply(
    image: NDArray[np.uint8], choice: Choice, size: int, shape: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Paint a canvas, which comes with something on it, as one that is used again does."""
    canvas = np.full((size, size, 3), 99, np.uint8)
    shape = shape or (image.shape[0], image.shape[1])
    augment.apply(image, choice, shape, canvas, shrinkage=shape[0] // image.shape[0])
    return canvas


def _extent(image: NDArray[np.uint8], number: int) -> list[int]:
    rows, columns = np.nonzero((image == (50 + 30 * number, 0, 0)).all(axis=2))
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("size", [300, 96])
def test_every_box_lies_on_its_object(size: int) -> None:
    image, objects = _scene()
    seen = 0
    for drawn, left in _draws(objects, 150, "full", seed=29):
        choice = replace(drawn, interpolation=cv2.INTER_NEAREST, color=ColorChange())
        augmented = _apply(image, choice, size)
        for row in left.tolist():
            if min(row[3] - row[1], row[4] - row[2]) * size < 3:
                continue  # nearest pixels may miss what is thinner
            np.testing.assert_allclose(np.array(row[1:5]) * size, _extent(augmented, int(row[0])), atol=1.5)
            assert row[5] == row[0] % 2
            seen += 1
    assert seen > 200


def test_an_image_that_was_decoded_smaller_shows_the_same_objects_in_the_same_places() -> None:
    # Smooth, so that what is compared is where things are, not how sharp they are.
    noise = np.random.default_rng(30).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    whole = cv2.resize(noise, (1280, 960), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    objects = np.array([[0, 0.1, 0.1, 0.9, 0.9, 0]], np.float32)
    used = set()
    for drawn, _ in _draws(objects, 60, "full", seed=31, shape=(960, 1280)):
        choice = replace(drawn, interpolation=cv2.INTER_LINEAR)
        factor = augment.shrinkage(choice, 128)
        used.add(factor)
        left, top, right, bottom = choice.window
        assert factor * 128 <= max(128, min(right - left, bottom - top))
        smaller = cv2.resize(whole, (1280 // factor, 960 // factor), interpolation=cv2.INTER_AREA).astype(np.uint8)
        there, here = (_apply(image, choice, 128, (960, 1280)).astype(int) for image in (whole, smaller))
        assert np.abs(there - here).mean() < 3
    assert used >= {2, 4, 8}


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [64, 65])
def test_boxes_lie_on_their_objects_in_a_jpeg_of_odd_sides_that_is_decoded_smaller(size: int, factor: int) -> None:
    # A white square on black, in an image whose sides no factor divides.
    shape, corners = (8 * 65 + 51, 8 * 65 + 73), (161, 129, 421, 447)
    pixels = np.zeros((*shape, 3), np.uint8)
    left, top, right, bottom = corners
    pixels[top:bottom, left:right] = 255
    jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    image = images.decode(jpeg, shrinkage=factor, draft=True)
    for window in (
        Window(0, 0, shape[1], shape[0]),
        Window(7, 13, 7 + 8 * size, 13 + 8 * size),
        Window(-99, -51, 640, 700),
    ):
        for mirror in (False, True):
            canvas = np.empty((size, size, 3), np.uint8)
            augment.apply(image, Choice(window, mirror), shape, canvas, shrinkage=factor)
            expected = (np.array(corners) - (window.left, window.top) * 2) * size
            expected = expected / np.tile((window.right - window.left, window.bottom - window.top), 2)
            if mirror:
                expected[[0, 2]] = size - expected[[2, 0]]
            rows, columns = np.nonzero(canvas[:, :, 0] > 190)
            found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(found, expected, atol=1)


def test_a_sliver_of_an_image_that_is_decoded_smaller_is_shown() -> None:
    # Two rows of the image in a window of 8 x 301: a row of the canvas, and less than half a row of what was decoded.
    image = np.full((50, 50, 3), 200, np.uint8)
    canvas = _apply(image, Choice(Window(0, -2404, 2408, 4)), 301, (400, 400))
    assert 200 in canvas


@pytest.mark.parametrize(
    ("window", "factor"),
    [
        (Window(0, 0, 599, 900), 1),
        (Window(0, 0, 600, 900), 2),
        (Window(-600, -600, 600, 600), 4),
        (Window(0, 0, 4000, 3000), 8),
    ],
)
def test_an_image_is_decoded_smaller_only_while_it_still_has_to_be_shrunk(window: Window, factor: int) -> None:
    assert augment.shrinkage(Choice(window), 300) == factor


def test_a_crop_without_resizing_is_the_cut_itself() -> None:
    image = np.random.default_rng(31).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    choice = Choice(Window(50, 60, 150, 160))
    np.testing.assert_array_equal(_apply(image, choice, 100), image[60:160, 50:150])
    mirrored = _apply(image, replace(choice, mirror=True), 100)
    np.testing.assert_array_equal(mirrored, image[60:160, 50:150][:, ::-1])


def test_what_lies_outside_the_image_is_gray_whatever_the_colors() -> None:
    image = np.full((100, 100, 3), 200, np.uint8)
    choice = Choice(Window(-100, -50, 100, 150), color=ColorChange(lightness=-20, contrast=0.25))
    augmented = _apply(image, choice, 200)
    inside = np.zeros((200, 200), bool)
    inside[50:150, 100:200] = True
    assert np.unique(augmented[~inside]).tolist() == [127]
    assert np.unique(augmented[inside]).tolist() == [225]


def test_a_window_beside_the_image_is_all_gray() -> None:
    augmented = _apply(np.zeros((100, 100, 3), np.uint8), Choice(Window(200, 0, 300, 100)), 64)
    assert np.unique(augmented).tolist() == [127]


def test_mirroring_mirrors_the_boxes_and_twice_restores_them() -> None:
    _, objects = _scene()
    # Zeros draw what is drawn at all: here a mirror.
    numbers = np.zeros((1, augment.NUMBERS))
    (choice,), (mirrored,) = augment.draw(numbers, [objects], [SHAPE], augmentation="light")
    assert choice.mirror
    np.testing.assert_allclose(mirrored[0], [0, 1 - 90 / 320, 30 / 240, 1 - 20 / 320, 120 / 240, 0], rtol=1e-6)
    _, (restored,) = augment.draw(numbers, [mirrored], [SHAPE], augmentation="light")
    np.testing.assert_allclose(restored, objects, atol=1e-6)


def test_none_only_resizes() -> None:
    image, objects = _scene()
    ((choice, left),) = _draws(objects, 1, "none", seed=0)
    assert choice == Choice(Window(0, 0, 320, 240), mirror=False, interpolation=cv2.INTER_LINEAR, color=ColorChange())
    np.testing.assert_array_equal(_apply(image, choice, 100), cv2.resize(image, (100, 100)))
    np.testing.assert_allclose(left, objects, atol=1e-7)


def test_light_keeps_the_frame_and_mirrors_half_the_time() -> None:
    _, objects = _scene()
    choices = [choice for choice, _ in _draws(objects, 1000, "light", seed=37)]
    assert {(choice.window, choice.interpolation) for choice in choices} == {
        (Window(0, 0, 320, 240), cv2.INTER_LINEAR),
    }
    assert np.mean([choice.mirror for choice in choices]) == pytest.approx(0.5, abs=0.064)
    assert len({choice.color for choice in choices}) > 500


def test_full_resizes_in_five_ways_equally_often() -> None:
    _, objects = _scene()
    drawn = [choice.interpolation for choice, _ in _draws(objects, 1000, "full", seed=41)]
    ways, counts = np.unique(drawn, return_counts=True)
    assert ways.tolist() == [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_LANCZOS4]
    np.testing.assert_allclose(counts, 200, atol=51)


def test_full_never_loses_all_objects() -> None:
    _, objects = _scene()
    assert {len(left) for _, left in _draws(objects[:1], 1000, "full", seed=43)} == {1}


def test_images_that_are_drawn_for_together_are_drawn_for_as_alone() -> None:
    _, objects = _scene()
    several = [objects, objects[:0], objects[:2], objects[2:]]
    shapes = [SHAPE, (50, 60), (300, 100), (1, 1)]
    numbers = np.random.default_rng(47).random((4, augment.NUMBERS))
    together = list(zip(*augment.draw(numbers, several, shapes, augmentation="full"), strict=True))
    for index, (choice, left) in enumerate(together):
        one = slice(index, index + 1)
        (alone,), (left_alone,) = augment.draw(numbers[one], several[one], shapes[one], augmentation="full")
        assert alone == choice
        np.testing.assert_array_equal(left_alone, left)
