"""The order of training on a stream, beside that of a data set which is read by index."""

from collections.abc import Generator
from itertools import islice

import numpy as np
import pytest

from gluon_ssd.data import order
from gluon_ssd.data.order import Place
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.stream_order import StreamOrder, StreamTasks

NOTHING = np.zeros((0, 6), np.float32)


class Numbers:
    """A stream whose passes hold the numbers from 0 to `images` - 1."""

    def __init__(self, images: int) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self._images = images

    def passage(self, passage: int) -> Generator[Sample, None, None]:
        self.begun.append(passage)
        try:
            for number in range(self._images):
                yield Sample(b"%d" % number, NOTHING)
        finally:
            self.ended.append(passage)

    def where(self, place: Place) -> str:
        return str(place)


def _tasks(stream: Numbers, batch_size: int, *, epochs: int = 8, shuffle_buffer: int = 1, seed: int = 0) -> StreamTasks:
    return StreamTasks(stream, StreamOrder(range(epochs), seed, shuffle_buffer), batch_size)


def _read(tasks: StreamTasks, epochs: int) -> list[list[list[Place]]]:
    return [[[placed.place for placed in task] for task in tasks.epoch()] for _ in range(epochs)]


@pytest.mark.parametrize(
    ("images", "batch_size"), [(15, 4), (4, 4), (7, 6), (3, 8), (5, 8), (1, 5), (100, 7), (16, 4), (150, 16), (4, 8)]
)
def test_epochs_without_shuffling_are_those_of_a_data_set_to_the_last_place(images: int, batch_size: int) -> None:
    streamed = _read(_tasks(Numbers(images), batch_size), epochs=8)
    for epoch, tasks in enumerate(streamed):
        span = order.span(images, batch_size, epoch)
        places = order.places(images, 0, first=span.first, count=span.batches * batch_size, shuffle=False)
        assert tasks == [list(islice(places, batch_size)) for _ in range(span.batches)]


def test_every_place_carries_its_own_sample() -> None:
    for task in _tasks(Numbers(10), 4, epochs=2, shuffle_buffer=5).epoch():
        assert all(int(placed.sample.image) == placed.place.record for placed in task)


def test_the_last_batch_of_the_job_waits_for_no_further_pass() -> None:
    stream = Numbers(10)
    places = _read(_tasks(stream, 4, epochs=1), epochs=1)[0][-1]
    assert places == [Place(0, 8), Place(0, 9), Place(1, 0), Place(1, 1)]
    assert stream.begun == stream.ended == [0]


def test_a_pass_is_begun_when_it_is_needed_and_not_before() -> None:
    stream = Numbers(8)
    tasks = _tasks(stream, 4)
    _read(tasks, epochs=1)
    assert stream.begun == stream.ended == [0]
    next(tasks.epoch())
    assert stream.begun == [0, 1]
    tasks.close()
    assert stream.ended == [0, 1]


def test_every_pass_is_shuffled_differently_and_holds_every_image_once() -> None:
    epochs = _read(_tasks(Numbers(20), 5, shuffle_buffer=8), epochs=2)
    orders = [[place.record for task in epoch for place in task] for epoch in epochs]
    assert [sorted(one) for one in orders] == [list(range(20))] * 2
    assert orders[0] != orders[1]
    assert orders[0] != list(range(20))


def test_another_seed_is_another_order() -> None:
    first, same, other = (_read(_tasks(Numbers(20), 5, shuffle_buffer=8, seed=seed), 1) for seed in (1, 1, 2))
    assert first == same != other


def test_images_are_counted_by_pass() -> None:
    tasks = _tasks(Numbers(10), 4)
    _read(tasks, epochs=1)
    assert dict(tasks.images) == {0: 10, 1: 3}  # two are in a batch, one was read to know that they are not the last


def test_passes_are_numbered_like_the_epochs_of_the_job() -> None:
    stream = Numbers(4)
    tasks = StreamTasks(stream, StreamOrder(range(5, 7), 0, 1), 4)
    assert [places[0][0].passage for places in _read(tasks, epochs=2)] == [5, 6]
    assert stream.begun == [5, 6]
