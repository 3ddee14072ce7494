"""YOLO's layout as Ultralytics has it: a folder of images, and one of text files with a line for each object."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.data.class_names import parse_class_names
from gluon_ssd.errors import UserError
from gluon_ssd.file_kinds import IMAGES, visible, with_suffix
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DataSet, DroppedError
from gluon_ssd.tools.box_form import BoxForm

_LINE = 5  # class, center x, center y, width, height


def read_yolo(source: Path, split: str, *, classes: Sequence[str] | None) -> DataSet:
    """Return one split of a YOLO folder, in order of the images' names.

    The images lie in images/<split> and the labels in labels/<split>, or in <split>/images and <split>/labels. An
    image without a label file shows no object.

    Args:
        source: the folder.
        split: the name of the folders, such as train.
        classes: the names in order of the class numbers; None takes those of the folder's classes.txt.

    Raises:
        UserError: the source, the split or the names are missing.
    """
    images, labels = _folders(source, split)
    names = sorted(_images(images))
    if not names:
        raise UserError(f"--split: expected JPEG or PNG images in {images}, got none")
    class_names = _class_names(source) if classes is None else tuple(classes)
    entries = [YoloEntry(images, labels, name, class_names) for name in names]
    return DataSet(split, class_names, entries, folder=images.relative_to(source).as_posix())


@dataclass(frozen=True, slots=True)
class YoloEntry:
    """An image of a YOLO folder: `where` is its path within the folder of the images."""

    images: Path
    labels: Path
    where: str
    class_names: tuple[str, ...]

    def read(self) -> AnnotatedImage:
        """Read the label file.

        Raises:
            DroppedError: it cannot be read.
        """
        try:
            lines = (self.labels / self.where).with_suffix(".txt").read_text("utf-8-sig").splitlines()
        except FileNotFoundError:
            lines = []
        except (OSError, UnicodeDecodeError) as error:
            raise DroppedError(f"label file cannot be read: {error}") from error
        objects = tuple(self._object(number, line) for number, line in enumerate(lines, 1) if line.strip())
        return AnnotatedImage(self.where, self.images / self.where, self.where, BoxForm.YOLO, objects)

    def _object(self, number: int, line: str) -> AnnotatedObject:
        place = f"line {number}"
        values = _values(line)
        if len(values) != _LINE:
            return AnnotatedObject(place, self._class_name(values[0]) if values else line.strip(), None)
        label, *numbers = values
        center_x, center_y, width, height = numbers
        return AnnotatedObject(place, self._class_name(label), (center_x, center_y, width, height))

    def _class_name(self, label: float) -> str:
        if label.is_integer() and 0 <= label < len(self.class_names):
            return self.class_names[int(label)]
        return f"class number {label:g}"


def _values(line: str) -> list[float]:
    """Return the numbers of a line; none where one of the words is no number."""
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        return []
    return values if all(map(math.isfinite, values)) else []


def _folders(source: Path, split: str) -> tuple[Path, Path]:
    if not source.is_dir():
        raise UserError(f"source: expected a folder in the YOLO layout, got {str(source)!r}, which is none")
    pairs = [
        (source / "images" / split, source / "labels" / split),
        (source / split / "images", source / split / "labels"),
    ]
    found = next((pair for pair in pairs if pair[0].is_dir()), None)
    if not split or found is None:
        names = sorted({*_splits(source)})
        raise UserError(
            f"--split: expected a folder images/{split} or {split}/images in {source}, got none; "
            f"there are: {', '.join(names) or 'none'}"
        )
    if not found[1].is_dir():
        raise UserError(f"source: expected the label files in {found[1]}, got no such folder")
    return found


def _splits(source: Path) -> Iterator[str]:
    yield from (path.name for path in source.glob("images/*") if path.is_dir())
    yield from (path.parent.name for path in source.glob("*/images") if path.is_dir())


def _images(folder: Path) -> Iterator[str]:
    try:
        yield from with_suffix(visible(folder), IMAGES)
    except OSError as error:
        raise UserError(f"source: expected a folder that can be read, got {error}") from error


def _class_names(source: Path) -> tuple[str, ...]:
    path = source / "classes.txt"
    try:
        names = parse_class_names(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        names = ()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: expected a text file, got: {error}") from error
    if len(set(names)) < len(names):
        raise UserError(f"{path}: expected different names, got {', '.join(names)}")
    if not names:
        yaml = " (the names of data.yaml, in order)" if list(source.glob("*.y*ml")) else ""
        raise UserError(
            f"--classes: expected the names of the classes in {path} or by --classes{yaml}, got none; "
            "labels hold numbers only"
        )
    return names
