"""Augmented manifests in files: which lines are which images, what is read back, and refused in which words."""

import json
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from batches_compared import assert_equal
from gluon_ssd.data.batches import BatchForm, TrainingBatches
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.image_json import ImageJsonDataset
from gluon_ssd.data.manifest import ManifestDataset
from gluon_ssd.errors import PlatformError, UserError
from s3_server import BUCKET, environment, put

Line = dict[str, object]

BOX = {"class_id": 0, "left": 10, "top": 5, "width": 20, "height": 10}  # of an image of 40x20
OBJECT = [0, 0.25, 0.25, 0.75, 0.75, 0]


def _image(suffix: str = ".jpg", *, gray: int = 0) -> bytes:
    return cv2.imencode(suffix, np.full((20, 40, 3), gray, np.uint8))[1].tobytes()


def _label(*boxes: Mapping[str, object]) -> Line:
    return {"image_size": [{"width": 40, "height": 20, "depth": 3}], "annotations": list(boxes)}


def _line(source: object = "a.jpg", *boxes: Mapping[str, object], names: object = None, **others: object) -> Line:
    """Return a line as Ground Truth writes it."""
    metadata = {
        "objects": [{"confidence": 0.09} for _ in boxes],
        "class-map": {"0": "cat"} if names is None else names,
        "type": "groundtruth/object-detection",
        "human-annotated": "yes",
        "creation-date": "2018-10-18T22:18:13.527256",
        "job-name": "labeling-job/birds",
    }
    return {"source-ref": source, "bounding-box": _label(*boxes), "bounding-box-metadata": metadata, **others}


def _channel(folder: Path) -> Path:
    """Return the folder of a channel with one image, a.jpg."""
    channel = folder / "train"
    channel.mkdir(exist_ok=True)
    (channel / "a.jpg").write_bytes(_image())
    return channel


def _write(path: Path, *lines: object) -> None:
    """Write lines, given as bytes or as what JSON shall hold."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(line + b"\n" for line in content))


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
    _write(channel / "b.manifest", _line("a.jpg", BOX), _line("../c d.jpg", {**BOX, "class_id": "2"}))
    _write(
        channel / "x" / "a.jsonl",
        _line("b.png", BOX),
        _line(f"{channel}/x/é.JPG"),
        _line(f"file://{tmp_path}/c%20d.jpg"),
        _line(f"file://localhost{channel}/x/é.JPG"),
        _line("50%.jpg"),
    )
    dataset = _open(tmp_path)
    assert [dataset.where(index) for index in range(len(dataset))] == [
        "train channel, b.manifest, line 1",
        "train channel, b.manifest, line 2",
        *(f"train channel, x/a.jsonl, line {number}" for number in range(1, 6)),
    ]
    grays = [cv2.imdecode(np.frombuffer(dataset[index].image, np.uint8), 1)[0, 0, 0] for index in range(len(dataset))]
    assert grays == [0, 10, 0, 20, 10, 20, 30]
    assert [dataset[index].objects.tolist() for index in range(4)] == [[OBJECT], [[2, *OBJECT[1:]]], [OBJECT], []]


def test_a_pickled_data_set_reads_the_same(tmp_path: Path) -> None:
    _write(_channel(tmp_path) / "x.manifest", _line("a.jpg", BOX))
    dataset = pickle.loads(pickle.dumps(_open(tmp_path)))  # noqa: S301 - our own bytes
    assert dataset[0].objects.tolist() == [OBJECT]
    assert dataset[0].image == _image()
    (tmp_path / "train" / "a.jpg").unlink()
    with pytest.raises(PlatformError, match=r"^train channel, x\.manifest, line 1: could not be read: .*No such file"):
        dataset[0]


def test_marks_of_byte_order_blank_lines_and_ends_of_lines_do_not_count(tmp_path: Path) -> None:
    line = json.dumps(_line("a.jpg", BOX)).encode()
    (_channel(tmp_path) / "x.manifest").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n  \n" + line + b"\n\n" + line)
    dataset = _open(tmp_path)
    assert [dataset.where(index) for index in range(3)] == [
        f"train channel, x.manifest, line {number}" for number in (1, 4, 6)
    ]


def test_an_image_without_annotations_is_background_and_boxes_are_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    channel = _channel(tmp_path)
    outside, beyond = {**BOX, "left": 40}, {**BOX, "left": -10, "top": 15}
    _write(channel / "x.manifest", _line("a.jpg"), _line(f"{channel}/a.jpg", BOX, outside, beyond))
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
    _write(_channel(tmp_path) / "x.manifest", _line("a.jpg", BOX))
    (tmp_path / "train" / "a.jpg").write_bytes(b"neither")
    assert _open(tmp_path)[0].objects.tolist() == [OBJECT]


def test_lines_that_were_not_labeled_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failed = {"source-ref": "nowhere.jpg", "bounding-box-metadata": {"failure-reason": "ClientError: no image"}}
    _write(_channel(tmp_path) / "x.manifest", failed, _line("a.jpg", BOX), _line("./a.jpg", BOX), failed)
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
    ],
)
def test_class_names_are_those_of_consistent_class_maps(tmp_path: Path, maps: list[object], names: object) -> None:
    _write(_channel(tmp_path) / "x.manifest", *[_line("a.jpg", BOX, names=names) for names in maps])
    assert _open(tmp_path, num_classes=2).class_names == names


def test_one_of_several_attributes_is_named(tmp_path: Path) -> None:
    adjusted = {"adjusted": _label({**BOX, "class_id": 1}), "adjusted-metadata": {"class-map": {"1": "dog"}}}
    _write(_channel(tmp_path) / "x.manifest", _line("a.jpg", BOX, **adjusted), _line("a.jpg", **adjusted))
    assert _open(tmp_path, attribute="bounding-box")[0].objects.tolist() == [OBJECT]
    assert _open(tmp_path, attribute="adjusted")[0].objects.tolist() == [[1, *OBJECT[1:]]]
    assert _refusal(tmp_path) == (
        "train channel, x.manifest, line 1: expected one attribute with boxes, got bounding-box, adjusted; set the "
        "hyperparameter label_attribute to one of them"
    )
    assert _refusal(tmp_path, attribute="boxes").startswith(
        "train channel: expected the attribute boxes with image_size and annotations in each line"
    )


def _refusal(folder: Path, *, attribute: str = "", label_width: int = 350) -> str:
    with pytest.raises(UserError) as caught:
        _open(folder, attribute=attribute, label_width=label_width)
    return str(caught.value)


PLACE = "train channel, x.manifest, line 2"
SOURCE = f"{PLACE}: source-ref: expected the path of an image or an address s3://bucket/key, got "
SEQUENCE = f"{PLACE}: expected an image or its bounding boxes, got a sequence of video frames as Ground Truth labels"
VIDEO: Line = {
    "source-ref": "s3://bucket/video/seq1.json",
    "job-ref": "s3://bucket/annotations/consolidated-annotation/output/0/SeqLabel.json",
    "job-ref-metadata": {"class-map": {"0": "car"}, "type": "groundtruth/video-object-tracking"},
}
REFUSED: dict[str, tuple[object, str]] = {
    "no JSON": (b"a.jpg,1,2,3,4", f"{PLACE}: expected JSON, got a mistake: Expecting value: line 1 column 1"),
    "half a line": (b'{"source-ref": "a.j', f"{PLACE}: expected JSON, got a mistake: Invalid control character at"),
    "no text": (b"\x80\x81\x82\x83", f"{PLACE}: expected JSON, got a mistake: 'utf-8' codec can't decode"),
    "brackets": (b"[" * 100_000, f"{PLACE}: expected JSON, got brackets nested too deeply"),
    "a list": ([1, 2], f"{PLACE}: expected a JSON object with source-ref and the boxes of one image, got [1, 2]"),
    "no source-ref": (
        {"source": "a.jpg", "bounding-box": _label()},
        f"{PLACE}: source-ref: expected the path or the s3:// address of an image, got none",
    ),
    "a number": (_line(5), SOURCE + "5"),
    "an empty path": (_line(""), SOURCE + '""'),
    "a path with a NUL": (_line("a\0.jpg"), SOURCE + r'"a\u0000.jpg"'),
    "half a character": (_line("\ud800.jpg"), SOURCE + r'"\ud800.jpg", which is no text'),
    "a web address": (_line("https://x/a.jpg"), SOURCE + '"https://x/a.jpg", which cannot be read here; download it'),
    "a file elsewhere": (_line("file://host/a.jpg"), SOURCE + '"file://host/a.jpg", which cannot be read here'),
    "half an address": (_line("file://[/a.jpg"), SOURCE + '"file://[/a.jpg": Invalid IPv6'),
    "a bucket alone": (_line("s3://bucket"), SOURCE + '"s3://bucket"'),
    "a folder in S3": (_line("s3://bucket/x/"), SOURCE + '"s3://bucket/x/"'),
    "a key alone": (_line("s3:///a.jpg"), SOURCE + '"s3:///a.jpg"'),
    "no such file": (_line("x/b.jpg"), f"{PLACE}: expected a file that can be read, got [Errno 2] No such file"),
    "a folder": (_line("."), f"{PLACE}: expected a file that can be read, got [Errno 21] Is a directory"),
    "a long name": (_line("a" * 300), f"{PLACE}: expected a file that can be read, got [Errno 36] File name too"),
    "another attribute": (
        {"source-ref": "a.jpg", "boxes": _label()},
        f"{PLACE}: expected boxes in bounding-box, as in train channel, x.manifest, line 1, got boxes; give both one ",
    ),
    "two attributes": (
        _line(more=_label()),
        f"{PLACE}: expected one attribute with boxes, got bounding-box, more; set the hyperparameter label_attribute",
    ),
    "null annotations": (
        _line() | {"bounding-box": {"annotations": None}},
        f"{PLACE}: annotations: expected a list, empty for an image without objects, got null",
    ),
    "a box that is none": (
        _line("a.jpg", BOX, {"left": 1}),
        f"{PLACE}, annotation 1: class_id: expected a number, got none",
    ),
    "a class too many": (
        _line("a.jpg", BOX, {**BOX, "class_id": 3}),
        f"{PLACE}, annotation 1: class_id: expected an integer from 0 to 2, since num_classes is 3, got 3",
    ),
    "a box on a larger image": (
        _line("a.jpg") | {"bounding-box": {**_label({**BOX, "left": 50}), "image_size": [{"width": 80, "height": 40}]}},
        f"{PLACE}, annotation 0: expected a box within its image, which is 40x20 pixels, got one that fits image_size ",
    ),
    "a wrong size": (
        _line("a.jpg") | {"bounding-box": {"annotations": [], "image_size": 5}},
        f"{PLACE}: image_size: expected a list of one object with width and height, in pixels, got 5",
    ),
    "labels of a video": (VIDEO, SEQUENCE),
    "labels of a video by another job": (VIDEO | {"job-ref-metadata": {}}, SEQUENCE),
    "a video": ({"seq-no": 1, "prefix": "s3://bucket/video/", "frames": []}, SEQUENCE),
}


@pytest.mark.parametrize(("line", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, line: object, message: str) -> None:
    _write(_channel(tmp_path) / "x.manifest", _line("a.jpg", BOX), line)
    assert _refusal(tmp_path).startswith(message)


CHANNELS: dict[str, tuple[list[object] | None, str]] = {
    "no manifest": (None, "train channel: expected a .manifest file in {}/train, got a.jpg"),
    "blank lines": (
        [b"", b" "],
        "train channel: expected a line for each image, got none in train channel, x.manifest",
    ),
    "no boxes anywhere": (
        [{"source-ref": "a.jpg", "class": 1, "class-metadata": {"class-name": "cat"}}],
        "train channel: expected an attribute with image_size and annotations in each line, empty annotations where ",
    ),
    "boxes in fractions": (
        [_line("a.jpg", {"class_id": 0, "left": 0.1, "top": 0.2, "width": 0.5, "height": 0.5})],
        "train channel: expected boxes in pixels of the image, got 1 of 1 within its first pixel, ",
    ),
}


@pytest.mark.parametrize(("lines", "message"), CHANNELS.values(), ids=CHANNELS.keys())
def test_channels_without_images_or_boxes_are_refused(tmp_path: Path, lines: list[object] | None, message: str) -> None:
    channel = _channel(tmp_path)
    if lines is not None:
        _write(channel / "x.manifest", *lines)
    assert _refusal(tmp_path).startswith(message.format(tmp_path))


def test_more_objects_than_label_width_holds_are_refused(tmp_path: Path) -> None:
    _write(_channel(tmp_path) / "x.manifest", _line("a.jpg", BOX), _line("./a.jpg", *[BOX] * 3))
    assert _refusal(tmp_path, label_width=16) == (
        "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at least "
        f"17: {PLACE} has a label of 17 numbers, got label_width 16"
    )


def test_batches_equal_those_of_the_same_images_with_json_files(
    tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    lines: dict[str, Line] = {}
    for number in range(30):
        name = f"{number % 3}/{number:02}" if number % 2 else f"{number:02}"
        image = cv2.imencode(".jpg", rng.integers(0, 256, (45, 67, 3), dtype=np.uint8))[1].tobytes()
        boxes = [dict(zip(BOX, map(int, rng.integers(1, 30, 5) % (3, 67, 45, 67, 45)), strict=True)) for _ in range(3)]
        label = {"image_size": [{"width": 67, "height": 45, "depth": 3}], "annotations": boxes[: number % 4]}
        (image_file, label_file) = tmp_path / "json" / f"{name}.jpg", tmp_path / "json_annotation" / f"{name}.json"
        for path, content in ((image_file, image), (label_file, json.dumps(label).encode())):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        put(s3, {f"equal/{number}.jpg": image})
        source = f"s3://{BUCKET}/equal/{number}.jpg" if number % 5 else str(image_file)
        lines[name] = {"source-ref": source, "boxes": label}
    for name, value in environment(s3).items():
        monkeypatch.setenv(name, value)
    _write(tmp_path / "train" / "x.manifest", *[lines[name] for name in sorted(lines)])
    pairs = ImageJsonDataset.open(
        ChannelFolder("train", tmp_path / "json"),
        ChannelFolder("train_annotation", tmp_path / "json_annotation"),
        num_classes=3,
        label_width=350,
    )
    form = BatchForm("train", 7, 32)
    with (
        TrainingBatches(_open(tmp_path), form, augmentation="full", seed=7, num_workers=1) as ours,
        TrainingBatches(pairs, form, augmentation="full", seed=7, num_workers=0) as theirs,
    ):
        for epoch in range(3):
            assert_equal(ours.epoch(epoch), theirs.epoch(epoch))


def test_whatever_happens_to_a_manifest_it_is_read_or_refused_but_nothing_else(tmp_path: Path) -> None:
    channel = _channel(tmp_path)
    content = b"".join(json.dumps(_line("a.jpg", BOX, {**BOX, "class_id": "1"})).encode() + b"\n" for _ in range(3))
    rng = np.random.default_rng(12)
    pieces = [b"", b"null", b"-1", b"1e999", b'"', b"[", b"}", b"\xff", b"9" * 5000, b"{}", b"\n", b"\\u0000", b"/"]
    refusals = []
    for _ in range(800):
        position, gone = int(rng.integers(len(content))), int(rng.integers(8))
        (channel / "x.manifest").write_bytes(
            content[:position] + pieces[int(rng.integers(len(pieces)))] + content[position + gone :]
        )
        try:
            dataset = _open(tmp_path)
        except UserError as error:
            refusals.append(str(error))
        else:
            assert np.isfinite(dataset[0].objects).all()
    assert 200 < len(refusals) < 800
    assert all(refusal.startswith("train channel") for refusal in refusals)
