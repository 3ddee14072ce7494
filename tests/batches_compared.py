"""What tests look at in batches."""

from collections.abc import Iterable

import numpy as np

from gluon_ssd.data.batches import Batch


def grays_of(batches: Iterable[Batch]) -> list[list[int]]:
    """Return the first pixel of each image, batch by batch: images of one gray each are told apart by it."""
    return [batch.images[:, 0, 0, 0].tolist() for batch in batches]


def objects_in(batches: Iterable[Batch]) -> int:
    """Return how many objects there are, the padding left out."""
    return sum(int((batch.objects[:, :, 0] >= 0).sum()) for batch in batches)


def assert_equal(some: Iterable[Batch], others: Iterable[Batch]) -> None:
    """Compare batches, and how many there are."""
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.objects, other.objects)
