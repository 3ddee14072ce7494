"""Valid input with random damage: a job reads all of it or says what is wrong; no other error, no hang, no silence.

More rounds than a test run has time for: FUZZ_ROUNDS=20000 pytest tests/contract/test_damaged_input.py
"""

import json
import os
import re
import signal
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from defusedxml import minidom

from annotation_documents import (
    PIXEL_BOX,
    document,
    instances,
    manifest,
    manifest_line,
    voc_annotation,
    voc_object,
)
from damage import XML_PIECES, damage_document, damage_records, damage_text
from gluon_ssd.errors import UserError
from job_input import IMAGES, MANIFEST, MANIFEST_PIPE, RECORD_PIPE, RECORDS, Input, read
from record_stream import BOX, MAGIC, frame, record, unframe
from small_images import JPEG, PNG

Rng = np.random.Generator
Counts = tuple[int, int]  # images and boxes

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "300"))
FIRST_SEED = int(os.environ.get("FUZZ_SEED", "0"))
LONGEST = 120  # seconds of a round, which takes a hundredth of one where nothing else runs

_RECORDS = frame(
    record([BOX] * 2, PNG), record([BOX], JPEG), record([], PNG + MAGIC * 2), record([(2, 0, 0, 1, 1, 1)], JPEG)
)
_DOCUMENTS = [document(PIXEL_BOX, {**PIXEL_BOX, "class_id": "1"}), document(PIXEL_BOX), document()]


class Hang(BaseException):
    """A round that takes too long; nothing that is read catches it."""


@contextmanager
def watched() -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _boxes_of_record(payload: bytes) -> int:
    (count,) = struct.unpack_from("<I", payload)
    header, width = struct.unpack_from("<ff", payload, 24)
    return int((count - header) // width)


def _boxes_of_document(content: bytes) -> int:
    return len(json.loads(content)["annotations"])


def _in_records(content: bytes) -> Counts:
    payloads = unframe(content)
    return len(payloads), sum(map(_boxes_of_record, payloads))


def _in_pairs(content: bytes) -> Counts:
    payloads = unframe(content)
    assert len(payloads) % 2 == 0
    return len(payloads) // 2, sum(map(_boxes_of_document, payloads[1::2]))


def _in_instances(content: bytes) -> Counts:
    whole = json.loads(content)
    shown = {image["id"]: image["file_name"].rpartition("/")[2] for image in whole["images"]}
    present = [name for name in shown.values() if name in {"a.jpg", "b.jpg"}]
    boxes = [annotation for annotation in whole["annotations"] if shown[annotation["image_id"]] in present]
    return len(present), len(boxes)


def _in_manifest(content: bytes) -> Counts:
    labels = [json.loads(text).get("bounding-box") for text in content.split(b"\n") if text.strip()]
    found = [label["annotations"] for label in labels if label is not None]
    return len(found), sum(map(len, found))


def _objects_in_xml(content: bytes) -> int:
    root = minidom.parseString(content.decode()).documentElement
    assert root is not None
    return sum(node.nodeName == "object" for node in root.childNodes)


def _damaged_json(value: object, rng: Rng) -> bytes:
    if rng.integers(2):
        return damage_document(value, rng)
    return damage_text(json.dumps(value).encode(), rng)


def _both(channel: Mapping[str, str], file: str, content: bytes) -> Input:
    """Return an input whose two channels hold the same."""
    channels = ("train", "validation")
    return Input(dict.fromkeys(channels, channel), {f"{name}{file}": content for name in channels})


def records(rng: Rng) -> tuple[Input, Callable[[], Counts]]:
    content = damage_records(_RECORDS, rng)
    return _both(RECORDS, "/data.rec", content), lambda: _in_records(content)


def record_pipe(rng: Rng) -> tuple[Input, Callable[[], Counts]]:
    content = damage_records(_RECORDS, rng)
    # A file in place of the FIFO: the bytes matter here, not where they come from.
    return _both(RECORD_PIPE, "_0", content), lambda: _in_records(content)


def manifest_pipe(rng: Rng) -> tuple[Input, Callable[[], Counts]]:
    annotations = [json.dumps(value).encode() for value in _DOCUMENTS]
    damaged = int(rng.integers(2 * len(annotations)))
    if damaged < len(annotations):
        annotations[damaged] = _damaged_json(_DOCUMENTS[damaged], rng)
    content = frame(*[payload for annotation in annotations for payload in (PNG, annotation)])
    if damaged >= len(annotations):
        content = damage_records(content, rng)
    return _both(MANIFEST_PIPE, "_0", content), lambda: _in_pairs(content)


def images_with_json(rng: Rng) -> tuple[Input, Callable[[], Counts]]:
    annotations = [json.dumps(value).encode() for value in _DOCUMENTS]
    damaged = int(rng.integers(len(annotations)))
    annotations[damaged] = _damaged_json(_DOCUMENTS[damaged], rng)
    channels = dict.fromkeys(("train", "validation", "annotations"), IMAGES)
    images = {f"{name}/{number}.jpg": JPEG for name in ("train", "validation") for number in range(len(annotations))}
    files = {f"annotations/{number}.json": content for number, content in enumerate(annotations)}
    return Input(channels, images | files), lambda: (len(annotations), sum(map(_boxes_of_document, annotations)))


def images_with_instances(rng: Rng) -> tuple[Input, Callable[[], Counts]]:
    content = _damaged_json(instances(), rng)
    channels = dict.fromkeys(("train", "validation", "annotations"), IMAGES)
    images = {f"{channel}/{name}": JPEG for channel in ("train", "validation") for name in ("a.jpg", "b.jpg")}
    given = Input(channels, {**images, "annotations/instances.json": content}, settings={"num_classes": "2"})
    return given, lambda: _in_instances(content)


def manifests(rng: Rng) -> tuple[Input, Callable[[], Counts]]:
    boxes = [(PIXEL_BOX, {**PIXEL_BOX, "class_id": "1"}), (PIXEL_BOX,), ()]
    lines: list[object] = [manifest_line(f"{number}.jpg", *some) for number, some in enumerate(boxes)]
    content = manifest(*lines)
    if rng.integers(2):
        damaged = int(rng.integers(len(lines)))
        lines[damaged] = damage_document(lines[damaged], rng)
        content = manifest(*lines)
    else:
        content = damage_text(content, rng)
    files = {f"{name}/{number}.jpg": JPEG for name in ("train", "validation") for number in range(len(lines))}
    given = _both(MANIFEST, "/x.manifest", content)
    settings = {"label_attribute": "bounding-box"}
    return Input(given.channels, {**given.files, **files}, settings=settings), lambda: _in_manifest(content)


def images_with_xml(rng: Rng) -> tuple[Input, Callable[[], Counts]]:
    size = "<size><width>40</width><height>20</height></size>"
    objects = [[voc_object("cat"), voc_object("dog", difficult=1)], [voc_object("dog")], []]
    annotations = [voc_annotation(size, *some) for some in objects]
    damaged = int(rng.integers(len(annotations)))
    annotations[damaged] = damage_text(annotations[damaged], rng, XML_PIECES)
    channels = dict.fromkeys(("train", "validation", "annotations"), IMAGES)
    images = {f"{name}/{number}.jpg": JPEG for name in ("train", "validation") for number in range(len(annotations))}
    files = {f"annotations/{number}.xml": content for number, content in enumerate(annotations)}
    names = {"annotations/all.classes": b"dog\ncat\n"}
    given = Input(channels, images | files | names, settings={"num_classes": "2"})
    return given, lambda: (len(annotations), sum(map(_objects_in_xml, annotations)))


def _told(messages: list[str]) -> Counts:
    """Return how many images the validation channel was told to have left out, and how many boxes."""
    own = [message for message in messages if message.startswith("validation channel")]
    skipped = sum(": skipped: " in message for message in own)
    dropped = [re.search(r": (\d+) box(?:es)? dropped", message) for message in own]
    return skipped, sum(int(match.group(1)) for match in dropped if match)


@pytest.mark.parametrize(
    "form",
    [
        records,
        record_pipe,
        manifest_pipe,
        manifests,
        images_with_json,
        images_with_instances,
        images_with_xml,
    ],
)
def test_damaged_input_is_read_as_a_whole_or_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, form: Callable[[Rng], tuple[Input, Callable[[], Counts]]]
) -> None:
    refused = 0
    for seed in range(FIRST_SEED, FIRST_SEED + ROUNDS):
        given, expected = form(np.random.default_rng(seed))
        caplog.clear()
        try:
            refused += _is_refused(tmp_path, given, expected, caplog)
        except BaseException as error:
            error.add_note(f"{form.__name__}, seed {seed}")
            raise
    assert ROUNDS / 5 < refused < ROUNDS


def _is_refused(base: Path, given: Input, expected: Callable[[], Counts], caplog: pytest.LogCaptureFixture) -> bool:
    """Say whether input is refused; fail where it is neither, nor read to the last image and box."""
    seen, refusal = None, ""
    try:
        with watched():
            seen = read(base, given)
    except UserError as error:
        refusal = str(error)
    if seen is None:
        assert " channel" in refusal
        return True
    images, boxes = expected()
    skipped, dropped = _told(caplog.messages)
    assert seen.images + skipped == images
    assert skipped or seen.objects + dropped == boxes
    return False
