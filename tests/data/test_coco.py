"""Channels of images whose annotations are COCO instances files."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotation_documents import CATEGORIES, annotation, entry, instances
from gluon_ssd.data.annotated_folder import AnnotatedFolder
from gluon_ssd.data.channel_files import ChannelFolder

IMAGE = cv2.imencode(".jpg", np.zeros((20, 40, 3), np.uint8))[1].tobytes()


def _write(folder: Path, images: tuple[str, ...], documents: Mapping[str, object]) -> None:
    for name in images:
        path = folder / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE)
    for name, document in documents.items():
        path = folder / "annotations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document, indent=1).encode())


def _open(folder: Path, *, num_classes: int = 2) -> AnnotatedFolder:
    return AnnotatedFolder.open(
        ChannelFolder("train", folder / "train"),
        ChannelFolder("annotations", folder / "annotations"),
        num_classes=num_classes,
        label_width=350,
        shared=True,
    )


CAR, DOG = ([class_id, 0.25, 0.25, 0.75, 0.75, 0] for class_id in (0, 1))
CROWD = [0, 0.25, 0.25, 0.75, 0.75, 1]


def test_class_ids_are_the_categories_in_order_and_crowds_are_difficult(tmp_path: Path) -> None:
    _write(tmp_path, ("a.jpg", "b.jpg"), {"instances_train.json": instances()})
    dataset = _open(tmp_path)
    assert [dataset[index].objects.tolist() for index in range(2)] == [[CAR], [DOG, CROWD]]
    assert [dataset.where(index) for index in range(2)] == ["train channel, a.jpg", "train channel, b.jpg"]
    assert dataset.class_names == ("car", "dog")
    assert dataset.ids_follow_names


def test_lists_may_come_in_any_order_and_ids_be_strings(tmp_path: Path) -> None:
    document = {
        "annotations": [annotation("x", 18)],
        "categories": CATEGORIES,
        "images": [entry("y", "a.jpg"), entry("x", "b.jpg")],
    }
    _write(tmp_path, ("a.jpg", "b.jpg"), {"all.json": document})
    dataset = _open(tmp_path)
    assert [dataset[index].objects.tolist() for index in range(2)] == [[], [DOG]]


def test_images_are_found_by_path_or_by_a_name_that_is_theirs_alone(tmp_path: Path) -> None:
    document = instances(
        images=[entry(7, "x/a.jpg"), entry(5, "train2017/b.jpg"), entry(6, "y/a.jpg")],
        annotations=[annotation(6, 18)],
    )
    _write(tmp_path, ("x/a.jpg", "y/a.jpg", "z/b.jpg"), {"instances.json": document})
    dataset = _open(tmp_path)
    assert [dataset.where(index) for index in range(3)] == [
        "train channel, x/a.jpg",
        "train channel, y/a.jpg",
        "train channel, z/b.jpg",
    ]
    assert [len(dataset[index].objects) for index in range(3)] == [0, 1, 0]


def test_an_entry_of_an_equal_name_is_another_image_where_the_path_of_one_fits(tmp_path: Path) -> None:
    document = instances(
        images=[entry(1, "train/1.jpg"), entry(2, "val/1.jpg"), entry(3, "train/2.jpg")],
        annotations=[annotation(1, 3), annotation(2, 18), annotation(3, 3)],
    )
    _write(tmp_path, ("val/1.jpg", "x/2.jpg"), {"instances.json": document})
    dataset = _open(tmp_path)
    assert [dataset[index].objects.tolist() for index in range(2)] == [[DOG], [CAR]]


def test_files_of_several_splits_and_of_other_tasks_may_lie_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = instances(images=[entry(1, "b.jpg")], annotations=[annotation(1, 18)])
    other = instances(images=[entry(1, "a.jpg")], annotations=[annotation(1, 3)])
    captions = instances(annotations=[{"image_id": 7, "caption": "a car"}])
    people = instances(annotations=[annotation(7, 1, keypoints=[])], categories=[{"id": 1, "name": "person"}])
    documents: dict[str, object] = {
        "captions.json": captions,
        "detections.json": [annotation(7, 3)],
        "instances_a.json": one,
        "instances_b.json": other,
        "person.json": people,
    }
    _write(tmp_path, ("a.jpg", "b.jpg"), documents)
    with caplog.at_level(logging.INFO):
        dataset = _open(tmp_path)
    assert [dataset[index].objects.tolist() for index in range(2)] == [[CAR], [DOG]]
    assert caplog.messages[0] == (
        "annotations channel: 3 JSON files hold no boxes as COCO has them, and are left alone: captions.json, "
        "detections.json, person.json"
    )


def test_a_list_of_the_categories_makes_their_names_certain(tmp_path: Path) -> None:
    _write(tmp_path, ("a.jpg", "b.jpg"), {"instances.json": instances()})
    assert not _open(tmp_path).names_given
    (tmp_path / "annotations" / "all.classes").write_text("car\ndog\n")
    dataset = _open(tmp_path)
    assert dataset.names_given
    assert dataset.class_names == ("car", "dog")


def test_an_image_that_is_not_listed_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _write(tmp_path, ("a.jpg", "b.jpg", "c.jpg"), {"instances.json": instances()})
    with caplog.at_level(logging.WARNING):
        assert len(_open(tmp_path)) == 2
    assert caplog.messages == [
        (
            "train channel: expected an entry in annotations channel, instances.json for each image, got none for 1 of "
            "3 images, which are left out: c.jpg"
        )
    ]
