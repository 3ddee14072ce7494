"""What is told of augmented manifests: as a job reads them, but for images in S3, which stay there."""

import json
from pathlib import Path

import numpy as np
import pytest

from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.manifest import ManifestDataset
from gluon_ssd.errors import UserError
from gluon_ssd.tools.inspect import inspect, open_labels
from gluon_ssd.tools.inspection_report import as_json, as_text
from gluon_ssd.tools.label_pictures import draw_labels
from tools.labeled_files import box, image


def line(source: str, *boxes: dict[str, object], size: tuple[int, int] | None = (100, 50), name: str = "boxes") -> str:
    told = {"image_size": [{"width": size[0], "height": size[1], "depth": 3}]} if size else {}
    return json.dumps({"source-ref": source, name: {**told, "annotations": boxes}})


def write(folder: Path, *lines: str, name: str = "birds.manifest") -> Path:
    for file, size in (("a.jpg", 100), ("b.png", 200)):
        (folder / file).write_bytes(image(file[1:], width=size))
    (folder / name).write_text("\n".join(lines))
    return folder / name


OWL, FOX = box(0, 20, 10, 40, 20), box(1, 0, 0, 10, 10)
BEYOND = box(0, 90, 10, 15, 20)  # of 100 pixels; within 200


def test_a_manifest_is_read_as_a_job_reads_it(tmp_path: Path) -> None:
    path = write(tmp_path, line("a.jpg", OWL, FOX, BEYOND), "", line("b.png", OWL, size=None))
    source = open_labels(path)
    dataset = ManifestDataset.open(ChannelFolder("birds", tmp_path), tmp_path, num_classes=2, label_width=350)
    table = source.table
    assert table.summary() == dataset.summary
    for index in range(2):
        rows = slice(*table.begins[index : index + 2])
        np.testing.assert_array_equal(table.objects[rows], dataset[index].objects)
        assert source.read(index) == dataset[index].image
        assert source.where(index) == dataset.where(index)
    assert source.where_box(0, 2) == "birds channel, birds.manifest, line 1, annotation 2"
    assert "format            JPEG, color: 1 | PNG, color: 1\n" in as_text(inspect("data", source))


@pytest.mark.parametrize("name", ["birds.manifest", "BIRDS.JSONL"])
@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_folder_with_a_manifest_and_its_images_is_one(tmp_path: Path, name: str, *, whole_folder: bool) -> None:
    path = write(tmp_path, line("a.jpg", OWL), name=name)
    (tmp_path / f"{path.stem}.classes").write_text("owl\nfox\n")
    assert open_labels(tmp_path if whole_folder else path).table.counts.tolist() == [1]


def test_images_in_s3_are_known_by_the_size_that_they_are_told_to_have(tmp_path: Path) -> None:
    path = write(tmp_path, line("a.jpg", OWL), line("s3://bucket/c.jpg", FOX, BEYOND), line("s3://bucket/d.jpg", OWL))
    found = inspect("data", open_labels(path), decode=True)
    report = as_text(found)
    assert "  format            not known: 2 | JPEG, color: 1\n" in report
    assert "  in S3             2, not fetched: known by their image_size alone\n" in report
    assert "  unreadable        0\n" in report
    assert "    birds channel, birds.manifest, line 2, annotation 1\n" in report  # beyond the edge
    assert "num_classes=2 num_training_samples=3" in report
    assert as_json(found)["not_fetched"] == 2
    assert found.refusals == []
    pictures = draw_labels(found.source, found.suspicions, tmp_path / "pictures", count=3)
    assert [picture.name for picture in pictures] == ["000_plain_birds.manifest_line_1.png"]


def test_a_manifest_of_images_in_s3_alone_has_no_pictures(tmp_path: Path) -> None:
    source = open_labels(write(tmp_path, line("s3://bucket/c.jpg", OWL)))
    with pytest.raises(UserError, match="got none but in S3, from where they are not fetched; download them"):
        draw_labels(source, [], tmp_path / "pictures", count=1)


def test_images_in_s3_without_a_size_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unsized = line("s3://bucket/c.jpg", OWL, size=None)
    found = inspect("data", open_labels(write(tmp_path, unsized, line("a.jpg", OWL))))
    message = (
        "birds channel, birds.manifest, line 1: image_size: expected width and height, since images in S3 are not "
        "fetched to be looked at, got none (1 such lines)"
    )
    assert caplog.messages == [f"{message}; left out"]
    assert found.refusals == []
    assert found.source.where(0) == "birds channel, birds.manifest, line 2"
    assert found.hyperparameters["num_training_samples"] == 2
    with pytest.raises(UserError) as caught:
        open_labels(write(tmp_path, unsized))
    assert str(caught.value) == message


def test_lines_that_are_wrong_and_images_that_are_missing_are_refused_and_the_others_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path, "{", line("a.jpg", OWL), line("none.jpg", FOX), line("b.png", box(-1, 0, 0, 5, 5)), line("b.png", OWL)
    )
    found = inspect("data", open_labels(path))
    place = "birds channel, birds.manifest, line"
    assert [message.partition(", got")[0].partition(": expected JSON")[0] for message in found.refusals] == [
        f"{place} 1",
        f"{place} 3: expected a file that can be read",
        f"{place} 4, annotation 0: class_id: expected an integer from 0 to 16777215",
    ]
    assert f"No such file or directory: '{tmp_path}/none.jpg'" in found.refusals[1]
    assert found.statistics.images == 2
    assert found.source.left_out == 3
    assert [found.source.where(index) for index in range(2)] == [f"{place} 2", f"{place} 5"]


def test_a_manifest_that_is_wrong_throughout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^birds channel, birds\.manifest, line 1: expected JSON"):
        open_labels(write(tmp_path, "{", "["))
    with pytest.raises(UserError, match=r"^birds channel, birds\.manifest, line 1: expected a file that can be read"):
        open_labels(write(tmp_path, line("none.jpg", OWL)))


def test_the_attribute_with_the_boxes_may_be_named(tmp_path: Path) -> None:
    both = json.dumps(json.loads(line("a.jpg", OWL)) | json.loads(line("a.jpg", FOX, FOX, name="ours")))
    path = write(tmp_path, both)
    with pytest.raises(UserError, match="expected one attribute with boxes, got boxes, ours"):
        open_labels(path)
    assert open_labels(path, attribute="ours").table.ids.tolist() == [1, 1]
