"""Augmented manifests in files: which lines are which images, what is read back, and refused in which words."""

import json
import logging
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotation_documents import PIXEL_BOX, manifest, manifest_label, manifest_line
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.manifest import ManifestDataset
from gluon_ssd.errors import PlatformError, UserError
from opencv_pixels import decoded

Line = dict[str, object]

OBJECT = [0, 0.25, 0.25, 0.75, 0.75, 0]


def _image(suffix: str = ".jpg", *, gray: int = 0) -> bytes:
    return cv2.imencode(suffix, np.full((20, 40, 3), gray, np.uint8))[1].tobytes()


def _channel(folder: Path) -> Path:
    """Return the folder of a channel with one image, a.jpg."""
    channel = folder / "train"
    channel.mkdir(exist_ok=True)
    (channel / "a.jpg").write_bytes(_image())
    return channel


def _write(path: Path, *lines: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(manifest(*lines))


def _open(folder: Path, *, num_classes: int = 3, label_width: int = 350, attribute: str = "") -> ManifestDataset:
    return ManifestDataset.open(
        ChannelFolder("train", folder / "train"),
        folder,
        num_classes=num_classes,
        label_width=label_width,
        attribute=attribute,
    )


def test_images_are_found_by_relative_absolute_and_file_addresses(tmp_path: Path) -> None:
    channel = _channel(tmp_path)
    for number, name in enumerate(("x/b.png", "../c d.jpg", "x/é.JPG", "x/50%.jpg")):
        (channel / name).parent.mkdir(exist_ok=True)
        (channel / name).write_bytes(_image(".png", gray=10 * number))
    _write(
        channel / "b.manifest",
        manifest_line("a.jpg", PIXEL_BOX),
        manifest_line("../c d.jpg", {**PIXEL_BOX, "class_id": "2"}),
    )
    _write(
        channel / "x" / "a.jsonl",
        manifest_line("b.png", PIXEL_BOX),
        manifest_line(f"{channel}/x/é.JPG"),
        manifest_line(f"file://{tmp_path}/c%20d.jpg"),
        manifest_line(f"file://localhost{channel}/x/é.JPG"),
        manifest_line("50%.jpg"),
    )
    dataset = _open(tmp_path)
    assert [dataset.where(index) for index in range(len(dataset))] == [
        "train channel, b.manifest, line 1",
        "train channel, b.manifest, line 2",
        *(f"train channel, x/a.jsonl, line {number}" for number in range(1, 6)),
    ]
    grays = [decoded(dataset[index].image)[0, 0, 0] for index in range(len(dataset))]
    assert grays == [0, 10, 0, 20, 10, 20, 30]
    assert [dataset[index].objects.tolist() for index in range(4)] == [[OBJECT], [[2, *OBJECT[1:]]], [OBJECT], []]


def test_a_pickled_data_set_reads_the_same(tmp_path: Path) -> None:
    _write(_channel(tmp_path) / "x.manifest", manifest_line("a.jpg", PIXEL_BOX))
    dataset = pickle.loads(pickle.dumps(_open(tmp_path)))  # noqa: S301 - our own bytes
    assert dataset[0].objects.tolist() == [OBJECT]
    assert dataset[0].image == _image()
    (tmp_path / "train" / "a.jpg").unlink()
    with pytest.raises(PlatformError, match=r"^train channel, x\.manifest, line 1: could not be read: .*No such file"):
        dataset[0]


def test_marks_of_byte_order_blank_lines_and_ends_of_lines_do_not_count(tmp_path: Path) -> None:
    line = json.dumps(manifest_line("a.jpg", PIXEL_BOX)).encode()
    (_channel(tmp_path) / "x.manifest").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n  \n" + line + b"\n\n" + line)
    dataset = _open(tmp_path)
    assert [dataset.where(index) for index in range(3)] == [
        f"train channel, x.manifest, line {number}" for number in (1, 4, 6)
    ]


def test_an_image_without_annotations_is_background_and_boxes_are_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    channel = _channel(tmp_path)
    outside, beyond = {**PIXEL_BOX, "left": 40}, {**PIXEL_BOX, "left": -10, "top": 15}
    _write(
        channel / "x.manifest", manifest_line("a.jpg"), manifest_line(f"{channel}/a.jpg", PIXEL_BOX, outside, beyond)
    )
    with caplog.at_level(logging.INFO):
        dataset = _open(tmp_path)
    assert dataset[0].objects.shape == (0, 6)
    assert dataset[1].objects.tolist() == [OBJECT, [0, 0, 0.75, 0.25, 1, 0]]
    assert caplog.messages == [
        (
            "train channel, x.manifest, line 2: source-ref is that of train channel, x.manifest, line 1 too; each such "
            "line counts as an image (such lines: 1)"
        ),
        "train channel: 2 images, 2 objects, 1 image without objects",
        "train channel, x.manifest, line 2: 1 box dropped for having no area inside the image",
    ]


def test_an_image_that_is_none_is_measured_by_image_size(tmp_path: Path) -> None:
    _write(_channel(tmp_path) / "x.manifest", manifest_line("a.jpg", PIXEL_BOX))
    (tmp_path / "train" / "a.jpg").write_bytes(b"neither")
    assert _open(tmp_path)[0].objects.tolist() == [OBJECT]


def test_lines_that_were_not_labeled_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failed = {"source-ref": "nowhere.jpg", "bounding-box-metadata": {"failure-reason": "ClientError: no image"}}
    _write(
        _channel(tmp_path) / "x.manifest",
        failed,
        manifest_line("a.jpg", PIXEL_BOX),
        manifest_line("./a.jpg", PIXEL_BOX),
        failed,
    )
    dataset = _open(tmp_path)
    assert [dataset.where(index) for index in range(2)] == [f"train channel, x.manifest, line {n}" for n in (2, 3)]
    assert caplog.messages[0] == (
        "train channel: expected the attribute bounding-box with image_size and annotations in each line, empty "
        "annotations where the image shows no objects, got none for 2 of 4 images, which are left out: "
        "train channel, x.manifest, line 1, train channel, x.manifest, line 4"
    )


@pytest.mark.parametrize(
    ("maps", "names"),
    [
        ([{"0": "cat", "1": "dog"}, {"1": "dog"}], ("cat", "dog")),
        ([{"0": "cat"}, {"1": "dog"}], ("cat", "dog")),
        ([{"0": "cat", "1": "dog"}, {"1": "cow"}], None),
        ([{"0": "cat"}, {"0": "cat"}], None),
        ([{"0": "cat", "1": "cat"}, {}], None),
        ([{"0": 5, "x": "dog", "1": None}, ["cat"]], None),
        ([{"0": "cat", "1": "dog", "9" * 5000: "cow"}], ("cat", "dog")),
    ],
)
def test_class_names_are_those_of_consistent_class_maps(tmp_path: Path, maps: list[object], names: object) -> None:
    _write(_channel(tmp_path) / "x.manifest", *[manifest_line("a.jpg", PIXEL_BOX, names=names) for names in maps])
    assert _open(tmp_path, num_classes=2).class_names == names


def test_one_of_several_attributes_is_named(tmp_path: Path) -> None:
    adjusted = {
        "adjusted": manifest_label({**PIXEL_BOX, "class_id": 1}),
        "adjusted-metadata": {"class-map": {"1": "dog"}},
    }
    _write(
        _channel(tmp_path) / "x.manifest",
        manifest_line("a.jpg", PIXEL_BOX, **adjusted),
        manifest_line("a.jpg", **adjusted),
    )
    assert _open(tmp_path, attribute="bounding-box")[0].objects.tolist() == [OBJECT]
    assert _open(tmp_path, attribute="adjusted")[0].objects.tolist() == [[1, *OBJECT[1:]]]
    assert _refusal(tmp_path) == (
        "train channel, x.manifest, line 1: expected one attribute with boxes, got bounding-box, adjusted; set the "
        "hyperparameter label_attribute to one of them"
    )
    assert _refusal(tmp_path, attribute="boxes").startswith(
        "train channel: expected the attribute boxes with image_size and annotations in each line"
    )


def _refusal(folder: Path, *, attribute: str = "") -> str:
    with pytest.raises(UserError) as caught:
        _open(folder, attribute=attribute)
    return str(caught.value)
