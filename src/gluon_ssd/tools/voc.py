"""The PASCAL VOC folder: JPEGImages, Annotations and ImageSets/Main."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.data import voc
from gluon_ssd.data.voc import VocAnnotation, VocError, VocObject
from gluon_ssd.errors import UserError
from gluon_ssd.file_kinds import IMAGES
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DataSet, DroppedError
from gluon_ssd.tools.box_form import BoxForm

PARTS = ("JPEGImages", "Annotations", "ImageSets/Main")
IMAGE_SUFFIXES = (*IMAGES, *map(str.upper, IMAGES))
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
            raise UserError(f"--split: expected one that {lists} lists ({names}), got {split!r}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--split: expected a readable list {lists / split}.txt, got: {error}") from error
        matches = map(LIST_LINE.fullmatch, lines)
        return list(dict.fromkeys(match["name"] for match in matches if match))

    def annotation(self, name: str) -> VocAnnotation:
        """Read the annotation of an image.

        Raises:
            DroppedError: it is missing, cannot be read, or is not VOC's XML.
        """
        try:
            return voc.parse((self.root / "Annotations" / f"{name}.xml").read_bytes())
        except FileNotFoundError as error:
            raise DroppedError("no annotation") from error
        except (VocError, OSError) as error:
            raise DroppedError(f"annotation is not readable: {error}") from error

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
                names.update(item.name for item in self.annotation(path.stem).objects)
            except DroppedError:
                continue  # told of where a split lists it
        return tuple(sorted(names - {""}))


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
        annotation = self.folder.annotation(self.where)
        path = self.folder.image(self.where, annotation.filename)
        if path is None:
            raise DroppedError("no image in JPEGImages")
        name = path.relative_to(self.folder.root / "JPEGImages").as_posix()
        objects = tuple(_object(item, number) for number, item in enumerate(annotation.objects, 1))
        return AnnotatedImage(self.where, path, name, BoxForm.VOC, objects, annotation.size)


def _is_voc(root: Path) -> bool:
    return all((root / part).is_dir() for part in PARTS)


def _object(item: VocObject, number: int) -> AnnotatedObject:
    return AnnotatedObject(f"object {number}", item.name, item.corners, item.difficult)
