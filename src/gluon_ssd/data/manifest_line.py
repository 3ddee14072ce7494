"""One line of an augmented manifest: where an image is, and what the attribute with its boxes says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gluon_ssd.data import json_annotation
from gluon_ssd.data.augmented_manifest import is_sequence, sequence_refusal
from gluon_ssd.data.class_names import agreed
from gluon_ssd.data.image_address import locate
from gluon_ssd.data.json_annotation import AnnotationError, JsonAnnotation, show, whole
from gluon_ssd.errors import UserError

SOURCE = "source-ref"
_METADATA = "-metadata"
_VIDEO = "groundtruth/video"  # how the types of such labels begin
_SEQUENCE_LABELS = "SeqLabel.json"


@dataclass(frozen=True)
class ManifestLine:
    """What a line says: the path or `s3://` address of an image, its annotation, and the attribute that holds this.

    The annotation is None where there is none, as where Ground Truth writes that labeling failed. `class_names` are
    by class id, None where the line contradicts itself.
    """

    location: str
    annotation: JsonAnnotation | None = None
    attribute: str = ""
    class_names: Mapping[int, str] | None = None


def parse(content: bytes, folder: str, place: str, *, attribute: str = "") -> ManifestLine:
    """Read a line, in a manifest of this folder, that is at `place`; the attribute is found where none is given.

    Raises UserError.
    """
    with json_annotation.at(place):
        document = json_annotation.load(content, one_line=True)
        if not isinstance(document, dict):
            raise AnnotationError(
                f"expected a JSON object with {SOURCE} and the boxes of one image, got {show(document)}"
            )
        name = attribute or _label_attribute(document)
        if name not in document:
            _refuse_sequence(document, content, place)
        if SOURCE not in document:
            raise AnnotationError(f"{SOURCE}: expected the path or the s3:// address of an image, got none")
        location = locate(document[SOURCE], folder)
        if name not in document:
            return ManifestLine(location)
        annotation = json_annotation.interpret(document[name])
    names = agreed([annotation.class_names, _class_map(document.get(name + _METADATA))])
    return ManifestLine(location, annotation, name, names)


def _label_attribute(document: Mapping[str, Any]) -> str:
    """Return the name of the attribute that holds boxes; empty where none does."""
    names = [
        name
        for name, value in document.items()
        if isinstance(value, dict) and "annotations" in value and not name.endswith(_METADATA)
    ]
    if len(names) > 1:
        raise AnnotationError(
            f"expected one attribute with boxes, got {', '.join(names)}; set the hyperparameter label_attribute to one "
            "of them"
        )
    return names[0] if names else ""


def _refuse_sequence(document: Mapping[str, Any], content: bytes, place: str) -> None:
    """Raise UserError where a line tells of a video, whose images and labels are elsewhere."""
    types = [value.get("type") for value in document.values() if isinstance(value, dict)]
    if (
        any(isinstance(kind, str) and kind.startswith(_VIDEO) for kind in types)
        or any(isinstance(value, str) and value.endswith(_SEQUENCE_LABELS) for value in document.values())
        or is_sequence(content)
    ):
        raise UserError(sequence_refusal(place))


def _class_map(metadata: object) -> Mapping[int, str]:
    """Return names by class id, as far as there are any."""
    class_map = metadata.get("class-map") if isinstance(metadata, dict) else None
    if not isinstance(class_map, dict):
        return {}
    named = ((whole(key), name) for key, name in class_map.items() if key.isdecimal() and isinstance(name, str))
    return {class_id: name for class_id, name in named if class_id is not None}
