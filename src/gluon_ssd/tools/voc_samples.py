"""PASCAL VOC annotations turned into samples, with an account of what is left out and why."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gluon_ssd import boxes
from gluon_ssd.data.images import UnreadableImageError, decode
from gluon_ssd.data.sample import Sample
from gluon_ssd.tools.voc import Annotation, Box, UnreadableAnnotationError, VocFolder, VocObject

Size = tuple[int, int]  # width, height


class DroppedError(Exception):
    """An image or an object that is left out; the message says why."""


class VocSamples:
    """Reads the images of a VOC folder as samples, and keeps account.

    Attributes:
        notes: a line for everything that was left out or changed.
        unknown: classes that are not among the class names, and the images that show them.
        found: how many objects of each class were read.
        counts: how many objects each image has that was read.
        dropped_images: how many images were left out.
        dropped_objects: how many objects of the other images were left out.
    """

    def __init__(self, folder: VocFolder, class_names: Sequence[str]) -> None:
        self._folder = folder
        self._labels = {name: label for label, name in enumerate(class_names)}
        self.notes: list[str] = []
        self.unknown: dict[str, list[str]] = {}
        self.found: Counter[str] = Counter()
        self.counts: list[int] = []
        self.dropped_images = self.dropped_objects = 0

    def read(self, name: str) -> tuple[Sample, str]:
        """Return an image as a sample, and the path of its file within the folder.

        Raises:
            DroppedError: the image or its annotation is missing or cannot be read.
        """
        try:
            annotation, path = self._locate(name)
            data, size = _read_image(path)
        except DroppedError as error:
            self.notes.append(f"{name}: dropped: {error}")
            self.dropped_images += 1
            raise
        self._compare_sizes(name, annotation, size)
        rows = [self._row(name, number, item, size) for number, item in enumerate(annotation.objects, 1)]
        objects = np.array([row for row in rows if row], np.float32).reshape(-1, 6)
        self.counts.append(len(objects))
        return Sample(data, objects), path.relative_to(self._folder.root).as_posix()

    def _locate(self, name: str) -> tuple[Annotation, Path]:
        try:
            annotation = self._folder.annotation(name)
        except UnreadableAnnotationError as error:
            raise DroppedError(str(error)) from error
        path = self._folder.image(name, annotation.filename)
        if path is None:
            raise DroppedError("no image in JPEGImages")
        return annotation, path

    def _compare_sizes(self, name: str, annotation: Annotation, size: Size) -> None:
        if annotation.size is not None and annotation.size != size:
            told, real = ("x".join(map(str, sides)) for sides in (annotation.size, size))
            self.notes.append(f"{name}: the annotation gives the size {told}, the image has {real}: used the image's")

    def _row(self, name: str, number: int, item: VocObject, size: Size) -> list[float] | None:
        """Return an object's row `class, corners, difficult`, or None where it is left out."""
        where = f"{name}, object {number}{f' ({item.name})' if item.name else ''}"
        try:
            box = _check(item)
            corners = _fractions(box, size)
        except DroppedError as error:
            self.notes.append(f"{where}: dropped: {error}")
            self.dropped_objects += 1
            return None
        if item.name not in self._labels:
            self.unknown.setdefault(item.name, []).append(name)
            return None
        # Tools that count from 0 are off by one pixel at the left and at the top; that is not worth a word.
        if min(box) < 0 or box[2] > size[0] or box[3] > size[1]:
            self.notes.append(f"{where}: clipped: box beyond the image of {size[0]}x{size[1]} {_show(box)}")
        self.found[item.name] += 1
        return [self._labels[item.name], *corners, item.difficult]


def _read_image(path: Path) -> tuple[bytes, Size]:
    """Return an image's bytes and size, once it has been decoded to see that it can be."""
    try:
        data = path.read_bytes()
        height, width, _ = decode(data).shape
    except (OSError, UnreadableImageError) as error:
        raise DroppedError(f"image {path.name} cannot be read: {error}") from error
    return data, (width, height)


def _check(item: VocObject) -> Box:
    if not item.name:
        raise DroppedError("object without a name")
    if item.box is None:
        raise DroppedError("object without a box of four numbers")
    xmin, ymin, xmax, ymax = item.box
    # VOC's counting gives it the area of one pixel, but it is a slip of the mouse and no object.
    if xmax <= xmin or ymax <= ymin:
        raise DroppedError(f"box without area {_show(item.box)}")
    return item.box


def _fractions(box: Box, size: Size) -> list[float]:
    """Return the corners of a box, clipped to the image, as fractions of it.

    VOC counts pixels from 1 and both ends lie inside, so a box over the whole image is 1, 1, width, height.
    """
    xmin, ymin, xmax, ymax = box
    width, height = size
    corners = boxes.clip(np.array([[(xmin - 1) / width, (ymin - 1) / height, xmax / width, ymax / height]]))
    if boxes.area(corners)[0] == 0:
        raise DroppedError(f"box outside the image of {width}x{height} {_show(box)}")
    return [float(corner) for corner in corners[0]]


def _show(box: Box) -> str:
    return "(xmin {:g}, ymin {:g}, xmax {:g}, ymax {:g})".format(*box)
