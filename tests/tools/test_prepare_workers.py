import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.tools.annotated_image import DataSet
from gluon_ssd.tools.box_table import read_csv
from gluon_ssd.tools.prepare import prepare
from gluon_ssd.tools.prepare_workers import prepare_images
from gluon_ssd.tools.prepared_image import DroppedImage, PreparedImage, prepare_image
from gluon_ssd.tools.voc import read_voc
from gluon_ssd.tools.yolo import read_yolo
from tools.layouts import write_image

COUNT = 50
CONVERT = partial(prepare_image, labels={"cat": 0}, max_side=60)


def csv(root: Path) -> DataSet:
    """50 images that grow; some are missing, some without objects, some have boxes that are dropped or clipped."""
    rows = []
    for number in range(COUNT):
        name = f"{number:02d}.jpg"
        if number % 7 != 3:
            write_image(root / name, width=30 + number, height=20)
        box = ("1,2,20,12", "", "5,5,5,9", "1,2,99,12")[number % 4]
        rows.append(f"{name},{box or ',,,'},cat")
    (root / "boxes.csv").write_text("\n".join(rows) + "\n")
    return read_csv(root / "boxes.csv", None, classes=None)


def voc(root: Path) -> DataSet:
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "Annotations").mkdir()
    for number in range(COUNT):
        write_image(root / "JPEGImages" / f"{number}.jpg")
        box = f"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{number}</xmax><ymax>9</ymax></bndbox>"
        (root / "Annotations" / f"{number}.xml").write_text(f"<a><object><name>cat</name>{box}</object></a>")
    (root / "ImageSets" / "Main" / "train.txt").write_text("".join(f"{number}\n" for number in range(COUNT)))
    return read_voc(root, "train", classes=None)


def yolo(root: Path) -> DataSet:
    (root / "labels" / "train").mkdir(parents=True)
    for number in range(COUNT):
        write_image(root / "images" / "train" / f"{number}.jpg")
        (root / "labels" / "train" / f"{number}.txt").write_text(f"0 0.5 0.5 {number / COUNT} 1")
    return read_yolo(root, "train", classes=["cat"])


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("layout", [csv, voc, yolo])
def test_outcomes_come_in_order_whatever_the_number_of_processes(
    layout: Callable[[Path], DataSet], tmp_path: Path
) -> None:
    entries = layout(tmp_path).entries
    alone = list(prepare_images(entries, CONVERT, 1))
    together = list(prepare_images(entries, CONVERT, 3))
    assert len(alone) == len(together) == COUNT
    for one, other in zip(alone, together, strict=True):
        if isinstance(one, DroppedImage):
            assert one == other
            continue
        assert isinstance(other, PreparedImage)
        assert (one.name, one.size, one.notes, one.sample.image) == (
            other.name, other.size, other.notes, other.sample.image
        )  # fmt: skip
        assert one.sample.objects.tolist() == other.sample.objects.tolist()


@pytest.mark.parametrize(("form", "name"), [("recordio", "t.rec"), ("json", "t"), ("manifest", "t.manifest")])
def test_what_is_written_is_the_same_whatever_the_number_of_jobs(tmp_path: Path, form: str, name: str) -> None:
    data_set = csv(tmp_path / "source")
    summaries = [prepare(data_set, tmp_path / f"out{jobs}" / name, form, jobs=jobs, max_side=60) for jobs in (1, 2, 3)]
    alone = files(tmp_path / "out1")
    assert len(alone) > 3
    assert files(tmp_path / "out2") == files(tmp_path / "out3") == alone
    # Of the longer sides, 30 to 79, there are 19 beyond 60, and of those images three are missing.
    assert [summary.shrunk_images for summary in summaries] == [16, 16, 16]
    assert summaries[0].notes == summaries[1].notes == summaries[2].notes
    assert "out1/" + name + ": 43 images (21 without objects), 16 of them made smaller, 22 objects; dropped" in str(
        summaries[0]
    )


def test_boxes_stay_where_they_are_on_images_that_are_shrunk(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", width=100, height=80)
    (tmp_path / "boxes.csv").write_text("a.jpg,20,40,60,60,cat\n")
    prepare(read_csv(tmp_path / "boxes.csv", None, classes=None), tmp_path / "t", "json", max_side=50)
    assert '"width": 50, "height": 40, "depth": 3' in (tmp_path / "t_annotation" / "a.json").read_text()
    assert '"left": 10, "top": 20, "width": 20, "height": 10' in (tmp_path / "t_annotation" / "a.json").read_text()


def test_an_image_of_just_the_largest_side_is_copied(tmp_path: Path) -> None:
    content = write_image(tmp_path / "a.jpg", width=50, height=40)
    (tmp_path / "boxes.csv").write_text("a.jpg,10,10,40,40,cat\n")
    summary = prepare(read_csv(tmp_path / "boxes.csv", None, classes=None), tmp_path / "t", "json", max_side=50)
    assert (tmp_path / "t" / "a.jpg").read_bytes() == content
    assert summary.shrunk_images == 0


@pytest.mark.parametrize("name", ["jobs", "max_side"])
def test_no_jobs_and_no_pixels_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "boxes.csv").write_text("a.jpg,20,40,60,60,cat\n")
    data_set = read_csv(tmp_path / "boxes.csv", None, classes=None)
    with pytest.raises(UserError, match=f"{name.replace('_', '-')}: expected at least 1, got 0"):
        prepare(data_set, tmp_path / "t.rec", **{name: 0})  # type: ignore[arg-type]


def test_leaving_early_leaves_no_process(tmp_path: Path) -> None:
    before = multiprocessing.active_children()
    outcomes = prepare_images(csv(tmp_path).entries, CONVERT, 2)
    next(outcomes)
    assert len(multiprocessing.active_children()) == len(before) + 2
    outcomes.close()
    assert multiprocessing.active_children() == before


def test_few_images_start_no_process(tmp_path: Path) -> None:
    before = multiprocessing.active_children()
    outcomes = prepare_images(csv(tmp_path).entries[:31], CONVERT, 2)
    next(outcomes)
    assert multiprocessing.active_children() == before


def test_a_process_that_dies_is_a_platform_error(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    outcomes = prepare_images(csv(tmp_path).entries, CONVERT, 2)
    next(outcomes)
    for process in set(multiprocessing.active_children()) - before:
        os.kill(process.pid or 0, signal.SIGKILL)
    with pytest.raises(
        PlatformError, match=r"--jobs: expected 2 processes to stay alive, but one died, .* fewer --jobs"
    ):
        list(outcomes)
