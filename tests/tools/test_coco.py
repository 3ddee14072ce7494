import json
from pathlib import Path
from typing import Any

import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DataSet
from gluon_ssd.tools.box_form import BoxForm
from gluon_ssd.tools.coco import read_coco

DOCUMENT: dict[str, Any] = {
    "info": {"year": 2017},
    "images": [
        {"id": 9, "file_name": "b.jpg", "width": 640, "height": 480},
        {"id": 4, "file_name": "sub/a.jpg", "width": 0, "height": 0},
    ],
    "annotations": [
        {"id": 11, "image_id": 4, "category_id": 18, "bbox": [1.5, 2, 30, 40], "iscrowd": 0, "segmentation": [[1, 2]]},
        {"id": 12, "image_id": 4, "category_id": 1, "bbox": [5, 6, 7, 8], "iscrowd": 1, "segmentation": {"size": [1]}},
        {"image_id": 4, "category_id": 1, "bbox": [5, 6, 7]},
    ],
    "categories": [{"id": 18, "name": "dog"}, {"id": 44, "name": "wine  glass"}, {"id": 1, "name": "person"}],
}


def read(folder: Path, classes: list[str] | None = None, **changes: object) -> DataSet:
    source = folder / "instances.json"
    source.write_text(json.dumps({**DOCUMENT, **changes}))
    return read_coco(source, folder, classes=classes)


def test_images_keep_their_order_and_categories_that_of_their_ids(tmp_path: Path) -> None:
    data_set = read(tmp_path)
    assert data_set.class_names == ("person", "dog", "wine glass")
    assert list(data_set.entries) == [
        AnnotatedImage("b.jpg", tmp_path / "b.jpg", "b.jpg", BoxForm.COCO, (), (640, 480)),
        AnnotatedImage(
            "sub/a.jpg",
            tmp_path / "sub" / "a.jpg",
            "sub/a.jpg",
            BoxForm.COCO,
            (
                AnnotatedObject("annotation 11", "dog", (1.5, 2, 30, 40)),
                AnnotatedObject("annotation 12", "person", (5, 6, 7, 8), difficult=True),
                AnnotatedObject("annotation 2", "person", None),
            ),
        ),
    ]
    assert (data_set.label, data_set.folder, data_set.notes) == ("instances.json", "", ())


def test_objects_of_images_that_are_not_listed_are_told_in_one_line(tmp_path: Path) -> None:
    data_set = read(tmp_path, images=DOCUMENT["images"][:1])
    assert data_set.notes == (
        "instances.json: dropped: 3 objects of images that it does not list, the first with id 4",
    )
    assert data_set.dropped_objects == 3


def test_classes_that_are_given_may_join_categories_of_one_name(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "dog"}, {"id": 18, "name": "dog"}]
    data_set = read(tmp_path, ["dog"], categories=categories)
    assert data_set.class_names == ("dog",)
    assert [item.class_name for item in data_set.entries[1].read().objects] == ["dog", "dog", "dog"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"images": None},
            "instances.json: expected the lists images, annotations and categories, as in COCO's .*, got no images",
        ),
        ({"categories": {}, "annotations": []}, "instances.json: expected the lists .*, got no categories"),
        (
            {"categories": [{"id": 1}]},
            r"instances.json, categories 0: expected an object with id and name, got {\"id\": 1}",
        ),
        (
            {"categories": [{"id": 1, "name": "dog"}, {"id": 18, "name": "dog"}]},
            "expected a different name for each category, got 'dog' for ids 1, 18; name the classes with --classes",
        ),
        (
            {"annotations": [{"image_id": [4]}]},
            "instances.json, annotations 0: category_id: expected a number, got null",
        ),
        (
            {"annotations": [{"image_id": 4, "category_id": 2}]},
            "instances.json, annotations 0: category_id: expected the id of a category, got 2",
        ),
    ],
)
def test_files_that_contradict_themselves_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, **changes)


def test_files_that_are_missing_or_no_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"source: expected a COCO file such as instances_train\.json, got: .*No such"):
        read_coco(tmp_path / "none.json", tmp_path, classes=None)
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(UserError, match=r"text\.json: expected JSON, got a mistake: Expecting property name"):
        read_coco(tmp_path / "text.json", tmp_path, classes=None)
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(UserError, match=r"list\.json: expected JSON, got a mistake: Expecting '{'"):
        read_coco(tmp_path / "list.json", tmp_path, classes=None)
    with pytest.raises(UserError, match=r"--images: expected the folder of the images, got '.*nowhere', which is none"):
        read_coco(tmp_path / "text.json", tmp_path / "nowhere", classes=None)
