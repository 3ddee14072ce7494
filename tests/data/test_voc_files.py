"""Channels of images whose annotations are PASCAL VOC's XML files."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotation_documents import voc_annotation, voc_object
from gluon_ssd.data.annotated_folder import AnnotatedFolder
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.tools.prepare import prepare
from gluon_ssd.tools.voc import read_voc

IMAGE = cv2.imencode(".jpg", np.zeros((20, 40, 3), np.uint8))[1].tobytes()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _pairs(folder: Path, annotations: Mapping[str, bytes]) -> None:
    _write(folder / "train", {f"{name}.jpg": IMAGE for name in annotations})
    _write(folder / "train_annotation", {f"{name}.xml": content for name, content in annotations.items()})


def _open(folder: Path, *, num_classes: int = 2, class_names: Sequence[str] | None = None) -> AnnotatedFolder:
    return AnnotatedFolder.open(
        ChannelFolder("train", folder / "train"),
        ChannelFolder("train_annotation", folder / "train_annotation"),
        num_classes=num_classes,
        label_width=350,
        class_names=class_names,
    )


CAT, DOG = ([class_id, 0.25, 0.25, 0.75, 0.75, 0] for class_id in (0, 1))


def _objects(dataset: AnnotatedFolder) -> list[list[list[float]]]:
    return [dataset[index].objects.tolist() for index in range(len(dataset))]


def test_pixels_count_from_one_and_names_make_ids_in_their_order(tmp_path: Path) -> None:
    annotations = {
        "a": voc_annotation(voc_object("dog"), voc_object("cat", (1, 1, 40, 20), difficult=1)),
        "x/b": voc_annotation(voc_object("cat")),
        "x/y/c": voc_annotation(),
    }
    _pairs(tmp_path, annotations)
    dataset = _open(tmp_path)
    assert _objects(dataset) == [[DOG, [0, 0, 0, 1, 1, 1]], [CAT], []]
    assert dataset.where(1) == "train channel, x/b.jpg"
    assert dataset.places == [f"train_annotation channel, {name}.xml" for name in annotations]
    assert dataset.class_names == ("cat", "dog")
    assert dataset.ids_follow_names


@pytest.mark.parametrize(
    ("image", "annotation"),
    [
        ("a.jpg", "Annotations/a.xml"),
        ("JPEGImages/a.jpg", "a.xml"),
        ("VOC2007/JPEGImages/a.jpg", "VOC2007/Annotations/a.xml"),
        ("JPEGImages/x/a.jpg", "JPEGImages/x/a.XML"),
    ],
)
def test_the_folders_of_a_voc_data_set_do_not_count_as_names(tmp_path: Path, image: str, annotation: str) -> None:
    _write(tmp_path / "train", {image: IMAGE})
    _write(tmp_path / "train_annotation", {annotation: voc_annotation(voc_object("cat"))})
    dataset = _open(tmp_path, num_classes=1)
    assert _objects(dataset) == [[CAT]]
    assert dataset.where(0) == f"train channel, {image}"


def test_other_json_files_may_lie_beside_them_but_json_of_the_images_goes_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _pairs(tmp_path, {"a": voc_annotation(voc_object("cat"))})
    _write(tmp_path / "train_annotation", {"dataset.json": b"{}"})
    assert _objects(_open(tmp_path, num_classes=1)) == [[CAT]]
    document = {"annotations": [{"class_id": 1, "left": 10, "top": 5, "width": 20, "height": 10}]}
    _write(tmp_path / "train_annotation", {"a.json": json.dumps(document).encode()})
    assert _objects(_open(tmp_path)) == [[DOG]]
    told = "files are not used for the train channel, since its images are read with"
    assert [message for message in caplog.messages if told in message] == [
        f"train_annotation channel: 1 JSON {told} VOC XML files: dataset.json",
        f"train_annotation channel: 1 VOC XML {told} JSON files: a.xml",
    ]


NAMES = b"dog\nowl\ncat\n"


@pytest.mark.parametrize("channel", ["train", "train_annotation"])
def test_a_classes_file_of_either_channel_gives_the_ids(tmp_path: Path, channel: str) -> None:
    _pairs(tmp_path, {"a": voc_annotation(voc_object("dog"), voc_object("cat"))})
    _write(tmp_path / channel, {"any.classes": NAMES})
    dataset = _open(tmp_path, num_classes=3, class_names=("cat", "dog", "owl"))
    assert dataset[0].objects[:, 0].tolist() == [0, 2]
    assert dataset.class_names == ("dog", "owl", "cat")


def test_names_that_are_given_make_the_ids_where_no_file_lists_any(tmp_path: Path) -> None:
    _pairs(tmp_path, {"a": voc_annotation(voc_object("cat"))})
    dataset = _open(tmp_path, num_classes=3, class_names=("dog", "owl", "cat"))
    assert dataset[0].objects[:, 0].tolist() == [2]
    assert dataset.class_names == ("dog", "owl", "cat")


def test_a_box_that_ends_where_it_begins_is_dropped_and_one_beyond_the_image_is_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flat, beyond = voc_object("cat", (5, 6, 5, 15)), voc_object("cat", (21, 11, 60, 30))
    _pairs(tmp_path, {"a": voc_annotation(voc_object("cat")), "b": voc_annotation(flat, beyond)})
    with caplog.at_level(logging.WARNING):
        assert _objects(_open(tmp_path, num_classes=1)) == [[CAT], [[0, 0.5, 0.5, 1, 1, 0]]]
    assert caplog.messages == ["train channel, b.jpg: 1 box dropped for having no area inside the image"]


def test_a_file_name_of_another_image_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = {"a": "a.png", "b": "x/b", "c": "", "d": "other.jpg"}
    _pairs(
        tmp_path,
        {key: voc_annotation(f"<filename>{name}</filename>", voc_object("cat")) for key, name in names.items()},
    )
    with caplog.at_level(logging.WARNING):
        _open(tmp_path, num_classes=1)
    assert caplog.messages == [
        (
            "train_annotation channel, d.xml: its file names another image than d.jpg; taken all the same, since files "
            "belong together by name (such files: 1)"
        )
    ]


def test_samples_equal_those_of_a_recordio_file_prepared_from_the_same_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    root = tmp_path / "VOC2007"
    names = [f"{number:06}" for number in range(40)]
    for name in names:
        pixels = rng.integers(0, 256, (int(rng.integers(20, 70)), int(rng.integers(20, 70)), 3), dtype=np.uint8)
        corners = rng.integers(1, 80, (int(rng.integers(0, 5)), 4)) + rng.integers(0, 2) / 4
        objects = [
            voc_object("abc"[int(rng.integers(3))], box, difficult=int(rng.integers(2)))
            for box in np.sort(corners.reshape(-1, 2, 2), axis=1).reshape(-1, 4).tolist()
        ]
        image = cv2.imencode(".jpg", pixels)[1].tobytes()
        _write(root, {f"JPEGImages/{name}.jpg": image, f"Annotations/{name}.xml": voc_annotation(*objects)})
    _write(root, {"ImageSets/Main/train.txt": "\n".join(names).encode()})
    prepare(read_voc(root, "train", classes=None), tmp_path / "records" / "train.rec")
    records = RecordIODataset.open(tmp_path / "records", channel="train", num_classes=3, label_width=350)
    dataset = AnnotatedFolder.open(
        ChannelFolder("train", root / "JPEGImages"),
        ChannelFolder("annotations", root),
        num_classes=3,
        label_width=350,
        shared=True,
    )
    assert len(dataset) == len(records) == 40
    assert dataset.summary.objects > 40
    for index in range(40):
        assert dataset[index].image == records[index].image
        np.testing.assert_array_equal(dataset[index].objects, records[index].objects)
