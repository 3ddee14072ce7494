"""Channels of images whose annotations are COCO instances files."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.image_json import ImageJsonDataset
from gluon_ssd.errors import UserError

Document = dict[str, Any]

IMAGE = cv2.imencode(".jpg", np.zeros((20, 40, 3), np.uint8))[1].tobytes()
CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}]


def _entry(image_id: int | str, file_name: str) -> Document:
    return {"id": image_id, "file_name": file_name, "width": 40, "height": 20, "license": 1}


def _annotation(image_id: int | str, category_id: int, **others: object) -> Document:
    return {"id": 1, "image_id": image_id, "category_id": category_id, "bbox": [10, 5, 20.0, 10], **others}


def _instances(**lists: object) -> Document:
    return {
        "info": {"lists": [1, 2]},
        "images": [_entry(7, "a.jpg"), _entry(5, "b.jpg"), _entry(6, "other.jpg")],
        "annotations": [
            _annotation(5, 18),
            _annotation(7, 3, segmentation=[[1, 2, 3]]),
            _annotation(6, 3),
            _annotation(5, 3, iscrowd=1),
        ],
        "categories": CATEGORIES,
        **lists,
    }


def _write(folder: Path, images: tuple[str, ...], documents: Mapping[str, object]) -> None:
    for name in images:
        path = folder / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE)
    for name, document in documents.items():
        path = folder / "annotations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document, indent=1).encode())


def _open(folder: Path, *, num_classes: int = 2) -> ImageJsonDataset:
    return ImageJsonDataset.open(
        ChannelFolder("train", folder / "train"),
        ChannelFolder("annotations", folder / "annotations"),
        num_classes=num_classes,
        label_width=350,
        shared=True,
    )


def _refusal(folder: Path, document: object, *, num_classes: int = 2) -> str:
    _write(folder, ("a.jpg", "b.jpg"), {"instances.json": document})
    with pytest.raises(UserError) as caught:
        _open(folder, num_classes=num_classes)
    return str(caught.value)


CAR, DOG = ([class_id, 0.25, 0.25, 0.75, 0.75, 0] for class_id in (0, 1))
CROWD = [0, 0.25, 0.25, 0.75, 0.75, 1]


def test_class_ids_are_the_categories_in_order_and_crowds_are_difficult(tmp_path: Path) -> None:
    _write(tmp_path, ("a.jpg", "b.jpg"), {"instances_train.json": _instances()})
    dataset = _open(tmp_path)
    assert [dataset[index].objects.tolist() for index in range(2)] == [[CAR], [DOG, CROWD]]
    assert [dataset.where(index) for index in range(2)] == ["train channel, a.jpg", "train channel, b.jpg"]
    assert dataset.class_names == ("car", "dog")
    assert dataset.ids_follow_names


def test_lists_may_come_in_any_order_and_ids_be_strings(tmp_path: Path) -> None:
    document = {
        "annotations": [_annotation("x", 18)],
        "categories": CATEGORIES,
        "images": [_entry("y", "a.jpg"), _entry("x", "b.jpg")],
    }
    _write(tmp_path, ("a.jpg", "b.jpg"), {"all.json": document})
    dataset = _open(tmp_path)
    assert [dataset[index].objects.tolist() for index in range(2)] == [[], [DOG]]


def test_images_are_found_by_path_or_by_a_name_that_is_theirs_alone(tmp_path: Path) -> None:
    document = _instances(
        images=[_entry(7, "x/a.jpg"), _entry(5, "train2017/b.jpg"), _entry(6, "y/a.jpg")],
        annotations=[_annotation(6, 18)],
    )
    _write(tmp_path, ("x/a.jpg", "y/a.jpg", "z/b.jpg"), {"instances.json": document})
    dataset = _open(tmp_path)
    assert [dataset.where(index) for index in range(3)] == [
        "train channel, x/a.jpg",
        "train channel, y/a.jpg",
        "train channel, z/b.jpg",
    ]
    assert [len(dataset[index].objects) for index in range(3)] == [0, 1, 0]


def test_files_of_several_splits_and_of_other_tasks_may_lie_together(tmp_path: Path) -> None:
    one = _instances(images=[_entry(1, "b.jpg")], annotations=[_annotation(1, 18)])
    other = _instances(images=[_entry(1, "a.jpg")], annotations=[_annotation(1, 3)])
    captions = _instances(annotations=[{"image_id": 7, "caption": "a car"}])
    people = _instances(annotations=[_annotation(7, 1, keypoints=[])], categories=[{"id": 1, "name": "person"}])
    documents = {"captions.json": captions, "instances_a.json": one, "instances_b.json": other, "person.json": people}
    _write(tmp_path, ("a.jpg", "b.jpg"), documents)
    dataset = _open(tmp_path)
    assert [dataset[index].objects.tolist() for index in range(2)] == [[CAR], [DOG]]


def test_an_image_that_is_not_listed_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _write(tmp_path, ("a.jpg", "b.jpg", "c.jpg"), {"instances.json": _instances()})
    with caplog.at_level(logging.WARNING):
        assert len(_open(tmp_path)) == 2
    assert caplog.messages == [
        (
            "train channel: expected an entry in annotations channel, instances.json for each image, got none for 1 of "
            "3 images, which are left out: c.jpg"
        )
    ]


ONE = "annotations channel, instances.json"
REFUSED: dict[str, tuple[object, str]] = {
    "more categories than classes": (
        _instances(categories=[*CATEGORIES, {"id": 90, "name": "cow"}]),
        ONE + ": expected 2 categories, since num_classes is 2, got 3: car, dog, cow",
    ),
    "fewer categories than classes": (
        _instances(categories=CATEGORIES[:1], annotations=[]),
        ONE + ": expected 2 categories, since num_classes is 2, got 1: dog",
    ),
    "categories of one name": (
        _instances(categories=[{"id": 3, "name": "dog"}, {"id": 18, "name": "dog"}]),
        ONE + ": expected categories of different names, got dog, dog",
    ),
    "a box of three": (
        _instances(annotations=[_annotation(5, 18), _annotation(5, 18, bbox=[1, 2, 3])]),
        ONE + ", annotations 1: bbox: expected a list of four numbers, got [1, 2, 3]",
    ),
    "an annotation that is none": (
        _instances(annotations=[_annotation(5, 18), 5]),
        ONE + ", annotations 1: expected an object with image_id, category_id and bbox, got 5",
    ),
    "no category": (
        _instances(annotations=[_annotation(5, 18) | {"category_id": None}]),
        ONE + ", annotations 0: category_id: expected a number, got null",
    ),
    "an unknown category": (
        _instances(annotations=[_annotation(5, 18), _annotation(5, 4)]),
        ONE + ", annotations 1: category_id: expected the id of a category, got 4",
    ),
    "an unknown image": (
        _instances(annotations=[_annotation(5, 18), _annotation(9, 18)]),
        ONE + ", annotations 1: image_id: expected the id of an image, got 9",
    ),
    "an image id that is none": (
        _instances(annotations=[_annotation(5, 18) | {"image_id": [5]}]),
        ONE + ", annotations 0: image_id: expected a number or a string, got [5]",
    ),
    "an image without a name": (
        _instances(images=[_entry(5, "a.jpg"), {"id": 7}]),
        ONE + ', images 1: expected an object with id and file_name, got {"id": 7}',
    ),
    "a category without a name": (
        _instances(categories=[{"id": 18}]),
        ONE + ', categories 0: expected an object with id and name, got {"id": 18}',
    ),
    "a category of blanks": (
        _instances(categories=[{"id": 18, "name": " "}]),
        ONE + ', categories 0: expected an object with id and name, got {"id": 18, "name": " "}',
    ),
    "a category id twice": (
        _instances(categories=[*CATEGORIES, {"id": 3, "name": "cow"}]),
        ONE + ", categories 2: id: expected an id of its own, got 3 twice",
    ),
    "an image id twice": (
        _instances(images=[_entry(7, "a.jpg"), _entry(7, "b.jpg")]),
        ONE + ", images 1: id: expected an id of its own, got 7 twice",
    ),
    "an image twice": (
        _instances(images=[_entry(5, "a.jpg"), _entry(7, "a.jpg"), _entry(6, "b.jpg")]),
        ONE + ": expected each image once, got a.jpg a second time",
    ),
    "images that are not there": (
        _instances(images=[_entry(5, "c.jpg")], annotations=[]),
        "annotations channel: expected file_name to be the path of an image, got none that fits: c.jpg; images a.jpg",
    ),
    "a file cut off": (
        json.dumps(_instances())[:-40].encode(),
        ONE + ": expected JSON, got a mistake: ",
    ),
    "two documents": (
        json.dumps(_instances()).encode() * 2,
        ONE + ": expected JSON, got a mistake: Extra data",
    ),
    "no instances": (
        {"images": [], "annotations": []},
        "annotations channel: expected a JSON file for each image of the train channel, x/y.json for x/y.jpg, got none",
    ),
}


@pytest.mark.parametrize(("document", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, document: object, message: str) -> None:
    assert _refusal(tmp_path, document).startswith(message)


def test_files_with_other_categories_are_refused(tmp_path: Path) -> None:
    other = _instances(images=[_entry(1, "c.jpg")], annotations=[], categories=CATEGORIES[:1])
    _write(tmp_path, ("c.jpg",), {"z.json": other})
    assert _refusal(tmp_path, _instances()) == (
        "annotations channel, z.json: expected the categories of annotations channel, instances.json, since their "
        "order makes the class ids, got others"
    )


def test_whatever_happens_to_a_file_it_is_read_or_refused_but_nothing_else(tmp_path: Path) -> None:
    content = json.dumps(_instances()).encode()
    rng = np.random.default_rng(8)
    refusals = []
    for _ in range(600):
        begin = int(rng.integers(len(content)))
        piece = [b"", b"null", b"-1", b"1e999", b'"', b"[", b"}", b"\xff", b"[[]]"][int(rng.integers(9))]
        mutated = content[:begin] + piece + content[begin + int(rng.integers(8)) :]
        _write(tmp_path, ("a.jpg", "b.jpg"), {"instances.json": mutated})
        try:
            _open(tmp_path)
        except UserError as error:
            refusals.append(str(error))
    assert 200 < len(refusals) < 600
    assert all("annotations channel" in refusal for refusal in refusals)
