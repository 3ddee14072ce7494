"""Batches from streams: those of a file, whatever the number of workers, and what is unreadable in them."""

import json
import logging
from collections.abc import Callable
from operator import length_hint
from pathlib import Path

import cv2
import numpy as np
import pytest

from batches_compared import assert_equal, grays_of
from gluon_ssd.data.batches import Batch, BatchForm, TrainingBatches, ValidationBatches
from gluon_ssd.data.fifo import Patience
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.recordio_pipe import LabelLimits, RecordPipe
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.share import WHOLE, Share
from gluon_ssd.data.stream_batches import StreamedTrainingBatches, StreamedValidationBatches
from gluon_ssd.data.stream_order import StreamOrder
from gluon_ssd.errors import UserError
from pipe_service import served
from record_stream import frame

CLASSES = 200


def _image(number: int) -> bytes:
    """A PNG all of gray `number`, 32 by 16 pixels."""
    return cv2.imencode(".png", np.full((16, 32, 3), number, np.uint8))[1].tobytes()


def _boxes(number: int) -> list[tuple[int, int, int, int, int]]:
    """Class, left, top, width, height in pixels; as many as number mod 4."""
    return [(number, 2 + offset, 3, 16, 8) for offset in range(number % 4)]


def _record(number: int, image: bytes | None = None) -> bytes:
    rows = [
        (class_id, left / 32, top / 16, (left + width) / 32, (top + height) / 16, 0)
        for class_id, left, top, width, height in _boxes(number)
    ]
    return pack(Sample(image or _image(number), np.array(rows, np.float32).reshape(-1, 6)), number)


def _annotation(number: int) -> bytes:
    names = ("class_id", "left", "top", "width", "height")
    boxes = [dict(zip(names, box, strict=True)) for box in _boxes(number)]
    return json.dumps({"image_size": [{"width": 32, "height": 16, "depth": 3}], "annotations": boxes}).encode()


def _records(count: int, broken: frozenset[int] = frozenset()) -> bytes:
    return frame(*[_record(number, b"broken" if number in broken else None) for number in range(count)])


def _manifest(count: int) -> bytes:
    return frame(*[payload for number in range(count) for payload in (_image(number), _annotation(number))])


def _stream(folder: Path, channel: str = "train") -> RecordPipe:
    limits = LabelLimits(CLASSES, 350)
    return RecordPipe(folder / channel, limits, wrapped=False, patience=Patience(10, lambda: False))


def _training(
    folder: Path,
    *,
    batch_size: int = 4,
    augmentation: str = "full",
    shuffle_buffer: int = 8,
    num_workers: int = 0,
    epochs: int = 2,
    share: Share = WHOLE,
) -> StreamedTrainingBatches:
    order = StreamOrder(range(epochs), 233, shuffle_buffer)
    form = BatchForm("train", batch_size, 16, share)
    return StreamedTrainingBatches(_stream(folder), form, order, augmentation=augmentation, num_workers=num_workers)


def _validation(folder: Path, *, num_workers: int = 0) -> StreamedValidationBatches:
    form = BatchForm("validation", 4, 16)
    return StreamedValidationBatches(_stream(folder, "validation"), form, first=0, num_workers=num_workers)


def _epochs(batches: StreamedTrainingBatches | TrainingBatches, epochs: int = 2) -> list[Batch]:
    with batches:
        return [batch for epoch in range(epochs) for batch in batches.epoch(epoch)]


@pytest.fixture
def dataset(tmp_path: Path) -> RecordIODataset:
    """The images 0 to 29 in a file."""
    folder = tmp_path / "file"
    folder.mkdir()
    (folder / "train.rec").write_bytes(_records(30))
    return RecordIODataset.open(folder, channel="train", num_classes=CLASSES, label_width=350)


@pytest.mark.parametrize("content", [_records, _manifest], ids=["records", "manifest"])
def test_validation_is_that_of_a_file(
    tmp_path: Path, dataset: RecordIODataset, content: Callable[[int], bytes]
) -> None:
    from_file = list(ValidationBatches(dataset, BatchForm("validation", 4, 16), num_workers=0))
    with served(tmp_path / "validation", [content(30)] * 2), _validation(tmp_path) as validation:
        assert length_hint(validation) == 0
        for _ in range(2):
            assert_equal(list(validation), from_file)
            assert length_hint(validation) == 8


@pytest.mark.parametrize("num_workers", [1, 2])
def test_batches_do_not_depend_on_the_number_of_workers(tmp_path: Path, num_workers: int) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    epochs = [_records(30, frozenset({7, 8}))] * 2
    with served(tmp_path / "a" / "train", epochs), served(tmp_path / "b" / "train", epochs):
        alone, helped = (
            _epochs(_training(tmp_path / name, num_workers=n)) for name, n in (("a", 0), ("b", num_workers))
        )
    assert_equal(alone, helped)


def test_two_workers_that_stream_the_same_share_the_batches_of_one(tmp_path: Path) -> None:
    read = []
    for name, size, share in (("alone", 8, WHOLE), ("first", 4, Share(0, 2)), ("second", 4, Share(1, 2))):
        (tmp_path / name).mkdir()
        with served(tmp_path / name / "train", [_records(30)] * 2):
            read.append(_epochs(_training(tmp_path / name, batch_size=size, share=share)))
    alone, *shares = ([batch.images for batch in batches] for batches in read)
    assert len(alone) == 8
    np.testing.assert_array_equal(np.concatenate(shares, axis=1), alone)


def test_epochs_come_in_order_only(tmp_path: Path) -> None:
    with served(tmp_path / "train", [_records(4)]), _training(tmp_path) as batches:
        list(batches.epoch(0))
        with pytest.raises(ValueError, match="epoch: expected 1, since a stream is read in order, got 0"):
            next(batches.epoch(0))


def test_batches_that_are_left_early_close_the_fifo_and_end_their_workers(tmp_path: Path) -> None:
    content = frame(*[_record(number % 50) + bytes(20_000) for number in range(500)])
    with served(tmp_path / "train", [content]) as service, _training(tmp_path, num_workers=1) as batches:
        next(batches.epoch(0))
    assert service.log == ["closed"]


def test_a_validation_that_is_left_early_closes_the_fifo(tmp_path: Path) -> None:
    content = frame(*[_record(number % 50) + bytes(20_000) for number in range(500)])
    with served(tmp_path / "validation", [content, _records(3)]) as service, _validation(tmp_path) as batches:
        iterator = iter(batches)
        next(iterator)
        iterator.close()  # type: ignore[attr-defined]  # a generator
        assert grays_of(batches) == [[0, 1, 2]]
    assert service.log == ["closed", "read"]


def test_an_unreadable_image_gives_way_to_the_next_of_its_batch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(tmp_path / "train", [_records(12, frozenset({1, 7}))] * 2), caplog.at_level(logging.WARNING):
        grays = grays_of(_epochs(_training(tmp_path, augmentation="none", shuffle_buffer=1)))
    assert grays == [[0, 2, 2, 3], [4, 5, 6, 4], [8, 9, 10, 11]] * 2
    assert caplog.messages == [
        (
            "train channel, train_0, record 1: skipped: expected a JPEG or PNG image, "
            "got 6 bytes that begin with 62 72 6f 6b 65 6e"
        ),
        (
            "train channel, train_0, record 7: skipped: expected a JPEG or PNG image, "
            "got 6 bytes that begin with 62 72 6f 6b 65 6e"
        ),
        "train channel, train_1, record 1 and others, 2 in all: skipped as unreadable",
    ]


def test_a_batch_of_unreadable_images_alone_is_passed_over(tmp_path: Path) -> None:
    with served(tmp_path / "train", [_records(12, frozenset({4, 5, 6, 7}))]):
        grays = grays_of(_epochs(_training(tmp_path, augmentation="none", shuffle_buffer=1, epochs=1), 1))
    assert grays == [[0, 1, 2, 3], [8, 9, 10, 11]]


def test_validation_leaves_out_the_unreadable(tmp_path: Path) -> None:
    with served(tmp_path / "validation", [_records(10, frozenset({1, 8}))]), _validation(tmp_path) as batches:
        assert grays_of(batches) == [[0, 2, 3], [4, 5, 6, 7], [9]]


def test_too_many_unreadable_images_fail_at_the_end_of_the_pass(tmp_path: Path) -> None:
    with served(tmp_path / "train", [_records(10, frozenset(range(6)))]), pytest.raises(UserError) as caught:
        _epochs(_training(tmp_path, epochs=1), 1)
    assert str(caught.value) == (
        "train channel: expected JPEG or PNG images, at most 5 unreadable, got 6 among 10 so far; replace or "
        "remove them: train channel, train_0, record 0, train channel, train_0, record 1, "
        "train channel, train_0, record 2, ..."
    )


def test_a_ruined_stream_fails_before_its_end(tmp_path: Path) -> None:
    content = frame(*[_record(1, b"broken" + bytes(2000))] * 2000)
    with (
        served(tmp_path / "train", [content]) as service,
        pytest.raises(UserError, match=r"at most 100 unreadable, got 10\d among \d+ so far"),
    ):
        _epochs(_training(tmp_path, epochs=1), 1)
    assert service.log == ["closed"]


def test_a_stream_shorter_than_a_batch_fills_it_again_and_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(tmp_path / "train", [_records(3)] * 2), caplog.at_level(logging.WARNING):
        grays = grays_of(_epochs(_training(tmp_path, batch_size=8, augmentation="none", shuffle_buffer=1)))
    assert grays == [[0, 1, 2, 0, 1, 2, 0, 1], [2, 0, 1, 2, 0, 1, 2, 0]]
    assert caplog.messages == [
        "train channel: expected at least mini_batch_size (8) images, got 3; batches repeat images"
    ]
