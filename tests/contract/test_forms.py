"""The forms that a data set may come in: whichever it is, a job trains and validates on the same."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from annotation_documents import PIXEL_BOX, manifest, voc_annotation, voc_object
from batches_compared import assert_equal
from gluon_ssd.data.batches import Batch
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.sample import Sample
from job_input import IMAGES, MANIFEST, MANIFEST_PIPE, RECORD_PIPE, RECORDS, Input, opened
from record_stream import frame

WIDTH, HEIGHT = 67, 45
SPLITS = {"train": 30, "validation": 10}
SETTINGS = {"num_training_samples": "30", "mini_batch_size": "7", "epochs": "2"}
CLASSES = ("dog", "ant", "cat")  # in no order that names have


class Picture(NamedTuple):
    """An image, and its boxes: class, left, top, width and height in pixels."""

    name: str
    image: bytes
    boxes: Sequence[Sequence[int]]


def _pictures(count: int) -> list[Picture]:
    rng = np.random.default_rng(count)
    names = sorted(f"{number % 3}/{number:02}" if number % 2 else f"{number:02}" for number in range(count))
    pictures = []
    for number, name in enumerate(names):
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        boxes = [(int(rng.integers(3)), *map(int, rng.integers(2, 22, 4))) for _ in range(number % 4)]
        pictures.append(Picture(name, cv2.imencode(".jpg", pixels)[1].tobytes(), boxes))
    return pictures


def _document(picture: Picture) -> dict[str, object]:
    boxes = [dict(zip(PIXEL_BOX, box, strict=True)) for box in picture.boxes]
    return {"image_size": [{"width": WIDTH, "height": HEIGHT, "depth": 3}], "annotations": boxes}


def _records(pictures: Sequence[Picture]) -> bytes:
    payloads = []
    for number, (_, image, boxes) in enumerate(pictures):
        rows = [(i, x / WIDTH, y / HEIGHT, (x + w) / WIDTH, (y + h) / HEIGHT, 0) for i, x, y, w, h in boxes]
        payloads.append(pack(Sample(image, np.array(rows, np.float32).reshape(-1, 6)), number))
    return frame(*payloads)


def _pairs(pictures: Sequence[Picture]) -> bytes:
    return frame(
        *[payload for picture in pictures for payload in (picture.image, json.dumps(_document(picture)).encode())]
    )


def _xml(picture: Picture) -> bytes:
    return voc_annotation(
        *[voc_object(CLASSES[i], (x + 1, y + 1, x + width, y + height)) for i, x, y, width, height in picture.boxes]
    )


Splits = Mapping[str, Sequence[Picture]]


def _images(splits: Splits) -> dict[str, bytes]:
    return {f"{split}/{picture.name}.jpg": picture.image for split, pictures in splits.items() for picture in pictures}


def record_files(splits: Splits) -> Input:
    files = {f"{split}/x.rec": _records(pictures) for split, pictures in splits.items()}
    return Input(dict.fromkeys(splits, RECORDS), files, settings=SETTINGS)


def record_pipes(splits: Splits) -> Input:
    pipes = {split: _records(pictures) for split, pictures in splits.items()}
    return Input(dict.fromkeys(splits, RECORD_PIPE), pipes=pipes, settings=SETTINGS)


def manifest_pipes(splits: Splits) -> Input:
    pipes = {split: _pairs(pictures) for split, pictures in splits.items()}
    return Input(dict.fromkeys(splits, MANIFEST_PIPE), pipes=pipes, settings=SETTINGS)


def manifest_files(splits: Splits) -> Input:
    files = _images(splits)
    for split, pictures in splits.items():
        lines = [{"source-ref": f"{picture.name}.jpg", "boxes": _document(picture)} for picture in pictures]
        files[f"{split}/x.manifest"] = manifest(*lines)
    return Input(dict.fromkeys(splits, MANIFEST), files, settings=SETTINGS)


def json_files(splits: Splits) -> Input:
    return _annotated(splits, ".json", lambda picture: json.dumps(_document(picture)).encode())


def voc_files(splits: Splits) -> Input:
    given = _annotated(splits, ".xml", _xml)
    names = {"train/train.classes": "\n".join(CLASSES).encode()}
    return Input(given.channels, {**given.files, **names}, settings=SETTINGS)


def _annotated(splits: Splits, suffix: str, annotation: Callable[[Picture], bytes]) -> Input:
    files = _images(splits)
    for split, pictures in splits.items():
        files |= {f"{split}_annotation/{picture.name}{suffix}": annotation(picture) for picture in pictures}
    channels = dict.fromkeys([*splits, *(f"{split}_annotation" for split in splits)], IMAGES)
    return Input(channels, files, settings=SETTINGS)


def _read(base: Path, given: Input) -> tuple[list[Batch], list[Batch]]:
    """Return all batches of two epochs, to train and to validate on."""
    training: list[Batch] = []
    validation: list[Batch] = []
    with opened(base, given) as data:
        for epoch in range(2):
            training += data.training.epoch(epoch)
            validation += data.validation
    return training, validation


@pytest.mark.parametrize("form", [record_pipes, manifest_pipes, manifest_files, json_files, voc_files])
def test_batches_equal_those_of_recordio_files(tmp_path: Path, form: Callable[[Splits], Input]) -> None:
    splits = {split: _pictures(count) for split, count in SPLITS.items()}
    training, validation = _read(tmp_path / "records", record_files(splits))
    assert (len(training), len(validation)) == (9, 4)
    ours = _read(tmp_path / "other", form(splits))
    assert_equal(ours[0], training)
    assert_equal(ours[1], validation)
