"""The PASCAL VOC folder: JPEGImages, Annotations and ImageSets/Main."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError  # only names; defusedxml parses

from defusedxml import ElementTree

from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DataSet, DroppedError, Size
from gluon_ssd.tools.box_form import BoxForm

PARTS = ("JPEGImages", "Annotations", "ImageSets/Main")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
# A class's own list, such as dog_train.txt, has 1, 0 or -1 behind the name.
LIST_LINE = re.compile(r"\s*(?P<name>\S.*?)(\s+(-1|0|1))?\s*")


def read_voc(source: Path, split: str, *, classes: Sequence[str] | None) -> DataSet:
    """Return one split of a PASCAL VOC folder.

    Args:
        source: the folder, or one that holds a single such folder at most two levels below.
        split: which list of ImageSets/Main to take.
        classes: the names in order of their ids; None takes the sorted names of all the folder's annotations, not of
            the split's alone, so that training and validation data get equal ids.

    Raises:
        UserError: the source or the split is missing.
    """
    folder = VocFolder.find(source)
    names = folder.images_of(split)
    class_names = folder.class_names() if classes is None else tuple(classes)
    return DataSet(split, class_names, [VocEntry(folder, name) for name in names], folder="JPEGImages")


class UnreadableAnnotationError(ValueError):
    """An annotation that is missing or is not XML; the message says which."""


@dataclass(frozen=True)
class Annotation:
    """What an XML file says of an image; `size` is (width, height), None where it is missing or zero."""

    filename: str
    size: Size | None
    objects: tuple[AnnotatedObject, ...]


@dataclass(frozen=True)
class VocFolder:
    """A folder in the VOC layout."""

    root: Path

    @classmethod
    def find(cls, source: Path) -> "VocFolder":
        """Return `source`, or the only VOC folder one or two levels below it, as in VOCdevkit/VOC2007.

        Raises:
            UserError: there is no such folder, or there are several.
        """
        if not source.is_dir():
            raise UserError(f"source: expected a folder in the PASCAL VOC layout, got {str(source)!r}, which is none")
        found = [root for root in (source, *sorted(source.glob("*")), *sorted(source.glob("*/*"))) if _is_voc(root)]
        if not found:
            raise UserError(
                f"source: expected the folders {', '.join(PARTS)} in {source} or two levels below, got none"
            )
        if len(found) > 1 and found[0] != source:
            names = ", ".join(str(root.relative_to(source)) for root in found)
            raise UserError(f"source: expected one PASCAL VOC folder in {source}, got {names}; name one of them")
        return cls(found[0])

    def images_of(self, split: str) -> list[str]:
        """Return the names, without suffix, that ImageSets/Main/<split>.txt lists, each once.

        Raises:
            UserError: there is no such list, or it cannot be read.
        """
        lists = self.root / "ImageSets" / "Main"
        try:
            lines = (lists / f"{split}.txt").read_text("utf-8-sig").splitlines()
        except FileNotFoundError as error:
            names = ", ".join(sorted(path.stem for path in lists.glob("*.txt"))) or "none"
            raise UserError(f"split: expected one that {lists} lists ({names}), got {split!r}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"split: expected a readable list {lists / split}.txt, got: {error}") from error
        matches = map(LIST_LINE.fullmatch, lines)
        return list(dict.fromkeys(match["name"] for match in matches if match))

    def annotation(self, name: str) -> Annotation:
        """Read the annotation of an image.

        Raises:
            UnreadableAnnotationError: it is missing or no XML.
        """
        element = self._parse(name)
        objects = tuple(_object(item, number) for number, item in enumerate(element.findall("object"), 1))
        return Annotation(_text(element, "filename"), _size(element), objects)

    def image(self, name: str, filename: str) -> Path | None:
        """Return where the image of that name lies; failing that, the file of the annotation's `filename`."""
        folder = self.root / "JPEGImages"
        candidates = [folder / f"{name}{suffix}" for suffix in IMAGE_SUFFIXES]
        if filename:
            candidates.append(folder / Path(filename).name)
        return next((path for path in candidates if path.is_file()), None)

    def class_names(self) -> tuple[str, ...]:
        """Return, sorted, the names of all objects in all readable annotations, whatever the split."""
        names: set[str] = set()
        for path in (self.root / "Annotations").glob("*.xml"):
            try:
                names.update(_text(item, "name") for item in self._parse(path.stem).iterfind("object"))
            except UnreadableAnnotationError:
                continue  # told of where a split lists it
        return tuple(sorted(names - {""}))

    def _parse(self, name: str) -> Element:
        path = self.root / "Annotations" / f"{name}.xml"
        try:
            return ElementTree.fromstring(path.read_bytes())
        except FileNotFoundError as error:
            raise UnreadableAnnotationError("no annotation") from error
        except (ParseError, OSError, ValueError, LookupError) as error:  # the last two: entities, odd encodings
            raise UnreadableAnnotationError(f"annotation is not readable XML: {error}") from error


@dataclass(frozen=True, slots=True)
class VocEntry:
    """An image of a VOC folder by its name, without suffix."""

    folder: VocFolder
    where: str

    def read(self) -> AnnotatedImage:
        """Read the annotation and find the image.

        Raises:
            DroppedError: one of them is missing, or the annotation cannot be read.
        """
        try:
            annotation = self.folder.annotation(self.where)
        except UnreadableAnnotationError as error:
            raise DroppedError(str(error)) from error
        path = self.folder.image(self.where, annotation.filename)
        if path is None:
            raise DroppedError("no image in JPEGImages")
        name = path.relative_to(self.folder.root / "JPEGImages").as_posix()
        return AnnotatedImage(self.where, path, name, BoxForm.VOC, annotation.objects, annotation.size)


def _is_voc(root: Path) -> bool:
    return all((root / part).is_dir() for part in PARTS)


def _text(element: Element, path: str) -> str:
    """Return the text at a path, in one line; nothing there is an empty text."""
    return " ".join((element.findtext(path) or "").split())


def _number(element: Element, path: str) -> float:
    try:
        return float(_text(element, path))
    except ValueError:
        return math.nan


def _size(element: Element) -> Size | None:
    width, height = _number(element, "size/width"), _number(element, "size/height")
    # Some tools write 0 for a size that they do not know.
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        return None
    return int(width), int(height)


def _object(element: Element, number: int) -> AnnotatedObject:
    xmin, ymin, xmax, ymax = (_number(element, f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax"))
    box = (xmin, ymin, xmax, ymax)
    return AnnotatedObject(
        place=f"object {number}",
        class_name=_text(element, "name"),
        numbers=box if all(map(math.isfinite, box)) else None,
        difficult=_text(element, "difficult").lower() in {"1", "true"},
    )
