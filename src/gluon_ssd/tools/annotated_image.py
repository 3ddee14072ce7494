"""An image with the objects drawn on it as a data set tells of them, whatever the data set's layout."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gluon_ssd.tools.box_form import BoxForm, Numbers

Size = tuple[int, int]  # width, height


class DroppedError(Exception):
    """An image or an object that is left out; the message says why."""


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """An object as written: nothing has been compared with its image.

    `place` says where its image's annotation has it, such as `object 3`. The class name is empty and the numbers of
    the box None where they are missing or no numbers.
    """

    place: str
    class_name: str
    numbers: Numbers | None
    difficult: bool = False


@dataclass(frozen=True, slots=True)
class AnnotatedImage:
    """What a data set says of an image.

    Attributes:
        where: what messages call it.
        path: its file.
        name: the path of the file within the folder of the data set's images.
        form: what the numbers of its objects' boxes stand for.
        objects: in the order of the annotation.
        size: width and height as annotated, None where nothing or nonsense is.
    """

    where: str
    path: Path
    name: str
    form: BoxForm
    objects: tuple[AnnotatedObject, ...]
    size: Size | None = None

    def read(self) -> "AnnotatedImage":
        """Return itself: it is an entry that has been read already."""
        return self


class Entry(Protocol):
    """An image of a data set, read by whoever needs it, in another process perhaps."""

    @property
    def where(self) -> str:
        """What messages call it."""

    def read(self) -> AnnotatedImage:
        """Read its annotation; raise DroppedError where it cannot be used."""


@dataclass(frozen=True)
class DataSet:
    """Images to prepare, from any layout.

    Attributes:
        label: what messages call all of it: a split, or a file's name.
        class_names: in order of the class ids.
        entries: the images in order.
        folder: where in the data set the images lie, a path with slashes; empty where names say all.
        notes: a line for everything that was left out while the entries were listed.
        dropped_objects: how many objects these notes tell of.
    """

    label: str
    class_names: tuple[str, ...]
    entries: Sequence[Entry]
    folder: str = ""
    notes: tuple[str, ...] = ()
    dropped_objects: int = 0
