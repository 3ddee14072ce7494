"""Whatever is wrong with the input of a job, one table: what it is given, and the words in which it is refused.

The rows of each form of input lie in a module of their own. All are read the way a job reads them, pipes from FIFOs
that another process writes into.
"""

import json
from pathlib import Path

import pytest

from annotation_documents import PIXEL_BOX, annotation, document, entry, instances
from contract import bad_class_ids, bad_images, bad_instances, bad_manifests, bad_pipes, bad_records, bad_voc
from gluon_ssd.errors import UserError
from job_input import IMAGES, MANIFEST_PIPE, RECORDS, Input, Seen, read
from record_stream import BOX, frame, record
from small_images import BMP, JPEG, PNG

CASES = {
    f"{form}: {name}": case
    for form, cases in {
        "RecordIO file": bad_records.CASES,
        "image and JSON": bad_images.CASES,
        "COCO": bad_instances.CASES,
        "VOC": bad_voc.CASES,
        "manifest": bad_manifests.CASES,
        "class ids": bad_class_ids.CASES,
        "RecordIO pipe": bad_pipes.STREAMS,
        "manifest pipe": bad_pipes.PAIRS,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize(("given", "message"), CASES.values(), ids=CASES.keys())
def test_bad_input_is_refused_with_where_it_is_and_what_to_do(tmp_path: Path, given: Input, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, given)
    assert str(caught.value) == message.replace("{data}", str(tmp_path / "input" / "data"))


FLAT = (0, 0.5, 0.5, 0.5, 0.75, 0)
ANNOTATION = json.dumps(document(PIXEL_BOX)).encode()
LEFT_OUT: dict[str, tuple[Input, Seen, str]] = {
    "RecordIO file: an image that breaks off": (
        Input({"validation": RECORDS}, {"validation/v.rec": frame(record(image=PNG), record(image=JPEG[:-2]))}),
        Seen(images=1, objects=1, training_batches=2),
        (
            "validation channel, v.rec, record 1: skipped: expected a JPEG or PNG image, got a JPEG that breaks off "
            f"after {len(JPEG) - 2} bytes"
        ),
    ),
    "RecordIO file: a box without area": (
        Input({"validation": RECORDS}, {"validation/v.rec": frame(record([FLAT, BOX], PNG))}),
        Seen(images=1, objects=1, training_batches=2),
        "validation channel, v.rec, record 0: 1 box dropped for having no area inside the image",
    ),
    "image and JSON: an image of another kind": (
        Input(
            {"validation": IMAGES, "validation_annotation": IMAGES},
            {
                "validation/a.jpg": JPEG,
                "validation/b.bmp": BMP,
                "validation_annotation/a.json": ANNOTATION,
                "validation_annotation/b.json": ANNOTATION,
            },
        ),
        Seen(images=1, objects=1, training_batches=2),
        "validation channel: expected images as JPEG or PNG, got 1 of another kind, which are not used: b.bmp",
    ),
    "COCO: an image that is not listed": (
        Input(
            {"validation": IMAGES, "annotations": IMAGES},
            {
                "validation/a.jpg": JPEG,
                "validation/c.jpg": JPEG,
                "train/train.classes": b"car\ndog\n",
                "annotations/all.json": json.dumps(
                    instances(images=[entry(1, "a.jpg")], annotations=[annotation(1, 3)])
                ).encode(),
            },
            settings={"num_classes": "2"},
        ),
        Seen(images=1, objects=1, training_batches=2),
        (
            "validation channel: expected an entry in annotations channel, all.json for each image, got none for 1 of "
            "2 images, which are left out: c.jpg"
        ),
    ),
    "manifest pipe: an image that is none": (
        Input(
            {"validation": MANIFEST_PIPE},
            pipes={"validation": frame(PNG, ANNOTATION, b"GIF89a", ANNOTATION)},
        ),
        Seen(images=1, objects=1, training_batches=2),
        (
            "validation channel, validation_0, record 2: skipped: expected a JPEG or PNG image, got 6 bytes that begin "
            "with 47 49 46 38 39 61"
        ),
    ),
}


@pytest.mark.parametrize(("given", "seen", "message"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_what_is_left_out_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: Input, seen: Seen, message: str
) -> None:
    assert read(tmp_path, given) == seen
    assert message in caplog.messages
