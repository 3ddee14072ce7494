"""An annotated image turned into a sample, with an account of what is left out and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gluon_ssd import boxes
from gluon_ssd.data.images import UnreadableImageError, check
from gluon_ssd.data.sample import Sample
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DroppedError, Entry, Size
from gluon_ssd.tools.shrink import shrink

# Tools that count from 0, and rounding, put edges a pixel outside; that is not worth a word.
_OFF_BY = 1.0


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An image that can be written.

    Attributes:
        name: the path of its file within the folder of the images, with slashes.
        sample: the image's bytes and the objects that were kept.
        size: its width and height.
        where: what messages call it.
        notes: a line for each object that was left out or changed.
        unknown: the classes of its objects that have no id; nothing can be written where there are any.
        dropped_objects: how many were left out.
        shrunk: whether the image has fewer pixels than the data set's.
    """

    name: str
    sample: Sample
    size: Size
    where: str = ""
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    dropped_objects: int = 0
    shrunk: bool = False


@dataclass(frozen=True)
class DroppedImage:
    """An image that is left out, and the line that says why."""

    note: str


def prepare_image(entry: Entry, labels: Mapping[str, int], max_side: int | None = None) -> PreparedImage | DroppedImage:
    """Read an image and its annotation.

    Args:
        entry: the image.
        labels: the ids of the class names.
        max_side: shrink an image whose longer side has more pixels; None copies all images.
    """
    try:
        annotated = entry.read()
        data, original, size = _read_image(annotated.path, max_side)
    except DroppedError as error:
        return DroppedImage(f"{entry.where}: dropped: {error}")
    objects = _Objects(annotated, original, labels)
    return PreparedImage(
        name=annotated.name,
        sample=Sample(data, objects.rows),
        size=size,
        where=annotated.where,
        notes=tuple(objects.notes),
        unknown=tuple(objects.unknown),
        dropped_objects=objects.dropped,
        shrunk=size != original,
    )


class _Objects:
    """The objects of an image as rows, float32 (n, 6), and what is to be told of them."""

    def __init__(self, image: AnnotatedImage, size: Size, labels: Mapping[str, int]) -> None:
        self._image = image
        self._size = size
        self._labels = labels
        self.notes: list[str] = []
        self.unknown: list[str] = []
        self.dropped = 0
        self._compare_sizes()
        rows = [self._row(item) for item in image.objects]
        self.rows = np.array([row for row in rows if row], np.float32).reshape(-1, 6)

    def _compare_sizes(self) -> None:
        told = self._image.size
        if told is not None and told != self._size:
            self.notes.append(
                f"{self._image.where}: the annotation gives the size {_show(told)}, "
                f"the image has {_show(self._size)}: used the image's"
            )

    def _row(self, item: AnnotatedObject) -> list[float] | None:
        """Return an object's row `class, corners, difficult`, or None where it is left out."""
        where = f"{self._image.where}, {item.place}{f' ({item.class_name})' if item.class_name else ''}"
        try:
            corners, clipped = self._corners(item)
        except DroppedError as error:
            self.notes.append(f"{where}: dropped: {error}")
            self.dropped += 1
            return None
        if item.class_name not in self._labels:
            self.unknown.append(item.class_name)
            return None
        if clipped:
            self.notes.append(f"{where}: clipped: {clipped}")
        return [self._labels[item.class_name], *corners, item.difficult]

    def _corners(self, item: AnnotatedObject) -> tuple[list[float], str]:
        """Return the corners in fractions of the image, and what to say where they had to be moved into it."""
        if not item.class_name:
            raise DroppedError("object without a name")
        if item.numbers is None:
            raise DroppedError("object without a box of four numbers")
        form = self._image.form
        if not form.has_area(item.numbers):
            raise DroppedError(f"box without area {form.show(item.numbers)}")
        edges = form.edges(item.numbers, self._size)
        corners = boxes.clip(np.array([edges]) / (*self._size, *self._size))
        if boxes.area(corners)[0] == 0:
            raise DroppedError(f"box outside the image of {_show(self._size)} {form.show(item.numbers)}")
        beyond = min(edges[:2]) < -_OFF_BY or any(
            edge > side + _OFF_BY for edge, side in zip(edges[2:], self._size, strict=True)
        )
        text = f"box beyond the image of {_show(self._size)} {form.show(item.numbers)}" if beyond else ""
        return [float(corner) for corner in corners[0]], text


def _read_image(path: Path, max_side: int | None) -> tuple[bytes, Size, Size]:
    """Return an image that can be decoded as it is to be written, its size as it was found, and as it is now."""
    try:
        data = path.read_bytes()
        size = check(data)
        if max_side is None or max(size) <= max_side:
            return data, size, size
        smaller, new_size = shrink(data, max_side)
    except FileNotFoundError as error:
        raise DroppedError(f"no image {path}") from error
    except (OSError, UnreadableImageError) as error:
        raise DroppedError(f"image {path.name} cannot be read: {error}") from error
    return smaller, size, new_size


def _show(size: Size) -> str:
    return "x".join(map(str, size))
