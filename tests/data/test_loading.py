"""Loading of one batch: stacked, padded, and with what happens to unreadable images."""

from collections.abc import Callable

import numpy as np

from gluon_ssd.data.loading import Batch, Loader
from gluon_ssd.data.order import Place
from gluon_ssd.data.records import RecordIODataset

MakeChannel = Callable[..., RecordIODataset]


def _load(dataset: RecordIODataset, records: list[int], *, replace: bool = True) -> tuple[Batch | None, list[int]]:
    task = [Place(0, record) for record in records]
    loaded = Loader(dataset, "none", 0, replace).load(task, np.empty((len(task), 16, 16, 3), np.uint8))
    return loaded.batch, sorted(loaded.unreadable)


def _grays(batch: Batch | None) -> list[int]:
    assert batch is not None
    return batch.images[:, 0, 0, 0].tolist()  # type: ignore[no-any-return]  # numpy's stub


def test_a_batch_is_uint8_images_and_objects_padded_with_minus_one(make_channel: MakeChannel) -> None:
    batch, unreadable = _load(make_channel(4), [2, 0, 3, 1])
    assert batch is not None
    assert batch.images.shape == (4, 16, 16, 3)
    assert batch.images.dtype == np.uint8
    assert batch.images.flags.c_contiguous
    assert batch.objects.shape == (4, 3, 6)
    assert batch.objects.dtype == np.float32
    assert batch.objects[:, :, 0].tolist() == [[2, 2, -1], [-1, -1, -1], [3, 3, 3], [1, -1, -1]]
    assert batch.objects[3].tolist() == [[1, 0.25, 0.25, 0.75, 0.75, 0], [-1] * 6, [-1] * 6]
    assert _grays(batch) == [2, 0, 3, 1]
    assert unreadable == []


def test_a_batch_without_objects_has_one_row_of_padding(make_channel: MakeChannel) -> None:
    batch, _ = _load(make_channel(5), [0, 4])
    assert batch is not None
    assert batch.objects.tolist() == [[[-1] * 6]] * 2


def test_an_unreadable_image_gives_way_to_the_next_readable_one_also_round_the_end(make_channel: MakeChannel) -> None:
    batch, unreadable = _load(make_channel(12, broken=frozenset({4, 5, 11})), [4, 5, 11, 3])
    assert _grays(batch) == [6, 6, 0, 3]
    assert unreadable == [4, 5, 11]


def test_an_unreadable_image_is_left_out_where_none_is_to_stand_in(make_channel: MakeChannel) -> None:
    dataset = make_channel(12, broken=frozenset({4, 5}))
    batch, unreadable = _load(dataset, [3, 4, 5, 6], replace=False)
    assert _grays(batch) == [3, 6]
    assert unreadable == [4, 5]
    assert _load(dataset, [4, 5], replace=False) == (None, [4, 5])


def test_a_ruined_channel_is_not_searched_beyond_what_fails_the_job(make_channel: MakeChannel) -> None:
    dataset = make_channel(100, broken=frozenset(range(100)))
    assert _load(dataset, list(range(50, 70))) == (None, list(range(50, 61)))
    assert _load(dataset, list(range(50, 70)), replace=False) == (None, list(range(50, 61)))


def test_a_record_that_stands_in_looks_different_from_its_own_turn(make_channel: MakeChannel) -> None:
    dataset = make_channel(12, broken=frozenset({2}))
    images = np.empty((2, 16, 16, 3), np.uint8)
    loaded = Loader(dataset, "full", 0, replace=True).load([Place(0, 2), Place(0, 3)], images)
    assert loaded.batch is not None
    assert loaded.batch.objects[0].tolist() != loaded.batch.objects[1].tolist()
