"""The order of training on a stream: passes that follow each other, each shuffled within a buffer.

Batches run on from one pass into the next, as those of a data set that is read by index (see `order`). The size of a
pass shows when it ends, so an epoch is known to be over only then.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count, pairwise
from typing import TypeVar, cast

from gluon_ssd.data import randomness
from gluon_ssd.data.dataset import SampleStream
from gluon_ssd.data.loading import Placed
from gluon_ssd.data.order import Place
from gluon_ssd.data.shuffle_buffer import shuffled

T = TypeVar("T")


@dataclass(frozen=True)
class StreamOrder:
    """Which passes there are, and how each is shuffled: within `shuffle_buffer` images; 1 keeps the stream's order."""

    passages: range
    seed: int
    shuffle_buffer: int


class StreamTasks:
    """The tasks of epoch after epoch: batches of samples, all of the same size.

    Attributes:
        images: how many images were read of each pass so far.
    """

    def __init__(self, stream: SampleStream, order: StreamOrder, batch_size: int) -> None:
        self.images: Counter[int] = Counter()
        self._stream = stream
        self._order = order
        self._batch_size = batch_size
        self._endless = self._read_on()

    def epoch(self) -> Iterator[list[Placed]]:
        """Yield batches from where the last epoch ended until the pass that this one starts in is used up."""
        used_up = False
        while not used_up:
            batch = []
            for _ in range(self._batch_size):
                placed, is_last = next(self._endless)
                batch.append(placed)
                used_up |= is_last
            yield batch

    def close(self) -> None:
        """End the pass that is being read."""
        self._endless.close()

    def _read_on(self) -> Generator[tuple[Placed, bool], None, None]:
        """Yield the samples of all passes, each with whether it is the last of its pass, and then the end's filling."""
        head: list[Placed] = []
        for passage in self._order.passages:
            head.clear()
            with closing(self._passage(passage)) as placements:
                for placed, is_last in _marked(placements):
                    if len(head) < self._batch_size:
                        head.append(placed)
                    yield placed, is_last
        # A job asks for no more passes than it has epochs: a pipe that never comes would hold up its end. So its last
        # batch is filled with the images that the last pass began with, as if they came in yet another one.
        for passage in count(self._order.passages.stop):
            for placed, is_last in _marked(head):
                yield Placed(Place(passage, placed.place.record), placed.sample), is_last

    def _passage(self, passage: int) -> Generator[Placed, None, None]:
        rng = randomness.for_passage(self._order.seed, passage=passage)
        with closing(self._stream.passage(passage)) as samples:
            placed = (Placed(Place(passage, record), sample) for record, sample in enumerate(samples))
            for one in shuffled(placed, self._order.shuffle_buffer, rng):
                self.images[passage] += 1
                yield one


def _marked(items: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield each item with whether it is the last."""
    for item, following in pairwise(chain(items, [None])):
        yield cast("T", item), following is None
