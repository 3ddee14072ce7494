"""Which part of a channel's data one of several workers takes, where all of them can read all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """The share of worker `rank` of `workers`: to train on, its part of every batch that they take together.

    So all of them have equally many batches an epoch, however many images there are, and read every image once a
    passage between them. To validate on it is a block, so that their detections come in order of the images. `of_host`
    of them, whose ranks follow each other, are on each host.
    """

    rank: int = 0
    workers: int = 1
    of_host: int = 1

    def of(self, batch: Sequence[T]) -> Sequence[T]:
        """Return this worker's part of a batch of all workers, whose length they divide."""
        size = len(batch) // self.workers
        return batch[self.rank * size : (self.rank + 1) * size]

    def block(self, images: int) -> range:
        """Return this worker's part of so many images, as even as it goes: those of all workers, in turn, are all."""
        return range(self.rank * images // self.workers, (self.rank + 1) * images // self.workers)

    @property
    def of_own_host(self) -> "Share":
        """The share of what only the workers of this one's host can read."""
        return Share(self.rank % self.of_host, self.of_host)


WHOLE = Share()
"""What the only worker takes."""
