"""The order of training: an endless stream of passages over the data, each shuffled, and which part is an epoch.

Batches run on from one passage into the next, as the built-in algorithm's iterator has them: 150 images in
batches of 16 make epochs of 10, 9, 10, 9, 9, 10 batches. Where an epoch starts follows from the number of
images, the batch size (of all workers together) and the epoch alone.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gluon_ssd.data import randomness


class Span(NamedTuple):
    """The part of the stream that one epoch takes: its first position, and how many batches follow from there."""

    first: int
    batches: int


class Place(NamedTuple):
    """One position of the stream: which record is read there, in which passage over the data."""

    passage: int
    record: int


def span(images: int, batch_size: int, epoch: int) -> Span:
    """Return the part of the stream that an epoch takes.

    An epoch starts where the last one ended and takes batches until the passage it starts in is used up.
    """
    if batch_size >= images:
        return Span(epoch * batch_size, 1)
    # Epoch k starts in passage k, at the first batch that does.
    first, end = -(-epoch * images // batch_size), -(-(epoch + 1) * images // batch_size)
    return Span(first * batch_size, end - first)


def places(images: int, seed: int, *, first: int, count: int, shuffle: bool = True) -> Iterator[Place]:
    """Yield what is read at `count` positions of the stream from `first` on; without `shuffle`, in channel order."""
    position, end = first, first + count
    while position < end:
        passage, offset = divmod(position, images)
        rng = randomness.for_passage(seed, passage=passage)
        order = rng.permutation(images) if shuffle else np.arange(images)
        taken = order[offset : offset + end - position].tolist()
        yield from (Place(passage, record) for record in taken)
        position += len(taken)
