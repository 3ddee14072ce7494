"""What is told of data sets in files: in which words, and where a job would refuse them."""

import json
from pathlib import Path

import numpy as np
import pytest

from gluon_ssd.data.annotated_folder import AnnotatedFolder
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.errors import UserError
from gluon_ssd.tools.inspect import inspect, open_labels
from gluon_ssd.tools.inspection_report import Inspection, as_json, as_text
from gluon_ssd.tools.scenes import write_scenes
from tools.labeled_files import box, image, write_annotated, write_records

CAT, DOG = (0, 0.2, 0.2, 0.6, 0.6), (1, 0.5, 0.5, 0.9, 1.0)


def look(
    path: Path, annotations: Path | None = None, *, num_classes: int | None = None, decode: bool = False
) -> Inspection:
    return inspect("data", open_labels(path, annotations), num_classes=num_classes, decode=decode)


def refusal(path: Path, annotations: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        open_labels(path, annotations)
    return str(caught.value)


def test_the_report_of_a_file_of_records(tmp_path: Path) -> None:
    path = write_records(
        tmp_path / "train.rec",
        [
            (image(), [CAT, DOG, (*DOG, 1)]),
            (image(".png", width=200, channels=4), []),
            (image(channels=1), [CAT, (4, 0.5, 0.5, 0.505, 0.9), (0, 0.3, 0.3, 0.3, 0.9)]),
            (image(), [CAT]),
        ],
    )
    (tmp_path / "train.classes").write_text("cat\ndog\n")
    assert as_text(look(path)) == (
        "data\n"
        "  images            4, 1 of them without objects\n"
        "  objects           6, 1 of them difficult\n"
        "  boxes dropped     1: 1 without area, 0 outside the image\n"
        "\n"
        "Classes\n"
        "     id  name                             objects    share      images\n"
        "      0  cat                                    3   50.0 %           3\n"
        "      1  dog                                    2   33.3 %           1\n"
        "      4                                         1   16.7 %           1\n"
        "  class ids that no object has: 2 (2, 3)\n"
        "\n"
        "Images\n"
        "  width             100 to 200 pixels, median 100\n"
        "  height            50 pixels\n"
        "  format            JPEG, color: 2 | JPEG, gray: 1 | PNG, color and alpha: 1\n"
        "  unreadable        0\n"
        "\n"
        "Boxes\n"
        "  in an image       0 to 3 boxes, median 1.5\n"
        "  boxes: images     0: 1 | 1: 1 | 2: 1 | 3-4: 1\n"
        "  width             0.5 to 40.0 % of the image's, median 40.0\n"
        "  height            40.0 to 50.0 % of the image's, median 40.0\n"
        "  side: boxes       2-5 %: 1 | 20-50 %: 5\n"
        "  too small to reach an IoU of 0.5 with any anchor:\n"
        "               1   16.7 %  vgg-16 at 300, resnet-50 at 300, resnet-50 at 512\n"
        "               1   16.7 %  vgg-16 at 512\n"
        "\n"
        "Suspicious labels\n"
        "  no area           1  dropped: without width or height\n"
        "    train channel, train.rec, record 2, object 2\n"
        "  tiny              1  narrower or lower than 1 % of the image\n"
        "    train channel, train.rec, record 2, object 1\n"
        "  duplicate         1  overlaps another of its class by IoU > 0.9\n"
        "    train channel, train.rec, record 0, object 2\n"
        "\n"
        "A job on it takes\n"
        "  --hyperparameter num_classes=5 num_training_samples=4 label_width=20"
    )


def test_no_line_of_the_report_is_wider_than_a_terminal(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    corners = np.sort(rng.random((3000, 2, 2)), axis=1).reshape(-1, 4)
    rows = [(number % 90, *row) for number, row in enumerate(corners.tolist())]
    write_records(tmp_path / "train.rec", [(image(), rows), (image(".png"), rows[:50]), (image(channels=1), rows[:5])])
    (tmp_path / "train.classes").write_text("".join(f"a class with a rather long name {i}\n" for i in range(120)))
    report = as_text(look(tmp_path))
    assert "and 20 more" in report
    assert max(map(len, report.splitlines())) <= 80  # columns


def test_records_are_read_as_a_job_reads_them(tmp_path: Path) -> None:
    write_scenes(tmp_path / "b" / "scenes.rec", images=5, seed=1)
    several_parts = b"\x0a\x23\xd7\xce" * 9 + image()  # the magic of a record, at which its payload is split
    write_records(tmp_path / "a.rec", [(several_parts, [CAT, (0, 0.9, 0, 1.5, 0.5), (7, 2, 2, 3, 3)])])
    source = open_labels(tmp_path)
    dataset = RecordIODataset.open(tmp_path, channel=tmp_path.name, num_classes=8, label_width=350)
    table = source.table
    assert table.summary() == dataset.summary
    for index in range(len(dataset)):
        rows = slice(*table.begins[index : index + 2])
        np.testing.assert_array_equal(table.objects[rows][table.kept[rows]], dataset[index].objects)
        assert source.read(index) == dataset[index].image
        assert source.where(index) == dataset.where(index)
    assert source.class_names == {0: "ball", 1: "cone", 2: "crate", 3: "leaf", 4: "mug"}


def test_images_with_annotations_are_read_as_a_job_reads_them(tmp_path: Path) -> None:
    boxes = {"x/b.png": [box(3, 20, 10, 40, 20), box(0, 90, 10, 40, 20), box(0, 120, 10, 9, 9)], "a.jpg": []}
    path = write_annotated(tmp_path, boxes)
    source = open_labels(path)
    dataset = AnnotatedFolder.open(
        ChannelFolder("train", path),
        ChannelFolder("train_annotation", tmp_path / "train_annotation"),
        num_classes=4,
        label_width=350,
    )
    table = source.table
    assert table.summary() == dataset.summary
    np.testing.assert_array_equal(table.objects[table.kept], dataset[1].objects)
    assert [source.where(index) for index in range(2)] == [dataset.where(index) for index in range(2)]
    assert source.read(1) == dataset[1].image
    assert source.class_names == {0: "cat"}
    report = as_text(look(path))
    assert "  outside           1  dropped: no part of it lies inside the image\n" in report
    assert "    train_annotation channel, x/b.json, annotation 2\n" in report
    assert "num_classes=4 num_training_samples=2 label_width=17" in report


@pytest.mark.parametrize("folder", ["train_annotation", "annotations", "annotations/train"])
def test_annotations_are_found_beside_the_images(tmp_path: Path, folder: str) -> None:
    path = write_annotated(tmp_path, {"a.jpg": [box(0, 20, 10, 40, 20)]}, folder)
    assert open_labels(path).table.counts.tolist() == [1]


def test_annotations_may_lie_anywhere_and_be_cocos(tmp_path: Path) -> None:
    path = write_annotated(tmp_path, {"a.jpg": []})
    document = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 1, "category_id": 9, "bbox": [20, 10, 40, 20]}],
        "categories": [{"id": 9, "name": "owl"}, {"id": 2, "name": "fox"}],
    }
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "instances.json").write_text(json.dumps(document))
    source = open_labels(path, labels)
    assert source.table.ids.tolist() == [1]
    assert source.class_names == {0: "fox", 1: "owl"}
    assert source.where_box(0, 0) == "labels channel, instances.json, image a.jpg, annotation 0"
    (labels / "instances_other.json").write_text("broken")
    assert open_labels(path, labels / "instances.json").table.ids.tolist() == [1]


def test_boxes_are_called_as_their_reader_calls_them(tmp_path: Path) -> None:
    path = write_annotated(tmp_path, {"a.jpg": []})
    (tmp_path / "labels").mkdir()
    corners = "<xmin>71</xmin><ymin>11</ymin><xmax>90</xmax><ymax>30</ymax>"
    (tmp_path / "labels" / "a.xml").write_text(
        "<annotation><size><width>100</width><height>50</height></size>"
        f"<object><name>cat</name><bndbox>{corners}</bndbox></object></annotation>"
    )
    assert open_labels(path, tmp_path / "labels").where_box(0, 0) == "labels channel, a.xml, object 1"
    (path / "a.jpg").write_bytes(image(width=50, height=25))
    resized = look(path, annotations=tmp_path / "labels").refusals[0]
    assert resized.startswith("labels channel, a.xml, object 1: expected a box within its image, which is 50x25")


def test_the_folder_that_one_is_in_can_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_records(tmp_path / "shards" / "TRAIN.REC", [(image(), [CAT])])
    (tmp_path / "shards" / "TRAIN.classes").write_text("cat\n")
    (tmp_path / "shards" / "._TRAIN.REC").write_bytes(b"of another system")
    monkeypatch.chdir(tmp_path / "shards")
    source = open_labels(Path())
    assert source.where(0) == "shards channel, TRAIN.REC, record 0"
    assert source.class_names == {0: "cat"}
    assert open_labels(Path("TRAIN.REC")).where(0) == "TRAIN channel, TRAIN.REC, record 0"


def test_classes_beyond_num_classes_are_told_and_no_failure(tmp_path: Path) -> None:
    path = write_records(tmp_path / "train.rec", [(image(), [CAT]), (image(), [DOG, (7, 0.1, 0.1, 0.4, 0.4)])])
    found = look(path, num_classes=3)
    report = as_text(found)
    assert "  class ids that no object has: 1 (2)\n" in report
    assert "  unknown class     1  refused by a job with num_classes=3\n" in report
    assert "    train channel, train.rec, record 1, object 1\n" in report
    assert found.hyperparameters["num_classes"] == 8
    found.check()


def test_a_label_that_is_none_is_refused_and_the_others_counted(tmp_path: Path) -> None:
    images = [(image(), [CAT]), (image(), [(-1, 0.1, 0.1, 0.4, 0.4)]), (image(), [(0, 0.1, np.nan, 0.4, 0.4)])]
    found = look(write_records(tmp_path / "train.rec", [*images, (image(), [DOG])]))
    report = as_text(found)
    assert "  images            4, 0 of them without objects\n" in report
    assert "                    2 with a label that is none, left out below\n" in report
    place = "train channel, train.rec, record"
    assert f"A job refuses\n  {place} 1, object 0: expected a class id from 0 to 16777215, got -1\n" in report
    assert f"  {place} 2, object 0: expected finite numbers, got [0, 0.1, nan" in report
    assert found.source.where(1) == "train channel, train.rec, record 3"
    assert "num_classes=2 num_training_samples=4" in report
    with pytest.raises(UserError, match=r"record 1, object 0: .* \(the first of 2 mistakes\)"):
        found.check()


def test_a_file_that_breaks_off_is_refused_and_what_is_whole_counted(tmp_path: Path) -> None:
    path = write_records(tmp_path / "a.rec", [(image(), [CAT])] * 3)
    path.write_bytes(path.read_bytes()[:-40])
    write_records(tmp_path / "b.rec", [(image(), [DOG])])
    (tmp_path / "c.rec").write_bytes(b"")
    found = look(tmp_path)
    assert found.statistics.images == 3
    channel = f"{tmp_path.name} channel"
    assert found.refusals[0].startswith(
        f"Unable to parse record. Please make sure input data is in correct recordio "
        f"format. {channel}, a.rec, record 2: expected"
    )
    assert found.refusals[1:] == [f"{channel}, c.rec: expected at least one record, got an empty file"]


def test_annotations_that_are_none_are_refused_and_the_others_counted(tmp_path: Path) -> None:
    boxes = {f"{name}.jpg": [box(0, 20, 10, 40, 20)] for name in "abcd"}
    path = write_annotated(tmp_path, {**boxes, "e.jpg": [box(-1, 20, 10, 40, 20)]})
    (tmp_path / "train_annotation" / "b.json").write_text("{")
    (tmp_path / "train_annotation" / "c.json").write_text('{"annotations": [{"class_id": 0}]}')
    found = look(path)
    place = "train_annotation channel"
    assert found.statistics.images == 2
    assert [message.partition(": expected")[0] for message in found.refusals] == [
        f"{place}, b.json",
        f"{place}, c.json, annotation 0: left",
        f"{place}, e.json, annotation 0: class_id",
    ]
    assert found.hyperparameters["num_training_samples"] == 5
    assert found.source.where_box(1, 0) == f"{place}, d.json, annotation 0"


def test_boxes_in_the_wrong_unit_are_refused(tmp_path: Path) -> None:
    records = write_records(tmp_path / "pixels.rec", [(image(), [(0, 20, 10, 60, 30)])])
    assert "divide pixels by the image's width and height" in look(records).refusals[0]
    images = write_annotated(tmp_path, {"a.jpg": [box(0, 0.2, 0.1, 0.4, 0.2)]})
    assert "as those in fractions of the image are" in look(images).refusals[0]


def test_a_data_set_without_objects_is_refused(tmp_path: Path) -> None:
    found = look(write_records(tmp_path / "train.rec", [(image(), []), (image(), [])]))
    assert found.refusals == ["data: expected an object in at least one image, got 2 without"]
    assert "  width             not known\n" in as_text(found)


def test_images_without_a_header_are_named_and_too_many_are_refused(tmp_path: Path) -> None:
    whole, broken = (image(), [CAT]), (b"GIF89a and so on", [CAT])
    found = look(write_records(tmp_path / "train.rec", [whole, broken, whole]))
    report = as_text(found)
    assert "  unreadable        1\n    train channel, train.rec, record 1: expected a JPEG or PNG image" in report
    assert found.refusals == []
    found = look(write_records(tmp_path / "train.rec", [whole, broken, broken]))
    assert found.refusals == [
        "data: expected JPEG or PNG images, at most 1 of 3 unreadable, got 2; replace or remove them"
    ]


def test_images_that_break_off_are_found_when_all_are_decoded(tmp_path: Path) -> None:
    path = write_records(tmp_path / "train.rec", [(image(), [CAT])] * 3 + [(image()[:-60], [DOG])])
    assert look(path).unreadable == {}
    assert list(look(path, decode=True).unreadable) == [3]


def test_an_image_that_was_resized_after_labeling_is_refused(tmp_path: Path) -> None:
    path = write_annotated(tmp_path, {"a.jpg": [box(0, 70, 10, 20, 20)], "b.jpg": [box(0, 70, 10, 20, 20)]})
    (path / "b.jpg").write_bytes(image(width=50, height=25))
    found = look(path)
    assert "was the image resized or rotated after it was labeled?" in found.refusals[0]
    assert found.statistics.images == 2


def test_the_report_for_programs_has_all_places(tmp_path: Path) -> None:
    path = write_records(tmp_path / "train.rec", [(image(), [CAT, DOG, *[(0, 0.5, 0.5, 0.505, 0.9)] * 5])])
    report = json.loads(json.dumps(as_json(look(path))))
    assert report["suspicious"]["tiny"] == [f"train channel, train.rec, record 0, object {i}" for i in range(2, 7)]
    assert report["hyperparameters"] == {"num_classes": 2, "num_training_samples": 1, "label_width": 44}
    assert report["statistics"]["classes"][1] == {"class_id": 1, "name": None, "objects": 1, "images": 1}
    assert report["refused"] == []


def test_what_cannot_be_looked_at_is_refused(tmp_path: Path) -> None:
    nothing = "expected a .rec or .manifest file, or a folder of either or of images"
    assert refusal(tmp_path / "none") == f"{tmp_path / 'none'}: {nothing}, got nothing there"
    (tmp_path / "notes.txt").write_text("")
    assert refusal(tmp_path / "notes.txt") == f"{tmp_path / 'notes.txt'}: {nothing}, got another file"
    (tmp_path / "text.rec").write_text("no records at all")
    assert refusal(tmp_path / "text.rec", tmp_path) == (
        f"--annotations {tmp_path}: expected them only of a folder of images, got the file {tmp_path / 'text.rec'}"
    )
    assert refusal(tmp_path / "text.rec").startswith("Unable to parse record. Please make sure input data is in")
    (tmp_path / "empty.rec").write_bytes(b"")
    assert refusal(tmp_path / "empty.rec").endswith("empty.rec: expected at least one record, got an empty file")


def test_one_channel_is_looked_at_at_a_time(tmp_path: Path) -> None:
    for channel in ("train", "validation"):
        write_records(tmp_path / channel / "a.rec", [(image(), [CAT])])
    assert refusal(tmp_path) == (
        f"{tmp_path}: expected one channel, got a folder of several; name {tmp_path}/train or another"
    )


def test_folders_that_cannot_be_looked_at_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "train"
    empty.mkdir()
    assert refusal(empty) == (
        f"{empty}: expected annotations of these images in {tmp_path}/train_annotation or {tmp_path}/annotations, "
        "got neither; name their folder with --annotations"
    )
    labels = tmp_path / "labels"
    labels.mkdir()
    assert "train channel: expected at least one image (.jpg, .jpeg or .png)" in refusal(empty, labels)
    (empty / "a.jpg").write_bytes(image())
    assert (
        "labels channel: expected a JSON or VOC XML file for each image, x/y.json or x/y.xml for x/y.jpg,"
        in refusal(empty, labels)
    )
    assert refusal(empty, tmp_path / "none").endswith(
        "expected a folder of annotations or COCO's file, got nothing there"
    )
