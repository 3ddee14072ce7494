"""Batches for training and validation from a stream that is read once a pass, loaded by worker processes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from gluon_ssd.data.batches import Batch, BatchForm, LoadedBatches, warn_of_repeats
from gluon_ssd.data.chunks import chunks
from gluon_ssd.data.dataset import SampleStream
from gluon_ssd.data.loading import Placed, StreamLoader
from gluon_ssd.data.order import Place
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.stream_order import StreamOrder, StreamTasks
from gluon_ssd.data.unreadable import UnreadableInStream


class StreamedTrainingBatches(LoadedBatches[Sequence[Placed], Place]):
    """The batches of a training channel that is streamed: shuffled, augmented, all of the same size.

    The same stream and seed give equal batches, whatever `num_workers`; 0 loads in this process.
    """

    def __init__(
        self, stream: SampleStream, form: BatchForm, order: StreamOrder, *, augmentation: str, num_workers: int
    ) -> None:
        loader = StreamLoader(augmentation, order.seed, replace=True)
        super().__init__(loader, form, num_workers=num_workers)
        self._tasks = StreamTasks(stream, order, form.batch_of_all)
        self._first = order.passages.start
        self._epochs = iter(order.passages)
        self._unreadable = UnreadableInStream(stream, channel=form.channel, first=self._first)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of the next epoch, which `epoch` has to be: a stream cannot be read in another order."""
        expected = next(self._epochs, None)
        if epoch != expected:
            raise ValueError(f"epoch: expected {expected}, since a stream is read in order, got {epoch}")
        yield from self._load(map(self._form.share.of, self._tasks.epoch()))
        # A pass is used up before the epoch of its number ends, if not earlier.
        self._unreadable.judge(epoch, self._tasks.images[epoch])
        if epoch == self._first:
            warn_of_repeats(self._form, self._tasks.images[epoch])

    def close(self) -> None:
        """End the pass that is being read, and the worker processes."""
        self._tasks.close()
        super().close()

    def _note(self, unreadable: Mapping[Place, str]) -> None:
        self._unreadable.note(unreadable, self._tasks.images)


class StreamedValidationBatches(LoadedBatches[Sequence[Placed], Place]):
    """The batches of a validation channel that is streamed: every readable image once a pass, in order, only resized.

    The last batch may be smaller, and so is one with unreadable images. Each iteration takes the next pass.
    """

    def __init__(self, stream: SampleStream, form: BatchForm, *, first: int, num_workers: int) -> None:
        loader = StreamLoader("none", seed=0, replace=False)
        super().__init__(loader, form, num_workers=num_workers)
        self._stream = stream
        self._next = first
        self._images: dict[int, int] = {}
        self._unreadable = UnreadableInStream(stream, channel=form.channel, first=first)

    def __iter__(self) -> Iterator[Batch]:
        passage, self._next = self._next, self._next + 1
        with closing(self._stream.passage(passage)) as samples:
            yield from self._load(chunks(self._placed(samples, passage), self._form.batch_size))
        self._unreadable.judge(passage, self._images.get(passage, 0))

    def __length_hint__(self) -> int:
        """Return how many batches the last pass had; 0 before the end of the first, of which nothing tells."""
        return math.ceil(self._images.get(self._next - 1, 0) / self._form.batch_size)

    def _placed(self, samples: Iterator[Sample], passage: int) -> Iterator[Placed]:
        for record, sample in enumerate(samples):
            self._images[passage] = record + 1
            yield Placed(Place(passage, record), sample)

    def _note(self, unreadable: Mapping[Place, str]) -> None:
        self._unreadable.note(unreadable, self._images)
