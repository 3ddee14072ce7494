"""Turns of a batch: many images at a time become what each becomes alone, whichever of them cannot be decoded."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.data import augment, randomness
from gluon_ssd.data import images as stored
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.turn import Turn, paint

SIZE = 48
COUNT = 40
CUT = {3, 17, 18, 31}  # whose pixels break off, behind a header that is as it should be


def _sample(number: int) -> Sample:
    """A JPEG of its own size, from half to twelve times what it is to become, with objects of its class."""
    rng = np.random.default_rng(number)
    side = int(rng.choice([24, 61, 150, 333, 577]))
    noise = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", cv2.resize(noise, (side + number, side), interpolation=cv2.INTER_CUBIC))[1].tobytes()
    corners = rng.uniform(0, 0.5, (number % 4, 2))
    objects = np.concatenate([np.full((number % 4, 1), number), corners, corners + 0.4, np.zeros((number % 4, 1))], 1)
    return Sample(data[: len(data) // 2] if number in CUT else data, objects.astype(np.float32))


SAMPLES = [_sample(number) for number in range(COUNT)]


def _turns(reasons: dict[int, str], *, stand_in: bool) -> Iterator[Turn[int]]:
    for number in range(COUNT):
        candidates = [number, (number + 1) % COUNT, (number + 2) % COUNT] if stand_in else [number]
        rng = randomness.for_record(7, passage=0, record=number)
        yield Turn([(one, SAMPLES[one]) for one in candidates], rng, reasons)


def _alone(number: int, augmentation: str, turn: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return what an image becomes with the random numbers of a turn, by itself."""
    sample = SAMPLES[number]
    width, height = stored.size(sample.image)
    numbers = randomness.for_record(7, passage=0, record=turn).random((1, augment.NUMBERS))
    (choice,), (objects,) = augment.draw(numbers, [sample.objects], [(height, width)], augmentation=augmentation)
    shrinkage = 1 if augmentation == "none" else augment.shrinkage(choice, SIZE)
    canvas = np.empty((SIZE, SIZE, 3), np.uint8)
    image = stored.decode(sample.image, shrinkage=shrinkage, draft=augmentation != "none")
    augment.apply(image, choice, (height, width), canvas, shrinkage=shrinkage)
    return canvas, objects


@pytest.mark.parametrize("augmentation", ["none", "light", "full"])
@pytest.mark.parametrize("stand_in", [False, True])
def test_many_images_become_what_each_becomes_alone(augmentation: str, stand_in: bool) -> None:  # noqa: FBT001 - a case
    reasons: dict[int, str] = {}
    images = np.full((COUNT, SIZE, SIZE, 3), 1, np.uint8)
    objects = paint(_turns(reasons, stand_in=stand_in), augmentation, images)
    assert set(reasons) == CUT
    assert all("a JPEG that breaks off after" in reason for reason in reasons.values())
    # The next that can be read stands in for the broken ones: 18 is broken too.
    shown = [(number, {3: 4, 17: 19, 18: 19, 31: 32}.get(number, number)) for number in range(COUNT)]
    expected = [(turn, number) for turn, number in shown if stand_in or turn == number]
    assert len(objects) == len(expected)
    for position, (turn, number) in enumerate(expected):
        image, rows = _alone(number, augmentation, turn)
        np.testing.assert_array_equal(images[position], image)
        np.testing.assert_array_equal(objects[position], rows)
    assert (images[len(expected) :] == 1).all()


def test_these_images_are_decoded_at_every_scale() -> None:
    scales = set()
    for number, sample in enumerate(SAMPLES):
        width, height = stored.size(sample.image)
        numbers = randomness.for_record(7, passage=0, record=number).random((1, augment.NUMBERS))
        (choice,), _ = augment.draw(numbers, [sample.objects], [(height, width)], augmentation="full")
        scales.add(augment.shrinkage(choice, SIZE))
    assert scales == {1, 2, 4, 8}
