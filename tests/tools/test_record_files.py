from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import UserError
from gluon_ssd.tools.prepared_image import PreparedImage
from gluon_ssd.tools.record_files import write_record_files

MAGIC = (0xCED7230A).to_bytes(4, "little")


def sample(content: bytes, *rows: tuple[float, ...]) -> Sample:
    return Sample(content, np.array(rows, np.float32).reshape(-1, 6))


def write_three(output: Path) -> list[Sample]:
    samples = [
        sample(b"first", (1, 0.25, 0.5, 0.75, 1, 0)),
        sample(b"abc" + MAGIC * 20),  # split into parts wherever it lies aligned
        sample(b"third", (0, 0, 0, 0.5, 0.125, 1), (2, 0.5, 0.5, 1, 1, 0)),
    ]
    with write_record_files(output, ["cat", "dog", "owl"], folder="images") as files:
        for number, item in enumerate(samples):
            files.add(PreparedImage(f"{number}.jpg", item, (4, 4)))
    return samples


def write_interrupted(output: Path) -> None:
    with write_record_files(output, ["other"]) as files:
        files.add(PreparedImage("new.jpg", sample(b"new"), (4, 4)))
        raise KeyboardInterrupt


def test_mxnet_reads_the_records_through_the_index(tmp_path: Path) -> None:
    samples = write_three(tmp_path / "train.rec")
    reader = mx.recordio.MXIndexedRecordIO(str(tmp_path / "train.idx"), str(tmp_path / "train.rec"), "r")
    assert reader.keys == [0, 1, 2]
    for number in (2, 0, 1):
        header, content = mx.recordio.unpack(reader.read_idx(number))
        assert header.id == number
        assert content == samples[number].image
        np.testing.assert_array_equal(header.label, [2, 6, *samples[number].objects.ravel()])
    reader.close()


def test_the_list_and_the_class_names_lie_beside_the_records(tmp_path: Path) -> None:
    write_three(tmp_path / "train.rec")
    assert (tmp_path / "train.classes").read_text() == "cat\ndog\nowl\n"
    lines = (tmp_path / "train.lst").read_text().splitlines()
    object_numbers = "1.000000\t0.250000\t0.500000\t0.750000\t1.000000\t0.000000"
    assert lines[:2] == [f"0\t2\t6\t{object_numbers}\timages/0.jpg", "1\t2\t6\timages/1.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.classes", "train.idx", "train.lst", "train.rec"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_interrupted(tmp_path / "train.rec")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".rec", ".idx", ".lst", ".classes"])
def test_what_is_there_already_is_not_replaced(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"train{suffix}").write_text("dog\ncat\nowl\n")
    with pytest.raises(
        UserError, match=rf"^--output: expected a new file, got .*/train\{suffix}, which is there already; remove it or"
    ):
        write_three(tmp_path / "train.rec")
    assert [path.name for path in tmp_path.iterdir()] == [f"train{suffix}"]


def test_a_folder_in_the_place_of_the_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.rec").mkdir()
    with pytest.raises(UserError, match=r"expected a new file, got .*/train\.rec, which is there already"):
        write_three(tmp_path / "train.rec")


def test_the_class_names_may_be_there_as_the_ids_were_taken_from_them(tmp_path: Path) -> None:
    (tmp_path / "train.classes").write_text("cat\n\ndog\nowl")
    write_three(tmp_path / "train.rec")
    assert (tmp_path / "train.classes").read_text() == "cat\ndog\nowl\n"


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    write_three(tmp_path / "data" / "train" / "train.rec")
    assert (tmp_path / "data" / "train" / "train.rec").stat().st_size > 0


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--output: expected to write .*train\.rec, got: .*file"):
        write_three(tmp_path / "file" / "train.rec")


def test_another_suffix_is_refused_since_no_reader_would_find_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected a file name that ends in \.rec, got '.*train\.bin'"):
        write_three(tmp_path / "train.bin")
