"""The order of training: epochs as MXNet's iterator has them, every record once in each passage."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
import pytest

from gluon_ssd.data import order
from gluon_ssd.data.order import Place, Span


def _stepped(images: int, batch_size: int) -> Iterator[Span]:
    """Walk the stream batch by batch until the passage that an epoch starts in is used up."""
    position = 0
    while True:
        first, end = position, (position // images + 1) * images
        while position < end:
            position += batch_size
        yield Span(first, (position - first) // batch_size)


def _batches_of_mxnet(path: Path, images: int, batch_size: int, epochs: int) -> list[int]:
    _, image = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))
    writer = mx.recordio.MXRecordIO(str(path), "w")
    for number in range(images):
        header = mx.recordio.IRHeader(0, np.array([2, 5, 0, 0, 0, 1, 1], np.float32), number, 0)
        writer.write(mx.recordio.pack(header, image.tobytes()))
    writer.close()
    iterator = mx.io.ImageDetRecordIter(
        path_imgrec=str(path),
        data_shape=(3, 4, 4),
        batch_size=batch_size,
        label_pad_width=20,
        round_batch=True,
        preprocess_threads=1,
    )
    counts = []
    for _ in range(epochs):
        counts.append(sum(1 for _ in iterator))
        iterator.reset()
    return counts


@pytest.mark.parametrize(
    ("images", "batch_size", "batches"),
    [
        (150, 16, [10, 9, 10, 9, 9, 10]),
        (149, 16, [10, 9, 9, 10, 9, 9]),
        (300, 16, [19, 19, 19, 18]),
        (1152, 16, [72, 72, 72]),
        (1, 1, [1, 1]),
    ],
)
def test_epochs_have_the_batches_of_the_built_in_algorithm(images: int, batch_size: int, batches: list[int]) -> None:
    assert [order.span(images, batch_size, epoch).batches for epoch in range(len(batches))] == batches


@pytest.mark.parametrize(("images", "batch_size"), [(15, 4), (13, 5), (12, 4), (9, 8)])
def test_epochs_have_the_batches_of_mxnets_iterator(tmp_path: Path, images: int, batch_size: int) -> None:
    ours = [order.span(images, batch_size, epoch).batches for epoch in range(8)]
    assert ours == _batches_of_mxnet(tmp_path / "train.rec", images, batch_size, epochs=8)


@pytest.mark.parametrize(
    ("images", "batch_size"), [(15, 4), (4, 4), (7, 6), (3, 8), (5, 8), (1, 5), (100, 7), (16, 16)]
)
def test_spans_are_those_of_walking_the_stream(images: int, batch_size: int) -> None:
    walked = list(islice(_stepped(images, batch_size), 30))
    assert [order.span(images, batch_size, epoch) for epoch in range(30)] == walked


def test_every_passage_holds_every_record_once_in_an_order_of_its_own() -> None:
    places = list(order.places(10, 233, first=0, count=30))
    passages = [places[start : start + 10] for start in (0, 10, 20)]
    assert [{place.passage for place in passage} for passage in passages] == [{0}, {1}, {2}]
    orders = [[place.record for place in passage] for passage in passages]
    assert [sorted(one) for one in orders] == [list(range(10))] * 3
    assert orders[0] != orders[1] != orders[2] != orders[0]


@pytest.mark.parametrize(("first", "count"), [(0, 5), (7, 3), (8, 9), (25, 40), (30, 0)])
def test_any_part_of_the_stream_is_the_same_as_reading_it_from_the_start(first: int, count: int) -> None:
    stream = list(order.places(10, 233, first=0, count=100))
    assert list(order.places(10, 233, first=first, count=count)) == stream[first : first + count]


def test_a_batch_larger_than_the_data_wraps_round_several_times() -> None:
    places = list(order.places(3, 233, first=0, count=8))
    assert [place.passage for place in places] == [0, 0, 0, 1, 1, 1, 2, 2]


def test_another_seed_is_another_order() -> None:
    first, second = (list(order.places(50, seed, first=0, count=50)) for seed in (0, 1))
    assert first != second
    assert isinstance(first[0], Place)
