"""Batches for training and validation: the order of a channel, loaded by worker processes."""

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from gluon_ssd.data import order
from gluon_ssd.data.chunks import chunks
from gluon_ssd.data.dataset import Dataset
from gluon_ssd.data.loading import Batch, Loader, TaskLoader
from gluon_ssd.data.order import Place
from gluon_ssd.data.share import WHOLE, Share
from gluon_ssd.data.unreadable import UnreadableImages
from gluon_ssd.data.workers import Workers

__all__ = [
    "Batch",
    "BatchForm",
    "LoadedBatches",
    "TrainingBatches",
    "ValidationBatches",
    "warn_of_repeats",
]

logger = logging.getLogger(__name__)

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True)
class BatchForm:
    """Of which channel, how many images, and how large: what all batches of a channel have in common.

    `share` is what this worker takes of a channel that other workers read too.
    """

    channel: str
    batch_size: int
    image_size: int
    share: Share = WHOLE

    @property
    def batch_of_all(self) -> int:
        """How many images all workers take together at a time."""
        return self.batch_size * self.share.workers


class LoadedBatches(ABC, Generic[T, K]):
    """What all batches of a channel share: worker processes that end with the context, and unreadable images."""

    def __init__(self, loader: TaskLoader[T, K], form: BatchForm, *, num_workers: int) -> None:
        self._form = form
        shape = (form.batch_size, form.image_size, form.image_size, 3)
        self._workers = Workers(loader, num_workers, shape, channel=form.channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes."""
        self._workers.close()

    def _load(self, tasks: Iterable[T]) -> Iterator[Batch]:
        for loaded in self._workers.load(tasks):
            self._note(loaded.unreadable)
            if loaded.batch is not None:
                yield loaded.batch

    @abstractmethod
    def _note(self, unreadable: Mapping[K, str]) -> None:
        """Take note of the unreadable images of a batch; raise UserError when they have become too many."""


class _IndexedBatches(LoadedBatches[Sequence[Place], int]):
    """Batches of samples that are read by index."""

    def __init__(self, loader: Loader, form: BatchForm, *, num_workers: int) -> None:
        super().__init__(loader, form, num_workers=num_workers)
        self._images = len(loader.dataset)
        self._unreadable = UnreadableImages(loader.dataset, channel=form.channel)

    def _note(self, unreadable: Mapping[int, str]) -> None:
        self._unreadable.note(unreadable)


class TrainingBatches(_IndexedBatches):
    """The batches of the training channel: shuffled, augmented, all of the same size.

    Equal seeds give equal batches, whatever `num_workers`; 0 loads in this process.
    """

    def __init__(
        self,
        dataset: Dataset,
        form: BatchForm,
        *,
        augmentation: str,
        seed: int,
        num_workers: int,
        shuffle: bool = True,
    ) -> None:
        loader = Loader(dataset, augmentation, seed, replace=True)
        super().__init__(loader, form, num_workers=num_workers)
        self.images = len(dataset)
        self._pace = self.images
        self._seed = seed
        self._shuffle = shuffle
        warn_of_repeats(form, len(dataset))

    def keep_pace(self, images: int) -> None:
        """Let epochs be as long as those of `images`, the most that any worker has of a channel that is split."""
        self._pace = images

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, counted from 0; in any order of epochs, but one at a time."""
        together = self._form.batch_of_all
        span = order.span(self._pace, together, epoch)
        count = span.batches * together
        places = order.places(self._images, self._seed, first=span.first, count=count, shuffle=self._shuffle)
        return self._load(map(self._form.share.of, chunks(places, together)))


class ValidationBatches(_IndexedBatches):
    """The batches of the validation channel: every readable image once, in channel order, only resized.

    The last batch may be smaller, and so is one with unreadable images. Of several workers each has a block of them.
    """

    def __init__(self, dataset: Dataset, form: BatchForm, *, num_workers: int) -> None:
        loader = Loader(dataset, "none", seed=0, replace=False)
        super().__init__(loader, form, num_workers=num_workers)
        self._records = form.share.block(len(dataset))

    def __len__(self) -> int:
        return math.ceil(len(self._records) / self._form.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        places = (Place(0, record) for record in self._records)
        return self._load(chunks(places, self._form.batch_size))


def warn_of_repeats(form: BatchForm, images: int) -> None:
    """Say so where a channel has so few images that a batch holds some of them twice."""
    if form.batch_of_all > images:
        logger.warning(
            "%s channel: expected at least mini_batch_size (%s) images, got %d; batches repeat images",
            form.channel,
            f"{form.batch_size} x {form.share.workers} workers" if form.share.workers > 1 else form.batch_size,
            images,
        )
