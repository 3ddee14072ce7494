"""Channels whose class ids may not mean the same, and what a job says of them."""

import json

from annotation_documents import PIXEL_BOX, document, instances, voc_annotation, voc_object
from job_input import GOOD_RECORDS, IMAGES, MANIFEST_PIPE, RECORDS, Input
from small_images import JPEG

_VOC = voc_annotation(voc_object("dog"), voc_object("car"))
_COCO = json.dumps(instances()).encode()


def _named(split: str, annotations: bytes, form: str, files: dict[str, bytes] | None = None) -> Input:
    """Return a split of images whose class ids follow from names, beside whatever the other one is."""
    channels = {split: IMAGES, f"{split}_annotation": IMAGES}
    own = {f"{split}/a.jpg": JPEG, f"{split}_annotation/a{form}": annotations}
    if form == ".json":
        own = {f"{split}/a.jpg": JPEG, f"{split}/b.jpg": JPEG, f"{split}_annotation/instances.json": annotations}
    return Input(channels, own | (files or {}), settings={"num_classes": "2"})


def _with_json(given: Input, split: str, **others: object) -> Input:
    """Return an input whose other split has the built-in's JSON."""
    annotation = json.dumps(document(PIXEL_BOX, **others)).encode()
    files = {f"{split}/a.jpg": JPEG, f"{split}_annotation/a.json": annotation}
    channels = {split: IMAGES, f"{split}_annotation": IMAGES}
    return Input({**channels, **given.channels}, {**files, **given.files}, settings=given.settings)


def _unnamed(one: str, other: str) -> str:
    return (
        f"class names: expected the same class ids in both channels, got car, dog as 0 to 1 in the {one} channel, in "
        f"order of its names or categories, and ids without names in the {other} channel; list the names in order of "
        f"the latter, one a line, in a file {one}.classes in the {one} channel"
    )


def _differing(train: str, validation: str) -> str:
    return (
        f"class names: expected the same in both channels, got {train} in the train channel and {validation} in the "
        "validation channel; prepare both with the same --classes, or list the same names in a .classes file of each"
    )


_DOG_CAR = [{"class_id": 0, "name": "dog"}, {"class_id": 1, "name": "car"}]

CASES: dict[str, tuple[Input, str]] = {
    "records without names, then VOC": (_named("validation", _VOC, ".xml"), _unnamed("validation", "train")),
    "records without names, then COCO": (_named("validation", _COCO, ".json"), _unnamed("validation", "train")),
    "VOC, then records without names": (_named("train", _VOC, ".xml"), _unnamed("train", "validation")),
    "COCO, then records without names": (_named("train", _COCO, ".json"), _unnamed("train", "validation")),
    "JSON without categories, then VOC": (
        _with_json(_named("validation", _VOC, ".xml"), "train"),
        _unnamed("validation", "train"),
    ),
    "a pipe, then VOC": (
        Input(
            {"train": MANIFEST_PIPE, "validation": IMAGES, "validation_annotation": IMAGES},
            {"validation/a.jpg": JPEG, "validation_annotation/a.xml": _VOC},
            settings={"num_classes": "2"},
        ),
        _unnamed("validation", "train"),
    ),
    "VOC, then JSON with categories in another order": (
        _with_json(_named("train", _VOC, ".xml"), "validation", categories=_DOG_CAR),
        _differing("car, dog", "dog, car"),
    ),
    "JSON with categories in another order, then COCO": (
        _with_json(_named("validation", _COCO, ".json"), "train", categories=_DOG_CAR),
        _differing("dog, car", "car, dog"),
    ),
    "records with names in another order, then COCO": (
        _named("validation", _COCO, ".json", {"train/train.classes": b"dog\ncar\n"}),
        _differing("dog, car", "car, dog"),
    ),
    "COCO beside names in another order": (
        _named("train", _COCO, ".json", {"train/train.classes": b"dog\ncar\n"}),
        (
            "train_annotation channel, instances.json: expected the categories that a .classes file lists, in order of "
            "their ids, since this order makes the class ids: dog, car, got car, dog; correct the file, or number the "
            "categories in its order"
        ),
    ),
    "records with other names than those of other records": (
        Input(
            {"train": RECORDS, "validation": RECORDS},
            {
                "train/a.rec": GOOD_RECORDS,
                "train/a.classes": b"cat\ndog\nowl\n",
                "validation/b.rec": GOOD_RECORDS,
                "validation/b.classes": b"dog\ncat\nowl\n",
            },
        ),
        _differing("cat, dog, owl", "dog, cat, owl"),
    ),
}
