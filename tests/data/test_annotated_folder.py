"""Channels of images with JSON annotations: what is paired, counted, read back, and refused in which words."""

import json
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotation_documents import PIXEL_BOX, document
from gluon_ssd.data.annotated_folder import AnnotatedFolder
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.errors import PlatformError, UserError


def _image(suffix: str = ".jpg", *, gray: int = 0, width: int = 40, height: int = 20) -> bytes:
    return cv2.imencode(suffix, np.full((height, width, 3), gray, np.uint8))[1].tobytes()


def _write(folder: Path, files: Mapping[str, object]) -> None:
    """Write files, given as bytes or as what JSON shall hold."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def _open(folder: Path, *, num_classes: int = 3, label_width: int = 350, shared: bool = False) -> AnnotatedFolder:
    return AnnotatedFolder.open(
        ChannelFolder("train", folder / "train"),
        ChannelFolder("train_annotation", folder / "train_annotation"),
        num_classes=num_classes,
        label_width=label_width,
        shared=shared,
    )


def _refusal(folder: Path, **settings: int) -> str:
    with pytest.raises(UserError) as caught:
        _open(folder, **settings)  # type: ignore[arg-type]  # mypy does not see that none is `shared`
    return str(caught.value)


def _pairs(folder: Path, documents: Mapping[str, object]) -> None:
    """Write an image for each document, by name."""
    _write(folder / "train", {f"{name}.jpg": _image() for name in documents})
    _write(folder / "train_annotation", {f"{name}.json": content for name, content in documents.items()})


def test_names_that_look_the_same_are_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    composed, decomposed = "Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"
    _write(tmp_path / "train", {f"{decomposed}.jpg": _image()})
    _write(tmp_path / "train_annotation", {f"{composed}.json": document(PIXEL_BOX, file=f"{composed}.jpg")})
    dataset = _open(tmp_path)
    assert [dataset.where(index) for index in range(len(dataset))] == [f"train channel, {decomposed}.jpg"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_images_of_all_suffixes_and_folders_get_the_annotations_of_their_names(tmp_path: Path) -> None:
    images = {"b.png": _image(".png"), "a.JPG": _image(), "x/a.jpeg": _image(gray=9), "x/y/a.b.Png": _image(".png")}
    _write(tmp_path / "train", {**images, "notes.txt": b"", "._a.jpg": b"", ".cache/z.jpg": b""})
    documents = {
        f"{name}.json": document({**PIXEL_BOX, "class_id": class_id}, file=f"{name}.jpg")
        for class_id, name in enumerate(["a", "b", "x/a", "x/y/a.b"])
    }
    _write(tmp_path / "train_annotation", documents)
    dataset = _open(tmp_path, num_classes=4)
    assert [dataset.where(index) for index in range(len(dataset))] == [
        "train channel, a.JPG",
        "train channel, b.png",
        "train channel, x/a.jpeg",
        "train channel, x/y/a.b.Png",
    ]
    samples = [dataset[index] for index in range(4)]
    assert [sample.image for sample in samples] == [images[name] for name in sorted(images)]
    assert [sample.objects.tolist() for sample in samples] == [
        [[class_id, 0.25, 0.25, 0.75, 0.75, 0]] for class_id in range(4)
    ]
    assert samples[0].objects.dtype == np.float32


@pytest.mark.parametrize("index", [-1, 1])
def test_an_index_outside_the_channel_is_refused(tmp_path: Path, index: int) -> None:
    _pairs(tmp_path, {"a": document(PIXEL_BOX)})
    with pytest.raises(IndexError, match=f"expected 0 to 0, got {index}"):
        _open(tmp_path)[index]


def test_numbers_may_be_strings_and_sizes_an_object_and_the_rest_whatever_it_likes(tmp_path: Path) -> None:
    given = document(
        {"class_id": "2", "left": "10", "top": 5.0, "width": " 2e1", "height": "10", "score": None},
        image_size={"width": "40", "height": 20.0},
        file=None,
        categories=[{"class_id": None}, 5, {"name": 3}],
        extra=[],
    )
    _pairs(tmp_path, {"a": given})
    assert _open(tmp_path)[0].objects.tolist() == [[2, 0.25, 0.25, 0.75, 0.75, 0]]


def test_documents_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    _pairs(tmp_path, {"a": b"\xef\xbb\xbf" + json.dumps(document(PIXEL_BOX)).encode()})
    assert len(_open(tmp_path)[0].objects) == 1


def test_boxes_are_cut_at_the_border_and_those_without_area_are_dropped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flat, outside, turned = {**PIXEL_BOX, "width": 0}, {**PIXEL_BOX, "left": 40}, {**PIXEL_BOX, "height": -3}
    beyond = {**PIXEL_BOX, "left": -10, "top": 15}
    _pairs(
        tmp_path, {"a": document(PIXEL_BOX), "b": document(flat, beyond, outside, turned, PIXEL_BOX), "c": document()}
    )
    with caplog.at_level(logging.INFO):
        dataset = _open(tmp_path)
    assert dataset[1].objects.tolist() == [[0, 0, 0.75, 0.25, 1, 0], [0, 0.25, 0.25, 0.75, 0.75, 0]]
    assert dataset[2].objects.shape == (0, 6)
    assert caplog.messages == [
        (
            "train_annotation channel, b.json: its file names another image than b.jpg; taken all the same, since "
            "files belong together by name (such files: 2)"
        ),
        "train channel: 3 images, 3 objects, 1 image without objects",
        "train channel, b.jpg: 3 boxes dropped for having no area inside the image",
    ]


def test_a_pickled_data_set_reads_the_same(tmp_path: Path) -> None:
    _pairs(tmp_path, {name: document(PIXEL_BOX, file=f"{name}.jpg") for name in "abc"})
    dataset = pickle.loads(pickle.dumps(_open(tmp_path)))  # noqa: S301 - our own bytes
    assert dataset[2].objects.tolist() == [[0, 0.25, 0.25, 0.75, 0.75, 0]]
    assert dataset[2].image == _image()


def test_equal_images_and_objects_have_one_checksum_and_others_another(tmp_path: Path) -> None:
    moved = {**PIXEL_BOX, "left": PIXEL_BOX["left"] + 1}
    for folder, name, box in (
        ("one", "x", PIXEL_BOX),
        ("same", "x", PIXEL_BOX),
        ("renamed", "y", PIXEL_BOX),
        ("moved", "x", moved),
    ):
        _pairs(tmp_path / folder, {name: document(box)})
    one, same, *others = [_open(tmp_path / folder).checksum() for folder in ("one", "same", "renamed", "moved")]
    assert one == same
    assert len({one, *others}) == 3


def test_an_image_that_has_gone_is_the_machines_fault(tmp_path: Path) -> None:
    _pairs(tmp_path, {"a": document(PIXEL_BOX)})
    dataset = _open(tmp_path)
    (tmp_path / "train" / "a.jpg").unlink()
    with pytest.raises(PlatformError, match=r"^train channel, a\.jpg: could not be read: .*No such file"):
        dataset[0]


def test_a_few_images_without_annotation_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _pairs(tmp_path, {f"{number:02}": document(file=f"{number:02}.jpg") for number in range(20)})
    _write(tmp_path / "train", {f"x{number}.jpg": _image() for number in range(6)})
    dataset = _open(tmp_path)
    assert len(dataset) == 20
    assert caplog.messages == [
        (
            "train channel: expected a JSON file in the train_annotation channel for each image, with empty "
            "annotations where it shows no objects, got none for 6 of 26 images, which are left out: "
            "x0.jpg, x1.jpg, x2.jpg, x3.jpg, x4.jpg, ..."
        )
    ]


@pytest.mark.parametrize("shared", [False, True])
def test_annotations_without_image_are_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, shared: bool
) -> None:
    _pairs(tmp_path, {"a": document(PIXEL_BOX)})
    _write(tmp_path / "train_annotation", {"b.json": b"not even JSON", "x/a.json": b""})
    assert len(_open(tmp_path, shared=shared)) == 1
    warning = "train_annotation channel: 2 JSON files have no image in the train channel and are not used: "
    assert caplog.messages == ([] if shared else [f"{warning}b.json, x/a.json"])


def test_an_annotation_that_two_channels_share_belongs_to_one_image(tmp_path: Path) -> None:
    _write(tmp_path / "annotations", {"a.json": document(PIXEL_BOX), "b.json": document(), "c.json": document()})

    def opened(channel: str, **images: bytes) -> AnnotatedFolder:
        _write(tmp_path / channel, {f"{name}.jpg": content for name, content in images.items()})
        folder, annotations = ChannelFolder(channel, tmp_path / channel), tmp_path / "annotations"
        shared = ChannelFolder("annotations", annotations)
        return AnnotatedFolder.open(folder, shared, num_classes=1, label_width=350, shared=True)

    train = opened("train", a=_image(), b=_image())
    train.check_apart(opened("same", b=_image(), c=_image()))
    with pytest.raises(UserError) as caught:
        train.check_apart(opened("validation", b=_image(gray=9), c=_image()))
    assert str(caught.value) == (
        "annotations channel, b.json: expected the annotation of one image, got two that it fits: train channel, b.jpg "
        "and validation channel, b.jpg (such annotations: 1); rename them, or put the annotations of each channel "
        "into a folder of its name"
    )


def test_boxes_are_measured_by_the_image_and_a_wrong_image_size_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {"image_size": [{"width": 80, "height": 80, "depth": 3}]}
    _pairs(
        tmp_path,
        {
            "a": document(PIXEL_BOX),
            "b": document(PIXEL_BOX, **wrong, file="b"),
            "c": document(PIXEL_BOX, **wrong, file="c"),
        },
    )
    assert _open(tmp_path)[1].objects.tolist() == [[0, 0.25, 0.25, 0.75, 0.75, 0]]
    assert caplog.messages == [
        (
            "train_annotation channel, b.json: image_size: 80x80 is not that of the image, 40x20, by which its boxes "
            "are measured (such images: 2)"
        )
    ]


def test_an_image_that_does_not_tell_its_size_is_measured_by_image_size(tmp_path: Path) -> None:
    _pairs(tmp_path, {"a": document(PIXEL_BOX)})
    _write(tmp_path / "train", {"a.jpg": b"broken"})
    assert _open(tmp_path)[0].objects.tolist() == [[0, 0.25, 0.25, 0.75, 0.75, 0]]


def test_the_image_is_enough_where_image_size_is_missing(tmp_path: Path) -> None:
    given = document(PIXEL_BOX)
    del given["image_size"]
    _pairs(tmp_path, {"a": given})
    assert _open(tmp_path)[0].objects.tolist() == [[0, 0.25, 0.25, 0.75, 0.75, 0]]


@pytest.mark.parametrize(
    ("categories", "names"),
    [
        ([[(0, "cat"), (1, "dog")], [(1, "dog")], None], ("cat", "dog")),
        ([[(0, "cat")], [("1", "dog")], []], ("cat", "dog")),
        ([[(0, "cat"), (1, "dog")], [(0, "dog")], None], None),
        ([[(0, "cat"), (0, "dog"), (1, "dog")], None, None], None),
        ([[(0, "cat"), (1, "cat")], None, None], None),
        ([[(1, "cat"), (2, "dog")], None, None], None),
        ([[(0, "cat"), (1, "dog"), (2, "cow")], None, None], None),
        ([None, None, None], None),
    ],
)
def test_class_names_are_those_of_consistent_categories_that_name_each_class(
    tmp_path: Path, categories: list[list[tuple[object, str]] | None], names: tuple[str, ...] | None
) -> None:
    told = [
        {} if pairs is None else {"categories": [{"class_id": class_id, "name": name} for class_id, name in pairs]}
        for pairs in categories
    ]
    _pairs(tmp_path, {f"{number}": document(PIXEL_BOX, **others) for number, others in enumerate(told)})
    assert _open(tmp_path, num_classes=2).class_names == names


def test_the_file_is_named_among_many(tmp_path: Path) -> None:
    _pairs(tmp_path, {f"{number:04}": document(PIXEL_BOX, *[PIXEL_BOX] * (number % 3)) for number in range(700)})
    _write(tmp_path / "train_annotation", {"0613.json": document(PIXEL_BOX, {**PIXEL_BOX, "class_id": 7})})
    assert _refusal(tmp_path).startswith("train_annotation channel, 0613.json, annotation 1: class_id: ")
    _write(tmp_path / "train_annotation", {"0613.json": b"?", "0699.json": b"?"})
    assert _refusal(tmp_path).startswith("train_annotation channel, 0613.json: expected JSON")


@pytest.mark.parametrize(("channel", "file"), [("train", "a.jpg"), ("train_annotation", "a.json")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, channel: str, file: str) -> None:
    _pairs(tmp_path, {"a": document(PIXEL_BOX)})
    (tmp_path / channel / file).unlink()
    (tmp_path / channel / file).symlink_to("nowhere")
    assert _refusal(tmp_path).startswith(f"{channel} channel, {file}: expected a file that can be read, got [Errno 2]")
