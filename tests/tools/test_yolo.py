from pathlib import Path

import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DroppedError
from gluon_ssd.tools.box_form import BoxForm
from gluon_ssd.tools.yolo import read_yolo
from tools.layouts import write_image


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.PNG", "sub/c.jpeg"):
        write_image(tmp_path / "images" / "train" / name)
    (tmp_path / "images" / "train" / "notes.md").write_text("no image")
    (tmp_path / "labels" / "train" / "sub").mkdir(parents=True)
    (tmp_path / "labels" / "train" / "a.txt").write_text("1 0.5 0.25 0.125 1\n\n0 0.5 0.5 1 1\n")
    (tmp_path / "classes.txt").write_text("cat\ntraffic light\n")
    return tmp_path


def objects_of(source: Path, content: str) -> tuple[AnnotatedObject, ...]:
    (source / "labels" / "train" / "b.txt").write_text(content)
    return read_yolo(source, "train", classes=None).entries[1].read().objects


def test_images_come_by_name_with_the_lines_of_their_label_files(source: Path) -> None:
    data_set = read_yolo(source, "train", classes=None)
    assert (data_set.class_names, data_set.folder) == (("cat", "traffic light"), "images/train")
    images = source / "images" / "train"
    objects = (
        AnnotatedObject("line 1", "traffic light", (0.5, 0.25, 0.125, 1)),
        AnnotatedObject("line 3", "cat", (0.5, 0.5, 1, 1)),
    )
    assert [entry.read() for entry in data_set.entries] == [
        AnnotatedImage("a.PNG", images / "a.PNG", "a.PNG", BoxForm.YOLO, objects),
        AnnotatedImage("b.jpg", images / "b.jpg", "b.jpg", BoxForm.YOLO, ()),
        AnnotatedImage("sub/c.jpeg", images / "sub" / "c.jpeg", "sub/c.jpeg", BoxForm.YOLO, ()),
    ]


def test_labels_lie_in_the_same_folders_as_their_images(source: Path) -> None:
    (source / "labels" / "train" / "sub" / "c.txt").write_text("0 0.5 0.5 0.5 0.5")
    objects = read_yolo(source, "train", classes=None).entries[2].read().objects
    assert objects == (AnnotatedObject("line 1", "cat", (0.5, 0.5, 0.5, 0.5)),)


def test_a_split_may_hold_images_and_labels(tmp_path: Path) -> None:
    write_image(tmp_path / "valid" / "images" / "a.jpg")
    (tmp_path / "valid" / "labels").mkdir()
    (tmp_path / "valid" / "labels" / "a.txt").write_text("0 0.5 0.5 1 1")
    data_set = read_yolo(tmp_path, "valid", classes=["cat"])
    assert (data_set.folder, len(data_set.entries[0].read().objects)) == ("valid/images", 1)


@pytest.mark.parametrize(
    ("line", "class_name"),
    [
        ("0 0.5 0.5 1", "cat"),
        ("0 0.5 0.5 1 1 0.9", "cat"),
        ("0 0.5 0.5 1 nan", "0 0.5 0.5 1 nan"),
        ("cat 0.5 0.5 1 1", "cat 0.5 0.5 1 1"),
    ],
)
def test_a_line_that_is_no_box_of_a_class_has_no_numbers(source: Path, line: str, class_name: str) -> None:
    assert objects_of(source, line) == (AnnotatedObject("line 1", class_name, None),)


def test_class_numbers_without_a_name_are_called_by_their_number(source: Path) -> None:
    objects = objects_of(source, "2 0.5 0.5 1 1\n-1 0.5 0.5 1 1\n0.5 0.5 0.5 1 1\n")
    assert [item.class_name for item in objects] == ["class number 2", "class number -1", "class number 0.5"]


def test_a_label_file_that_is_no_text_drops_its_image(source: Path) -> None:
    (source / "labels" / "train" / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DroppedError, match="label file cannot be read: 'utf-8' codec"):
        read_yolo(source, "train", classes=None).entries[1].read()


def test_names_that_are_given_need_no_file(source: Path) -> None:
    (source / "classes.txt").unlink()
    assert read_yolo(source, "train", classes=["owl", "ant"]).class_names == ("owl", "ant")


def test_no_names_are_refused_and_a_yaml_file_is_pointed_at(source: Path) -> None:
    (source / "classes.txt").write_text("\n")
    with pytest.raises(
        UserError, match=r"--classes: expected the names .* in .*classes\.txt or by --classes, got none"
    ):
        read_yolo(source, "train", classes=None)
    (source / "data.yaml").write_text("names: [cat]")
    with pytest.raises(UserError, match=r"or by --classes \(the names of data\.yaml, in order\), got none; labels"):
        read_yolo(source, "train", classes=None)


def test_equal_names_are_refused(source: Path) -> None:
    (source / "classes.txt").write_text("cat\ncat\n")
    with pytest.raises(UserError, match=r"classes\.txt: expected different names, got cat, cat"):
        read_yolo(source, "train", classes=None)


def test_names_that_are_no_text_are_refused(source: Path) -> None:
    (source / "classes.txt").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"classes\.txt: expected a text file, got: 'utf-8'"):
        read_yolo(source, "train", classes=None)


def test_a_folder_or_a_split_that_is_missing_is_refused(source: Path) -> None:
    with pytest.raises(
        UserError, match=r"source: expected a folder in the YOLO layout, got '.*nowhere', which is none"
    ):
        read_yolo(source / "nowhere", "train", classes=None)
    with pytest.raises(UserError, match=r"--split: expected a folder images/val or val/images in .*there are: train"):
        read_yolo(source, "val", classes=None)
    (source / "images" / "val").mkdir()
    with pytest.raises(UserError, match=r"source: expected the label files in .*labels/val, got no such folder"):
        read_yolo(source, "val", classes=None)
    (source / "labels" / "val").mkdir()
    with pytest.raises(UserError, match=r"--split: expected JPEG or PNG images in .*images/val, got none"):
        read_yolo(source, "val", classes=None)
