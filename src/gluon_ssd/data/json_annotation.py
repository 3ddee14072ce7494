"""The annotation of one image as JSON: its size, and boxes in pixels; of image + JSON channels and of manifests."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluon_ssd.data.pixel_labels import PixelLabels
from gluon_ssd.errors import UserError

_FIELDS = ("class_id", "left", "top", "width", "height")
_SHOWN = 60
_MOST_WHOLE = 2**53


class AnnotationError(ValueError):
    """A document that is not the annotation of an image; the message says where in it."""


class BoxError(AnnotationError):
    """One of a document's annotations that is none; the message begins with its number."""


@dataclass(frozen=True)
class JsonAnnotation:
    """What a document says: rows `(class, left, top, width, height)` in pixels, and what else it tells.

    `size` is (width, height); `file` the image's path; `class_names` the names of its `categories` by class id,
    None where one id has several. What a document does not tell is None, or empty.
    """

    rows: list[tuple[float, ...]]
    size: tuple[int, int] | None
    file: str | None
    class_names: Mapping[int, str] | None


def parse(content: bytes | str) -> JsonAnnotation:
    """Read one annotation document; numbers may be strings, and only what is needed is judged.

    Raises AnnotationError.
    """
    return interpret(load(content))


def load(content: bytes | str, *, one_line: bool = False) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what JSON holds; raises AnnotationError where it is none.

    Of content that is `one_line` of a file, a message does not say in which line a mistake is.
    """
    try:
        # By their first bytes, json would take some that are no text for UTF-16 or UTF-32, which JSON is not.
        return json.loads(content.decode("utf-8-sig") if isinstance(content, bytes) else content)
    except RecursionError as error:
        raise AnnotationError("expected JSON, got brackets nested too deeply") from error
    except ValueError as error:  # json.JSONDecodeError and UnicodeDecodeError, both of which say where
        mistake = str(error)
        if one_line and isinstance(error, json.JSONDecodeError):
            mistake = f"{error.msg}: column {error.colno}"
        raise AnnotationError(f"expected JSON, got a mistake: {mistake}") from error


def interpret(document: object) -> JsonAnnotation:
    """Return what a document says that was loaded; raises AnnotationError."""
    if not isinstance(document, dict):
        raise AnnotationError(f"expected a JSON object with image_size and annotations, got {show(document)}")
    annotations = document.get("annotations")
    if not isinstance(annotations, list):
        raise AnnotationError(
            "annotations: expected a list, empty for an image without objects, "
            f"got {show(annotations) if 'annotations' in document else 'none'}"
        )
    file = document.get("file")
    return JsonAnnotation(
        rows=[_row(number, annotation) for number, annotation in enumerate(annotations)],
        size=_size(document["image_size"]) if "image_size" in document else None,
        file=file if isinstance(file, str) else None,
        class_names=_class_names(document.get("categories")),
    )


def join(documents: Sequence[JsonAnnotation]) -> PixelLabels:
    """Return the boxes of documents, none of which can say that an object is difficult."""
    return PixelLabels(
        rows=np.array([(*row, 0) for document in documents for row in document.rows], np.float64).reshape(-1, 6),
        counts=np.array([len(document.rows) for document in documents], np.int64),
        told=np.array([document.size or (0, 0) for document in documents], np.int64).reshape(-1, 2),
    )


@contextmanager
def at(place: str) -> Iterator[None]:
    """Make a UserError, which names the place, of an AnnotationError in the block."""
    try:
        yield
    except BoxError as error:
        raise UserError(f"{place}, {error}") from error
    except AnnotationError as error:
        raise UserError(f"{place}: {error}") from error


def number(value: object) -> float:
    """Return a number that may be written as a string; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def whole(value: object) -> int | None:
    """Return a whole number that may be written as a string; None for anything else, and beyond what floats hold."""
    result = number(value)
    return int(result) if result.is_integer() and abs(result) <= _MOST_WHOLE else None


def show(value: object) -> str:
    """Return the beginning of a JSON value, for messages."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _row(position: int, annotation: object) -> tuple[float, ...]:
    if not isinstance(annotation, dict):
        raise BoxError(
            f"annotation {position}: expected an object with class_id, left, top, width and height, "
            f"got {show(annotation)}"
        )
    row = tuple(map(number, map(annotation.get, _FIELDS)))
    if not all(map(math.isfinite, row)):
        name = next(name for name, value in zip(_FIELDS, row, strict=True) if not math.isfinite(value))
        got = show(annotation[name]) if name in annotation else "none"
        raise BoxError(f"annotation {position}: {name}: expected a number, got {got}")
    return row


def _size(value: object) -> tuple[int, int]:
    size = value[0] if isinstance(value, list) and len(value) == 1 else value
    width, height = (whole(size.get(name)) or 0 for name in ("width", "height")) if isinstance(size, dict) else (0, 0)
    if width < 1 or height < 1:
        raise AnnotationError(
            f"image_size: expected a list of one object with width and height, in pixels, got {show(value)}"
        )
    return width, height


def _class_names(categories: object) -> Mapping[int, str] | None:
    """Return names by class id, as far as there are any: public data sets hold nonsense here, so nothing is judged."""
    names: dict[int, str] = {}
    for class_id, name in _categories(categories):
        if names.setdefault(class_id, name) != name:
            return None
    return names


def _categories(categories: object) -> Iterator[tuple[int, str]]:
    for category in categories if isinstance(categories, list) else ():
        if isinstance(category, dict) and isinstance(category.get("name"), str):
            class_id = whole(category.get("class_id"))
            if class_id is not None:
                yield class_id, category["name"]
