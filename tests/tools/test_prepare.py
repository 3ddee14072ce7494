"""Preparing data sets, checked by MXNet's own reader of RecordIO."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import DataSet
from gluon_ssd.tools.box_table import read_csv
from gluon_ssd.tools.coco import read_coco
from gluon_ssd.tools.prepare import parse_classes
from gluon_ssd.tools.prepare import prepare as prepare_data_set
from gluon_ssd.tools.prepare_account import PrepareSummary
from gluon_ssd.tools.voc import read_voc
from gluon_ssd.tools.yolo import read_yolo
from tools.layouts import FOLDERS, LAYOUTS, NAMES, OBJECTS, coco, write_image, yolo

Box = tuple[float | str, float | str, float | str, float | str]
WIDTH, HEIGHT = 50, 40


def item(name: str | None, box: Box | None, *, difficult: str = "0") -> str:
    parts = [] if name is None else [f"<name>{name}</name>"]
    if box is not None:
        corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        parts.append("<bndbox>" + "".join(f"<{key}>{value}</{key}>" for key, value in corners) + "</bndbox>")
    return f"<object>{''.join(parts)}<difficult>{difficult}</difficult></object>"


@dataclass(frozen=True)
class Voc:
    root: Path

    def add(self, name: str, *objects: str, suffix: str = ".jpg", size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
        """Add an image with its annotation to the folder; return the image's bytes."""
        rng = np.random.default_rng(sum(map(ord, name)))
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        content = bytes(cv2.imencode(suffix, pixels)[1])
        (self.root / "JPEGImages" / f"{name}{suffix}").write_bytes(content)
        self.annotate(
            name,
            f"<annotation><filename>{name}{suffix}</filename>"
            f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
            f"{''.join(objects)}</annotation>",
        )
        return content

    def annotate(self, name: str, xml: str) -> None:
        (self.root / "Annotations" / f"{name}.xml").write_text(xml)

    def list(self, split: str, *lines: str) -> None:
        (self.root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def voc(tmp_path: Path) -> Voc:
    root = tmp_path / "VOCdevkit" / "VOC2007"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    return Voc(root)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out" / "train.rec"


def prepare_split(source: Path, split: str, output: Path, classes: list[str] | None = None) -> PrepareSummary:
    return prepare_data_set(read_voc(source, split, classes=classes), output)


def prepare(voc: Voc, output: Path, classes: list[str] | None = None) -> PrepareSummary:
    return prepare_split(voc.root, "train", output, classes)


def records(output: Path) -> list[tuple[NDArray[np.float32], bytes]]:
    """Return the objects and the image bytes of each record, read by MXNet."""
    reader = mx.recordio.MXRecordIO(str(output), "r")
    found = []
    while (payload := reader.read()) is not None:
        header, content = mx.recordio.unpack(payload)
        assert header.label[:2].tolist() == [2, 6]
        found.append((header.label[2:].reshape(-1, 6), content))
    reader.close()
    return found


def test_images_are_copied_and_pixels_that_count_from_one_become_fractions(voc: Voc, output: Path) -> None:
    jpeg = voc.add("one", item("dog", (1, 1, WIDTH, HEIGHT)), item("cat", (11, 21, 20, 30), difficult="1"))
    png = voc.add("two", item("cat", ("5.5", 1, 25, 20)), suffix=".png")
    voc.list("train", "one", "two")
    summary = prepare(voc, output)
    (first, first_image), (second, second_image) = records(output)
    assert (first_image, second_image) == (jpeg, png)
    np.testing.assert_allclose(first, [[1.0, 0, 0, 1, 1, 0], [0.0, 0.2, 0.5, 0.4, 0.75, 1]], atol=1e-7)
    np.testing.assert_allclose(second, [[0, 0.09, 0, 0.5, 0.5, 0]], atol=1e-7)
    assert (summary.images, summary.background_images, summary.objects) == (2, 0, {"cat": 2, "dog": 1})
    assert (summary.widest_label, summary.notes) == (14, ())
    assert (output.parent / "train.classes").read_text() == "cat\ndog\n"
    assert (output.parent / "train.lst").read_text().splitlines()[1].endswith("\tJPEGImages/two.png")


def test_what_is_dropped_or_clipped_is_told_line_by_line(voc: Voc, output: Path) -> None:
    voc.add(
        "one",
        item("dog", (5, 5, 5, 9)),
        item("dog", (60, 5, 70, 9)),
        item(None, (1, 1, 5, 5)),
        item("dog", (1, "left", 5, 5)),
        item("dog", None),
        item("dog", (41, 31, 60, 40)),
        item("dog", (0, 0, 10, 10)),
    )
    voc.add("flat", item("dog", (9, 9, 8, 20)))
    voc.list("train", "one", "flat")
    summary = prepare(voc, output)
    assert summary.notes == (
        "one, object 1 (dog): dropped: box without area (xmin 5, ymin 5, xmax 5, ymax 9)",
        "one, object 2 (dog): dropped: box outside the image of 50x40 (xmin 60, ymin 5, xmax 70, ymax 9)",
        "one, object 3: dropped: object without a name",
        "one, object 4 (dog): dropped: object without a box of four numbers",
        "one, object 5 (dog): dropped: object without a box of four numbers",
        "one, object 6 (dog): clipped: box beyond the image of 50x40 (xmin 41, ymin 31, xmax 60, ymax 40)",
        "flat, object 1 (dog): dropped: box without area (xmin 9, ymin 9, xmax 8, ymax 20)",
    )
    (objects, _), (background, _) = records(output)
    # The last box counts from 0, as many tools do: its edge is clipped without a word.
    np.testing.assert_allclose(objects[:, 1:5], [[0.8, 0.75, 1, 1], [0, 0, 0.2, 0.25]], atol=1e-7)
    assert len(background) == 0
    assert (summary.images, summary.background_images) == (2, 1)
    assert (summary.dropped_images, summary.dropped_objects) == (0, 6)


def test_images_that_cannot_be_used_are_left_out_and_told(voc: Voc, output: Path) -> None:
    for name in ("good", "broken", "bitmap", "gone", "text", "evil"):
        voc.add(name, item("dog", (1, 1, 9, 9)))
    images, annotations = voc.root / "JPEGImages", voc.root / "Annotations"
    (images / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (images / "bitmap.jpg").write_bytes(bytes(cv2.imencode(".bmp", np.zeros((4, 4, 3), np.uint8))[1]))
    (images / "gone.jpg").unlink()
    (annotations / "text.xml").write_text("no xml")
    (annotations / "evil.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')
    voc.list("train", "broken", "bitmap", "good", "gone", "text", "evil", "unknown")
    summary = prepare(voc, output)
    reasons = {note.split(":")[0]: note for note in summary.notes}
    assert list(reasons) == ["broken", "bitmap", "gone", "text", "evil", "unknown"]
    assert "image broken.jpg cannot be read" in reasons["broken"]
    assert "image bitmap.jpg cannot be read: expected a JPEG or PNG image" in reasons["bitmap"]
    assert reasons["gone"] == "gone: dropped: no image in JPEGImages"
    assert reasons["text"].startswith("text: dropped: annotation is not readable: expected XML, got a mistake: syntax")
    assert reasons["evil"].startswith("evil: dropped: annotation is not readable: expected XML, got a mistake: Entit")
    assert reasons["unknown"] == "unknown: dropped: no annotation"
    assert (summary.images, summary.dropped_images, len(records(output))) == (1, 6, 1)


def test_the_real_size_counts_where_the_annotation_gives_another(voc: Voc, output: Path) -> None:
    voc.add("one", item("dog", (1, 1, 25, 20)), size=(100, 80))
    voc.add("two", item("dog", (1, 1, 25, 20)), size=(0, 0))  # not known, says the tool that wrote it
    voc.list("train", "one", "two")
    summary = prepare(voc, output)
    assert summary.notes == ("one: the annotation gives the size 100x80, the image has 50x40: used the image's",)
    for objects, _ in records(output):
        np.testing.assert_allclose(objects, [[0, 0, 0, 0.5, 0.5, 0]])


def test_class_ids_are_equal_in_all_splits_though_one_lacks_a_class(voc: Voc, output: Path) -> None:
    voc.add("one", item("dog", (1, 1, 9, 9)))
    voc.add("two", item("ant", (1, 1, 9, 9)), item("dog", (1, 1, 9, 9)))
    voc.list("train", "one")
    voc.list("val", "two")
    train = prepare(voc, output)
    val = prepare_split(voc.root, "val", output.with_name("val.rec"))
    assert (train.objects, val.objects) == ({"ant": 0, "dog": 1}, {"ant": 1, "dog": 1})
    assert records(output)[0][0][0, 0] == 1


def test_classes_that_are_given_fix_the_ids(voc: Voc, output: Path) -> None:
    voc.add("one", item("dog", (1, 1, 9, 9)), item("ant", (1, 1, 9, 9)))
    voc.list("train", "one")
    prepare(voc, output, ["dog", "owl", "ant"])
    assert records(output)[0][0][:, 0].tolist() == [0, 2]
    assert (output.parent / "train.classes").read_text() == "dog\nowl\nant\n"


def test_all_classes_that_are_not_given_are_named_at_once(voc: Voc, output: Path) -> None:
    voc.add("one", item("dog", (1, 1, 9, 9)), item("owl", (1, 1, 9, 9)))
    voc.add("two", item("ant", (1, 1, 9, 9)), item("owl", (1, 1, 9, 9)))
    voc.list("train", "one", "two")
    with pytest.raises(
        UserError,
        match=r"^--classes: .* among dog, got none for 'ant' \(in two\); 'owl' \(in one and 1 more\); add the missing",
    ):
        prepare(voc, output, ["dog"])
    assert not output.parent.exists() or not list(output.parent.iterdir())


def test_the_list_of_one_class_and_a_name_listed_twice_are_understood(voc: Voc, output: Path) -> None:
    voc.add("one", item("dog", (1, 1, 9, 9)))
    voc.add("no 2", item("dog", (1, 1, 9, 9)))
    voc.list("train", "one  1", "no 2 -1", "", "one  1")
    assert prepare(voc, output).images == 2


@pytest.mark.parametrize("above", [0, 1, 2])
def test_the_folder_is_found_up_to_two_levels_below_the_source(voc: Voc, output: Path, above: int) -> None:
    voc.add("one", item("dog", (1, 1, 9, 9)))
    voc.list("train", "one")
    source = [voc.root, *voc.root.parents][above]
    assert prepare_split(source, "train", output).images == 1


def test_several_folders_below_the_source_are_refused(voc: Voc, output: Path) -> None:
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (voc.root.parent / "VOC2012" / part).mkdir(parents=True)
    with pytest.raises(UserError, match=r"expected one PASCAL VOC folder in .*, got VOC2007, VOC2012; name one"):
        prepare_split(voc.root.parent, "train", output)


def test_a_source_that_is_missing_or_another_folder_is_refused(tmp_path: Path, output: Path) -> None:
    with pytest.raises(UserError, match=r"source: expected a folder in the PASCAL VOC layout, got '.*none'"):
        prepare_split(tmp_path / "none", "train", output)
    with pytest.raises(UserError, match="source: expected the folders JPEGImages, Annotations, ImageSets/Main in"):
        prepare_split(tmp_path, "train", output)


def test_a_split_that_is_missing_is_refused_with_those_there_are(voc: Voc, output: Path) -> None:
    voc.list("train", "one")
    voc.list("test", "one")
    with pytest.raises(UserError, match=r"--split: expected one that .* lists \(test, train\), got 'val'"):
        prepare_split(voc.root, "val", output)


def test_a_split_that_leaves_no_object_is_refused(voc: Voc, output: Path) -> None:
    voc.add("one", item("dog", (5, 5, 5, 9)))
    voc.list("train", "one")
    with pytest.raises(UserError, match="expected at least one object in the images of 'train', got none; one, obj"):
        prepare(voc, output)
    assert not output.exists()


def test_the_summary_shows_notes_counts_and_the_hyperparameters_that_follow(voc: Voc, output: Path) -> None:
    voc.add("one", item("dog", (1, 1, 9, 9)), item("ant", (1, 1, 9, 9)), item("ant", (3, 3, 3, 3)))
    voc.list("train", "one")
    assert str(prepare(voc, output)).splitlines() == [
        "one, object 3 (ant): dropped: box without area (xmin 3, ymin 3, xmax 3, ymax 3)",
        f"{output}: 1 image (0 without objects), 2 objects; dropped: images 0, objects 1",
        "classes: 0 ant (1), 1 dog (1)",
        "hyperparameters: num_classes=2, num_training_samples=1, label_width at least 14",
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_records(layout: Callable[[Path], DataSet], tmp_path: Path, output: Path) -> None:
    summary = prepare_data_set(layout(tmp_path), output)
    folder, listed, _ = FOLDERS[layout.__name__]
    written = records(output)
    assert [content for _, content in written] == [(tmp_path / folder / name).read_bytes() for name in NAMES]
    for (objects, _), expected in zip(written, OBJECTS, strict=True):
        np.testing.assert_allclose(objects[:, :5], np.reshape(expected, (-1, 5)), atol=1e-7)
        assert not objects[:, 5].any()
    assert (summary.images, summary.background_images, summary.objects) == (3, 1, {"cat": 1, "dog": 2})
    assert (summary.notes, summary.dropped_images, summary.dropped_objects) == ((), 0, 0)
    names = [line.split("\t")[-1] for line in output.with_suffix(".lst").read_text().splitlines()]
    assert names == [listed + name for name in NAMES]


PIXELS: tuple[list[dict[str, int]], ...] = (
    [
        {"class_id": 0, "left": 10, "top": 20, "width": 20, "height": 10},
        {"class_id": 1, "left": 0, "top": 0, "width": 50, "height": 40},
    ],
    [{"class_id": 1, "left": 25, "top": 10, "width": 20, "height": 30}],
    [],
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_image_and_json_channels(layout: Callable[[Path], DataSet], tmp_path: Path) -> None:
    data_set = layout(tmp_path / "source")
    prepare_data_set(data_set, tmp_path / "train", "json")
    folder, _, prefix = FOLDERS[layout.__name__]
    for name, annotations in zip(NAMES, PIXELS, strict=True):
        original = tmp_path / "source" / folder / name
        assert (tmp_path / "train" / prefix / name).read_bytes() == original.read_bytes()
        annotation = (tmp_path / "train_annotation" / prefix / name).with_suffix(".json")
        assert json.loads(annotation.read_text()) == {
            "file": f"{prefix}{name}",
            "image_size": [{"width": 50, "height": 40, "depth": 3}],
            "annotations": annotations,
            "categories": [{"class_id": 0, "name": "cat"}, {"class_id": 1, "name": "dog"}],
        }
    written = [path.name for path in tmp_path.glob("train*/**/*") if path.is_file()]
    assert sorted(written) == ["a.jpg", "a.json", "b.json", "b.png", "c.jpg", "c.json", "train.classes"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_manifest(layout: Callable[[Path], DataSet], tmp_path: Path) -> None:
    prepare_data_set(layout(tmp_path / "source"), tmp_path / "train.manifest", "manifest")
    lines = [json.loads(line) for line in (tmp_path / "train.manifest").read_text().splitlines()]
    folder, _, prefix = FOLDERS[layout.__name__]
    assert [line["source-ref"] for line in lines] == [f"train_images/{prefix}{name}" for name in NAMES]
    assert tuple(line["bounding-box"]["annotations"] for line in lines) == PIXELS
    assert [line["bounding-box-metadata"]["class-map"] for line in lines] == [
        {"0": "cat", "1": "dog"},
        {"1": "dog"},
        {},
    ]
    for line, name in zip(lines, NAMES, strict=True):
        assert (tmp_path / line["source-ref"]).read_bytes() == (tmp_path / "source" / folder / name).read_bytes()


@pytest.mark.parametrize(("form", "name"), [("json", "train"), ("manifest", "train.manifest")])
def test_difficult_objects_that_a_format_cannot_mark_are_told(voc: Voc, output: Path, form: str, name: str) -> None:
    voc.add("one", item("dog", (1, 1, 9, 9), difficult="1"), item("dog", (1, 1, 5, 9)))
    voc.list("train", "one")
    data_set = read_voc(voc.root, "train", classes=None)
    assert prepare_data_set(data_set, output.with_name(name), form).notes == (
        f"1 object marked difficult, which {form} cannot say: written as ordinary",
    )
    assert prepare_data_set(data_set, output).notes == ()


def test_class_numbers_without_a_name_are_refused_with_their_images(tmp_path: Path, output: Path) -> None:
    yolo(tmp_path)
    with pytest.raises(
        UserError,
        match=r"^--classes: .* object among cat, got none for 'class number 1' \(in a\.jpg and 1 more\); add the",
    ):
        prepare_data_set(read_yolo(tmp_path, "train", classes=["cat"]), output)


def test_an_image_that_is_missing_is_told_with_its_path(tmp_path: Path, output: Path) -> None:
    data_set = coco(tmp_path)
    (tmp_path / "train2017" / "a.jpg").unlink()
    summary = prepare_data_set(data_set, output)
    assert summary.notes == (f"a.jpg: dropped: no image {tmp_path}/train2017/a.jpg",)


def test_what_listing_the_images_left_out_is_told_too(tmp_path: Path, output: Path) -> None:
    coco(tmp_path)
    source = tmp_path / "instances_train2017.json"
    document = json.loads(source.read_text())
    del document["images"][1]
    source.write_text(json.dumps(document))
    summary = prepare_data_set(read_coco(source, tmp_path / "train2017", classes=None), output)
    assert (summary.images, summary.dropped_objects) == (2, 1)
    assert summary.notes[0].endswith("dropped: 1 object of images that it does not list, the first with id 8")


def test_edges_a_pixel_outside_are_not_worth_a_word(tmp_path: Path, output: Path) -> None:
    write_image(tmp_path / "a.jpg")
    (tmp_path / "boxes.csv").write_text("a.jpg,-1,-1,51,41,cat\na.jpg,-1.5,0,50,40,cat\na.jpg,0,0,50,41.5,cat\n")
    summary = prepare_data_set(read_csv(tmp_path / "boxes.csv", None, classes=None), output)
    assert summary.notes == (
        "a.jpg, line 2 (cat): clipped: box beyond the image of 50x40 (xmin -1.5, ymin 0, xmax 50, ymax 40)",
        "a.jpg, line 3 (cat): clipped: box beyond the image of 50x40 (xmin 0, ymin 0, xmax 50, ymax 41.5)",
    )
    np.testing.assert_array_equal(records(output)[0][0][:, 1:5], [[0, 0, 1, 1]] * 3)


def test_no_progress_bar_is_drawn_where_nobody_looks(voc: Voc, output: Path, capfd: pytest.CaptureFixture[str]) -> None:
    voc.add("one", item("dog", (1, 1, 9, 9)))
    voc.list("train", "one")
    prepare(voc, output)
    assert capfd.readouterr() == ("", "")


def test_classes_come_from_a_file_or_between_commas(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("traffic light\ncar\n")
    assert parse_classes(str(tmp_path / "names.txt")) == ("traffic light", "car")
    assert parse_classes("traffic light, car") == ("traffic light", "car")


@pytest.mark.parametrize("argument", ["names.txt", "coco.NAMES", "train.classes", "lists/names"])
def test_a_file_of_classes_that_is_missing_is_not_taken_for_a_class(argument: str) -> None:
    with pytest.raises(UserError, match=f"^--classes: expected .*, got no such file {argument}$"):
        parse_classes(argument)


@pytest.mark.parametrize(("argument", "problem"), [(" , ", "none"), ("cat,dog,cat", "'cat' twice")])
def test_no_classes_or_equal_ones_are_refused(argument: str, problem: str) -> None:
    with pytest.raises(UserError, match=f"expected different names, from a file or between commas, got {problem}"):
        parse_classes(argument)
