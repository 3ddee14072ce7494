"""Batches of a channel: the same whatever the number of workers, every image in its turn."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from batches_compared import assert_equal, grays_of
from gluon_ssd.data.batches import BatchForm, TrainingBatches, ValidationBatches
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.share import Share
from gluon_ssd.errors import UserError
from opencv_pixels import decoded
from record_stream import frame

MakeChannel = Callable[..., RecordIODataset]


def _training(
    dataset: RecordIODataset,
    *,
    batch_size: int = 4,
    augmentation: str = "full",
    seed: int = 233,
    num_workers: int = 0,
) -> TrainingBatches:
    form = BatchForm("train", batch_size, 16)
    return TrainingBatches(dataset, form, augmentation=augmentation, seed=seed, num_workers=num_workers)


def _validation(dataset: RecordIODataset, *, num_workers: int = 0) -> ValidationBatches:
    return ValidationBatches(dataset, BatchForm("validation", 4, 16), num_workers=num_workers)


@pytest.mark.parametrize("num_workers", [1, 2, 5])
def test_training_batches_do_not_depend_on_the_number_of_workers(make_channel: MakeChannel, num_workers: int) -> None:
    dataset = make_channel(30, broken=frozenset({7, 8}))
    with _training(dataset) as alone, _training(dataset, num_workers=num_workers) as helped:
        for epoch in (0, 1):
            assert_equal(alone.epoch(epoch), helped.epoch(epoch))


def test_validation_batches_do_not_depend_on_the_number_of_workers(make_channel: MakeChannel) -> None:
    dataset = make_channel(10, broken=frozenset({7}))
    with _validation(dataset) as alone, _validation(dataset, num_workers=2) as helped:
        assert_equal(alone, helped)


def test_an_epoch_is_the_same_after_others_and_on_its_own(make_channel: MakeChannel) -> None:
    dataset = make_channel(10)
    earlier, resumed = _training(dataset), _training(dataset)
    for epoch in range(3):
        list(earlier.epoch(epoch))
    assert_equal(earlier.epoch(3), resumed.epoch(3))


def test_an_epoch_left_early_does_not_disturb_the_next(make_channel: MakeChannel) -> None:
    dataset = make_channel(30)
    with _training(dataset, num_workers=2) as batches:
        next(batches.epoch(0))
        assert_equal(batches.epoch(1), _training(dataset).epoch(1))


def test_training_shows_every_image_once_in_a_passage_and_runs_on_into_the_next(make_channel: MakeChannel) -> None:
    batches = _training(make_channel(10), augmentation="none")
    epochs = [grays_of(batches.epoch(epoch)) for epoch in range(2)]
    assert [[len(batch) for batch in epoch] for epoch in epochs] == [[4, 4, 4], [4, 4]]
    shown = [gray for epoch in epochs for batch in epoch for gray in batch]
    assert sorted(shown[:10]) == sorted(shown[10:]) == list(range(10))
    assert shown[:10] != shown[10:]


def test_another_seed_gives_other_batches(make_channel: MakeChannel) -> None:
    dataset = make_channel(30)
    first, second = (grays_of(_training(dataset, augmentation="none", seed=seed).epoch(0)) for seed in (0, 1))
    assert first != second


def test_the_same_image_looks_different_in_another_passage(make_channel: MakeChannel) -> None:
    batches = _training(make_channel(1), batch_size=1)
    first, second = (next(batches.epoch(epoch)).images for epoch in (0, 1))
    assert first.tolist() != second.tolist()


def test_validation_shows_every_image_once_in_channel_order_and_leaves_out_the_unreadable(
    make_channel: MakeChannel,
) -> None:
    batches = _validation(make_channel(10, broken=frozenset({1, 8})))
    assert len(batches) == 3
    assert grays_of(batches) == [[0, 2, 3], [4, 5, 6, 7], [9]]
    assert grays_of(batches) == [[0, 2, 3], [4, 5, 6, 7], [9]]


def test_validation_is_opencvs_resize_of_all_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(71).integers(0, 256, (200, 260, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
    (tmp_path / "a.rec").write_bytes(frame(pack(Sample(jpeg, np.zeros((0, 6), np.float32)), 0)))
    dataset = RecordIODataset.open(tmp_path, channel="validation", num_classes=1, label_width=350)
    (batch,) = _validation(dataset, num_workers=1)
    expected = cv2.resize(decoded(jpeg), (16, 16))
    np.testing.assert_array_equal(batch.images[0], expected[:, :, ::-1])


def test_a_validation_batch_of_unreadable_images_alone_is_passed_over(make_channel: MakeChannel) -> None:
    batches = _validation(make_channel(10, broken=frozenset({0, 1, 2, 3})))
    assert grays_of(batches) == [[4, 5, 6, 7], [8, 9]]


def test_an_unreadable_image_is_warned_of_once_over_all_epochs(
    make_channel: MakeChannel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    batches = _training(make_channel(10, broken=frozenset({6})))
    with caplog.at_level(logging.WARNING):
        for epoch in range(3):
            list(batches.epoch(epoch))
    (message,) = caplog.messages
    assert message == (
        "train channel, train.rec, record 6: skipped: "
        "expected a JPEG or PNG image, got 6 bytes that begin with 62 72 6f 6b 65 6e"
    )


@pytest.mark.parametrize("num_workers", [0, 1])
def test_too_many_unreadable_images_fail_the_job(make_channel: MakeChannel, num_workers: int) -> None:
    dataset = make_channel(10, broken=frozenset(range(6)))
    with (
        _training(dataset, num_workers=num_workers) as batches,
        pytest.raises(
            UserError, match="train channel: expected JPEG or PNG images, at most 5 of 10 unreadable, got 6 unreadable"
        ),
    ):
        list(batches.epoch(0))


@pytest.mark.parametrize("images", [10, 12, 5, 3])
def test_three_workers_share_the_batches_of_one(make_channel: MakeChannel, images: int) -> None:
    dataset = make_channel(images)
    form = BatchForm("train", 2, 16)
    alone = _training(dataset, batch_size=6)
    shares = [
        TrainingBatches(dataset, replace(form, share=Share(rank, 3)), augmentation="full", seed=233, num_workers=rank)
        for rank in range(3)
    ]
    for epoch in range(3):
        parts = [list(share.epoch(epoch)) for share in shares]
        together = [np.concatenate([part.images for part in batch]) for batch in zip(*parts, strict=True)]
        np.testing.assert_array_equal(together, [batch.images for batch in alone.epoch(epoch)])
    for share in shares:
        share.close()


def test_a_batch_of_all_workers_larger_than_the_data_set_is_warned_of(
    make_channel: MakeChannel, caplog: pytest.LogCaptureFixture
) -> None:
    form = BatchForm("train", 4, 16, Share(1, 2))
    with caplog.at_level(logging.WARNING):
        TrainingBatches(make_channel(7), form, augmentation="none", seed=0, num_workers=0)
    assert caplog.messages == [
        "train channel: expected at least mini_batch_size (4 x 2 workers) images, got 7; batches repeat images"
    ]


def test_a_batch_larger_than_the_data_set_is_filled_and_warned_of_once(
    make_channel: MakeChannel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        batches = _training(make_channel(3), batch_size=8, augmentation="none")
        shown = [grays_of(batches.epoch(epoch)) for epoch in range(2)]
    assert [[len(batch) for batch in epoch] for epoch in shown] == [[8], [8]]
    grays = [*shown[0][0], *shown[1][0]]
    assert [set(grays[start : start + 3]) for start in range(0, 15, 3)] == [{0, 1, 2}] * 5
    assert caplog.messages == [
        "train channel: expected at least mini_batch_size (8) images, got 3; batches repeat images"
    ]
