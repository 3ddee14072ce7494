"""The annotation of one image as PASCAL VOC's XML: its size, and named boxes in pixels that count from 1."""

import math
import sys
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError  # only names; defusedxml parses

from defusedxml import ElementTree

from gluon_ssd.data.json_annotation import number, whole

_ROOT = "annotation"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_YES = {"1", "true"}


class VocError(ValueError):
    """A document that is not a VOC annotation; the message says why."""


@dataclass(frozen=True, slots=True)
class VocObject:
    """An object as written.

    `corners` are xmin, ymin, xmax and ymax in pixels that count from 1, both ends inside; None where they are not four
    numbers. The name is empty where there is none.
    """

    name: str
    corners: tuple[float, float, float, float] | None
    difficult: bool


@dataclass(frozen=True, slots=True)
class VocAnnotation:
    """What an XML file says of an image; `size` is (width, height), None where these are no whole numbers above 0."""

    filename: str
    size: tuple[int, int] | None
    objects: tuple[VocObject, ...]


def parse(content: bytes) -> VocAnnotation:
    """Read one annotation document.

    Raises VocError.
    """
    try:
        element = ElementTree.fromstring(content)
    except (ParseError, ValueError, LookupError) as error:  # the last two: entities, odd encodings
        raise VocError(f"expected XML, got a mistake: {error}") from error
    if element.tag != _ROOT:
        raise VocError(f"expected the element <{_ROOT}> of PASCAL VOC, got <{element.tag}>")
    objects = tuple(_object(item) for item in element.iterfind("object"))
    return VocAnnotation(_text(element, "filename"), _size(element), objects)


def _object(element: Element) -> VocObject:
    xmin, ymin, xmax, ymax = (number(_text(element, f"bndbox/{corner}")) for corner in _CORNERS)
    corners = (xmin, ymin, xmax, ymax)
    return VocObject(
        name=sys.intern(_text(element, "name")),  # few names, many objects
        corners=corners if all(map(math.isfinite, corners)) else None,
        difficult=_text(element, "difficult").lower() in _YES,
    )


def _text(element: Element, path: str) -> str:
    """Return the text at a path, in one line; nothing there is an empty text."""
    return " ".join((element.findtext(path) or "").split())


def _size(element: Element) -> tuple[int, int] | None:
    width, height = (whole(_text(element, f"size/{side}")) or 0 for side in ("width", "height"))
    # Some tools write 0 for a size that they do not know.
    return (width, height) if width > 0 and height > 0 else None
