"""A channel of RecordIO files: what is found, counted, read back, and refused in which words."""

import logging
import pickle
import resource
from collections.abc import Sequence
from pathlib import Path

import pytest

from gluon_ssd.data import recordio
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.summary import Summary
from gluon_ssd.errors import UserError
from record_stream import BOX, MAGIC, record


def _write(path: Path, payloads: Sequence[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for payload in payloads:
            recordio.write_record(stream, payload)


def _open(folder: Path, *, num_classes: int = 3, label_width: int = 350) -> RecordIODataset:
    return RecordIODataset.open(folder, channel="train", num_classes=num_classes, label_width=label_width)


def _refusal(folder: Path, *, num_classes: int = 3, label_width: int = 350) -> str:
    with pytest.raises(UserError) as caught:
        _open(folder, num_classes=num_classes, label_width=label_width)
    return str(caught.value)


def test_records_are_read_in_order_of_file_name_and_then_of_record(tmp_path: Path) -> None:
    _write(tmp_path / "b.rec", [record(image=b"3"), record(image=b"4")])
    _write(tmp_path / "a" / "z.rec", [record(image=b"1"), record(image=b"2")])
    (tmp_path / "a" / "z.idx").write_text("0\t0\n")
    dataset = _open(tmp_path)
    assert [dataset[index].image for index in range(len(dataset))] == [b"1", b"2", b"3", b"4"]
    assert [dataset.where(index) for index in (1, 2)] == [
        "train channel, a/z.rec, record 1",
        "train channel, b.rec, record 0",
    ]


def test_equal_files_have_one_checksum_wherever_they_are_and_others_another(tmp_path: Path) -> None:
    for folder, name, payloads in (
        ("one", "a.rec", [record(image=b"1")]),
        ("same", "a.rec", [record(image=b"1")]),
        ("renamed", "b.rec", [record(image=b"1")]),
        ("longer", "a.rec", [record(image=b"1" * 40)]),
        ("more", "a.rec", [record(image=b"1")] * 2),
    ):
        _write(tmp_path / folder / name, payloads)
    one, same, *others = [
        _open(tmp_path / folder).checksum() for folder in ("one", "same", "renamed", "longer", "more")
    ]
    assert one == same
    assert len({one, *others}) == 4


def test_hidden_files_are_left_and_the_case_of_a_suffix_does_not_count(tmp_path: Path) -> None:
    _write(tmp_path / "V.REC", [record(image=b"1")])
    (tmp_path / ".cache").mkdir()
    for hidden in ("._V.REC", ".cache/x.rec"):
        (tmp_path / hidden).write_bytes(b"no records")
    dataset = _open(tmp_path)
    assert (len(dataset), dataset.where(0)) == (1, "train channel, V.REC, record 0")


def test_a_channel_without_records_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "train.lst").touch()
    (tmp_path / ".train.rec").touch()
    assert _refusal(tmp_path) == (
        f"train channel: expected at least one .rec file in {tmp_path}, got train.lst; "
        "gluon-ssd prepare makes such files"
    )


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_the_channel_is_refused(tmp_path: Path, index: int) -> None:
    _write(tmp_path / "train.rec", [record(), record()])
    with pytest.raises(IndexError, match=f"expected 0 to 1, got {index}"):
        _open(tmp_path)[index]


def test_objects_and_images_come_back_also_where_the_image_holds_the_magic(tmp_path: Path) -> None:
    objects = [(2, 0.125, 0.25, 0.5, 1, 1), BOX]
    images = [b"abcd" + MAGIC + b"efgh", MAGIC * 3, b"pixels"]
    _write(tmp_path / "train.rec", [record(objects, image) for image in images])
    dataset = _open(tmp_path)
    assert [dataset[index].image for index in range(3)] == images
    assert all(dataset[index].objects.tolist() == [list(row) for row in objects] for index in range(3))


def test_the_summary_counts_and_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    flat = (0, 0.5, 0.5, 0.5, 0.75, 0)
    _write(tmp_path / "a.rec", [record([BOX, BOX, flat]), record([])])
    _write(tmp_path / "b.rec", [record([flat]), record([BOX])])
    with caplog.at_level(logging.INFO):
        dataset = _open(tmp_path)
    assert dataset.summary == Summary(
        images=4,
        objects=3,
        background=2,
        dropped=2,
        far_outside=0,
        widest_label=20,
        widest=0,
        first_dropped=0,
        first_far_outside=None,
    )
    assert caplog.messages == [
        "train channel: 4 images in 2 files, 3 objects, 2 images without objects",
        "train channel, a.rec, record 0: 2 boxes dropped for having no area inside the image",
    ]


def test_a_few_boxes_far_outside_are_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _write(tmp_path / "a.rec", [record([BOX]), record([BOX, (0, 0, 0, 300, 200, 0)])])
    _open(tmp_path)
    assert caplog.messages == ["train channel, a.rec, record 1: 1 box cut, far beyond the edge of the image"]


def test_the_first_record_with_a_dropped_box_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _write(tmp_path / "a.rec", [record([BOX])])
    _write(tmp_path / "b.rec", [record([BOX]), record([BOX, (0, 0.5, 0.5, 0.5, 0.75, 0)])])
    _open(tmp_path)
    assert caplog.messages == ["train channel, b.rec, record 1: 1 box dropped for having no area inside the image"]


def test_a_pickled_data_set_reads_the_same(tmp_path: Path) -> None:
    _write(tmp_path / "train.rec", [record(image=b"1"), record(image=b"2")])
    dataset = _open(tmp_path)
    before = dataset[1].image
    copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes
    assert (copy[1].image, copy[0].image, before) == (b"2", b"1", b"2")


def test_more_files_are_read_than_may_be_open_at_once(tmp_path: Path) -> None:
    for number in range(300):
        _write(tmp_path / f"{number:03}.rec", [record(image=b"%d" % number)])
    dataset = _open(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (250, limits[1]))
    try:
        assert [int(dataset[index].image) for index in range(300)] == list(range(300))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_label_wider_than_label_width_is_refused_with_the_width_that_would_do(tmp_path: Path) -> None:
    _write(tmp_path / "a.rec", [record([BOX] * 2)])
    _write(tmp_path / "b.rec", [record([BOX]), record([BOX] * 3), record([BOX] * 2)])
    assert _refusal(tmp_path, label_width=13) == (
        "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at least "
        "20: train channel, b.rec, record 1 has a label of 20 numbers, got label_width 13"
    )
    assert len(_open(tmp_path, label_width=20)) == 4


def test_boxes_in_pixels_that_begin_at_the_origin_do_not_pass_for_fractions(tmp_path: Path) -> None:
    _write(tmp_path / "train.rec", [record([(0, 0, 0, 200, 150, 0), (0, 20, 30, 90, 80, 0)]), record([BOX])])
    assert "got 2 of 3 boxes outside of it or without area; divide pixels" in _refusal(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.rec").symlink_to("train.rec")
    assert _refusal(tmp_path).startswith("train channel, train.rec: expected a file that can be read, got ")
    (tmp_path / "train.rec").unlink()
    (tmp_path / "b.rec").symlink_to("/proc/self/mem")
    assert _refusal(tmp_path).startswith("train channel, b.rec: expected ")


def test_a_channel_of_background_alone_is_accepted(tmp_path: Path) -> None:
    _write(tmp_path / "train.rec", [record([]), record([])])
    assert _open(tmp_path).summary.background == 2


def test_a_file_that_changes_while_the_job_runs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.rec"
    _write(path, [record(), record()])
    dataset = _open(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="record 1: expected the file to stay as it was when the job began"):
        dataset[1]
