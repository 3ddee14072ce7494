"""Augmented manifests as SageMaker streams them: a record with an image, then one with its annotation in JSON."""

import io
import json
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

from gluon_ssd.data import image_header, json_annotation
from gluon_ssd.data.images import is_image
from gluon_ssd.data.json_annotation import AnnotationError
from gluon_ssd.data.label_tally import LabelledImage
from gluon_ssd.data.labels import Annotation
from gluon_ssd.errors import UserError

RECORDS_PER_IMAGE = 2

# The words of the built-in algorithms, which customers search for.
ATTRIBUTE_NAMES = (
    "Got empty batch from pipe. Please check if the manifest file contains valid batches and the value of training "
    "job parameter AttributeNames matches attributes names in the augmented manifest."
)
_ORDER = "AttributeNames has to name two attributes, the image's first, such as ['source-ref', 'bounding-box']"
_SEQUENCE_KEYS = frozenset(["seq-no", "tracking-annotations", "detection-annotations"])
_LONGEST_SEQUENCE = 1 << 26  # bytes of JSON that are looked into, to say what they are


def is_pair_record(payload: bytes) -> bool:
    """Say whether a stream that begins with this payload is one of pairs: no header of an image record looks so."""
    return is_image(payload) or is_json(payload)


def is_json(payload: bytes) -> bool:
    """Say whether bytes begin as a JSON object does, and not as a binary number of the same first byte."""
    return payload[:64].lstrip().startswith(b"{") and b"\0" not in payload[:8]


def read_pairs(payloads: Iterator[bytes], num_classes: int, where: Callable[[int], str]) -> Iterator[LabelledImage]:
    """Yield the images of a stream of pairs with their labels; `where` names a record by its number, from 0.

    Raises UserError for records in another order, and annotations that are none; whether an image can be decoded
    shows later.
    """
    for record in count(0, RECORDS_PER_IMAGE):
        image = next(payloads, None)
        if image is None:
            return
        _check_image(image, where(record))
        text = next(payloads, None)
        if text is None:
            raise UserError(
                f"{ATTRIBUTE_NAMES} {where(record + 1)}: expected the annotation of the last image, "
                f"got the end of the stream; {_ORDER}"
            )
        _check_text(text, where(record + 1))
        yield read_annotation(text, image, num_classes, where(record + 1))


def read_annotation(content: bytes, image: bytes, num_classes: int, where: str) -> LabelledImage:
    """Read the JSON annotation of an image; boxes are cut to the image, and dropped where no area is left.

    Raises UserError, with `where` the annotation is, where it is none.
    """
    try:
        document = json_annotation.parse(content)
    except AnnotationError as error:
        raise UserError(f"{where}, {error}") from error
    labels = json_annotation.join([document])
    labels.check_classes(num_classes, [where])
    stored = np.array([image_header.read_size(io.BytesIO(image)) or (0, 0)], np.int64)
    sizes = labels.sizes(stored, [where])
    objects = labels.objects(sizes)
    return LabelledImage(
        image,
        Annotation(objects.rows, objects.summary.dropped, objects.summary.far_outside),
        objects.summary.widest_label,
        specks=labels.specks(),
        is_resized=bool(len(labels.otherwise_told(sizes))),
    )


def _check_image(payload: bytes, where: str) -> None:
    if not is_json(payload):
        return
    if is_sequence(payload):
        raise UserError(sequence_refusal(where))
    raise UserError(f"{ATTRIBUTE_NAMES} {where}: expected an image, got JSON: {_shown(payload)}; {_ORDER}")


def _check_text(payload: bytes, where: str) -> None:
    if is_image(payload):
        raise UserError(
            f"{ATTRIBUTE_NAMES} {where}: expected the JSON annotation of the image before it, got an image; {_ORDER}"
        )
    if is_json(payload) and is_sequence(payload):
        raise UserError(sequence_refusal(where))


def is_sequence(content: bytes) -> bool:
    """Say whether JSON is what Ground Truth writes of the frames of a video, not of one image."""
    # Their annotations hold no image_size and annotations of their own; no need to read all others twice.
    if not any(key.encode() in content for key in _SEQUENCE_KEYS) or len(content) > _LONGEST_SEQUENCE:
        return False
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and not _SEQUENCE_KEYS.isdisjoint(document)


def sequence_refusal(where: str) -> str:
    """Return what to tell a user who sends labels of video frames."""
    return (
        f"{where}: expected an image or its bounding boxes, got a sequence of video frames as Ground Truth labels them "
        "(SeqLabel), which cannot be trained on as it is; write a manifest with one line for each frame: 'source-ref' "
        "with the s3:// address of the frame, and 'bounding-box' with image_size and annotations, "
        "each of class_id (from its label, counted from 0), left, top, width and height"
    )


def _shown(payload: bytes, most: int = 60) -> str:
    text = payload[:most].decode("utf-8", errors="replace")
    return f"{text}..." if len(payload) > most else text
