"""COCO's `instances_*.json`: one file with the images, the boxes and the categories of a whole data set."""

import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import json_lists
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.channel_files import ChannelFolder, shown
from gluon_ssd.data.json_annotation import number, show, whole
from gluon_ssd.data.pixel_labels import PixelLabels
from gluon_ssd.errors import UserError

_CORNERS = 4
_MOST = 2**63
_HEAD = 1 << 12  # bytes
_A_LIST = re.compile(rb"(\xef\xbb\xbf)?\s*\[")


class _EntryError(Exception):
    """An entry of one of the lists that is not what it should be."""


@dataclass(frozen=True, eq=False)
class Instances:
    """What instances files hold: n images, each with the place of its file, and N boxes.

    `sizes` (n, 2) are widths and heights, 0 where not known; `rows` (N, 6) are category id, left, top, width, height
    and crowd; `owners` (N,) are their images; `ids` (N,) what their file calls them, or where they are in its list.

    Not all need be usable: `astray` has the image ids of boxes, by row, whose image is not listed, so that their owner
    is -1; `unclear` what is written instead of those that are not four numbers, so that they are NaN.
    """

    places: Sequence[str]
    categories: Mapping[int, str]
    file_names: Sequence[str]
    sizes: NDArray[np.int64]
    owners: NDArray[np.int64]
    rows: NDArray[np.float64]
    ids: NDArray[np.int64]
    astray: Mapping[int, int | str]
    unclear: Mapping[int, str]


def is_instances(folder: ChannelFolder, file: str) -> bool:
    """Whether a file holds boxes of images as COCO has them, judged by its first image and its first annotation.

    Raises:
        UserError: it cannot be read, or is not JSON as far as it was read.
    """
    firsts: dict[str, Any] = {}
    with _json_in(folder.where(file)), folder.open(file) as stream:
        if _A_LIST.match(stream.read(_HEAD)):  # detections, say
            return False
        stream.seek(0)
        for name, element in _elements(stream):
            firsts.setdefault(name, element)
            if {"images", "annotations"} <= firsts.keys():
                break
    image, annotation = firsts.get("images"), firsts.get("annotations", {"bbox": []})
    # Those with key points are of persons alone, and lie beside the instances of all classes.
    return _has(image, "file_name") and _has(annotation, "bbox") and not _has(annotation, "keypoints")


def read(
    folder: ChannelFolder,
    files: Sequence[str],
    images: Sequence[str],
    *,
    num_classes: int | None,
    listed: Sequence[str] | None = None,
) -> Annotated:
    """Read what instances files with equal categories say of images, which are given by their paths.

    An image's file_name is its path, or a name that no other image has. Class ids are the categories in order of
    their ids; `num_classes` says how many there have to be, None that any number will do. Class names that are `listed`
    elsewhere have to be those of the categories in this order. Crowds are difficult objects.

    Raises:
        UserError: a file cannot be read or is not what it should be, files contradict each other, there are
            not as many categories as classes, or others than are listed, or none of the images is in a file.
    """
    instances = _join([_read(folder, file) for file in files])
    names = _class_names(instances, num_classes)
    if listed and list(listed) != names:
        raise UserError(
            f"{instances.places[0]}: expected the categories that a .classes file lists, in order of their ids, since "
            f"this order makes the class ids: {', '.join(listed)}, got {', '.join(names)}; correct the file, or number "
            "the categories in its order"
        )
    entry_of = _entries(instances, images)
    found = [image for image in images if image in entry_of]
    if not found:
        raise UserError(
            f"{folder.channel} channel: expected file_name to be the path of an image, got none that fits: "
            f"{shown(instances.file_names)}; images {shown(images)}"
        )
    entries = np.array([entry_of[image] for image in found], np.int64)
    places = [f"{instances.places[entry]}, image {instances.file_names[entry]}" for entry in entries]
    labels = _select(instances, entries)
    return Annotated(found, places, labels, dict(enumerate(names)), ids_follow_names=True, names_given=bool(listed))


def parse(stream: BinaryIO, place: str) -> Instances:
    """Read an instances file, which `place` names in messages.

    Raises:
        UserError: it cannot be read or is not JSON, or one of its images or categories, or the category of a box, is
            not what it should be.
    """
    lists: Counter[str] = Counter()
    name = ""
    reading = _Reading()
    try:
        with _json_in(place):
            for name, element in _elements(stream):
                reading.take(name, element)
                lists[name] += 1
    except _EntryError as error:
        raise UserError(f"{place}, {name} {lists[name]}: {error}") from error
    return reading.finished(place)


def _elements(stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    with TextIOWrapper(stream, "utf-8-sig", newline="") as text:
        yield from json_lists.elements(text)


@contextmanager
def _json_in(place: str) -> Iterator[None]:
    """Make a UserError of what shows in the block not to be JSON, or not to be readable."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{place}: expected a file that can be read, got {error}") from error
    except RecursionError as error:
        raise UserError(f"{place}: expected JSON, got brackets nested too deeply") from error
    except ValueError as error:  # JsonError and UnicodeDecodeError, both of which say where
        raise UserError(f"{place}: expected JSON, got a mistake: {error}") from error


def _read(folder: ChannelFolder, file: str) -> Instances:
    """Read a file all of whose boxes have to be usable."""
    place = folder.where(file)
    with _json_in(place), folder.open(file) as stream:
        instances = parse(stream, place)
    if instances.unclear:
        row, written = next(iter(instances.unclear.items()))
        raise UserError(f"{place}, annotations {row}: bbox: expected a list of four numbers, got {written}")
    if instances.astray:
        row, owner = next(iter(instances.astray.items()))
        raise UserError(f"{place}, annotations {row}: image_id: expected the id of an image, got {show(owner)}")
    return instances


class _Reading:
    """What has been read of an instances file; its lists may come in any order."""

    def __init__(self) -> None:
        self._categories: dict[int, str] = {}
        self._images: dict[int | str, int] = {}
        self._file_names: list[str] = []
        self._sizes: list[tuple[int, int]] = []
        self._owners: list[int | str] = []
        self._rows = array("d")
        self._ids = array("q")
        self._unclear: dict[int, str] = {}

    def take(self, name: str, element: object) -> None:
        """Take an element of a list; raise _EntryError where it is not what it should be."""
        if name == "images":
            self._take_image(element)
        elif name == "annotations":
            self._take_annotation(element)
        elif name == "categories":
            self._take_category(element)

    def finished(self, place: str) -> Instances:
        """Return the whole; raise UserError where categories lead nowhere."""
        for index, category in enumerate(self._rows[::6]):
            if category not in self._categories:
                raise UserError(
                    f"{place}, annotations {index}: category_id: expected the id of a category, got {category:g}"
                )
        return Instances(
            [place] * len(self._file_names),
            self._categories,
            self._file_names,
            np.array(self._sizes, np.int64).reshape(-1, 2),
            np.array([self._images.get(owner, -1) for owner in self._owners], np.int64),
            np.array(self._rows, np.float64).reshape(-1, 6),
            np.array(self._ids, np.int64),
            {row: owner for row, owner in enumerate(self._owners) if owner not in self._images},
            self._unclear,
        )

    def _take_image(self, element: object) -> None:
        file_name = element.get("file_name") if isinstance(element, dict) else None
        if not isinstance(element, dict) or not isinstance(file_name, str) or not file_name:
            raise _EntryError(f"expected an object with id and file_name, got {show(element)}")
        image_id = _id(element, "id")
        if image_id in self._images:
            # The boxes of both would go to one of them.
            raise _EntryError(f"id: expected one that no other image has, got {show(image_id)} a second time")
        width, height = (whole(element.get(name)) or 0 for name in ("width", "height"))
        self._images[image_id] = len(self._file_names)
        self._file_names.append(file_name)
        self._sizes.append((width, height) if width > 0 and height > 0 else (0, 0))

    def _take_annotation(self, element: object) -> None:
        if not isinstance(element, dict):
            raise _EntryError(f"expected an object with image_id, category_id and bbox, got {show(element)}")
        category = number(element.get("category_id"))
        if not math.isfinite(category):
            raise _EntryError(f"category_id: expected a number, got {show(element.get('category_id'))}")
        row = len(self._owners)
        self._owners.append(_id(element, "image_id"))
        self._ids.append(_number_of(element, row))
        bbox = element.get("bbox")
        box = [number(side) for side in bbox] if isinstance(bbox, list) else []
        if len(box) != _CORNERS or not all(map(math.isfinite, box)):
            self._unclear[row] = show(bbox)
            box = [math.nan] * _CORNERS
        self._rows.extend([category, *box, float(number(element.get("iscrowd")) == 1)])

    def _take_category(self, element: object) -> None:
        category = whole(element.get("id")) if isinstance(element, dict) else None
        name = element.get("name") if isinstance(element, dict) else None
        if category is None or not isinstance(name, str) or not name.strip():
            raise _EntryError(f"expected an object with id and name, got {show(element)}")
        name = " ".join(name.split())
        if self._categories.setdefault(category, name) != name:
            raise _EntryError(
                f"id: expected one name for {category}, got {show(self._categories[category])} and {show(name)}"
            )


def _join(several: Sequence[Instances]) -> Instances:
    """Return the content of all files, which have equal categories."""
    first = several[0]
    for other in several[1:]:
        if other.categories != first.categories:
            raise UserError(
                f"{other.places[0]}: expected the categories of {first.places[0]}, since their order makes the class "
                "ids, got others"
            )
    begins = np.cumsum([0, *(len(part.file_names) for part in several)])
    return Instances(
        [place for part in several for place in part.places],
        first.categories,
        [name for part in several for name in part.file_names],
        np.concatenate([part.sizes for part in several]),
        np.concatenate([part.owners + begin for part, begin in zip(several, begins, strict=False)]),
        np.concatenate([part.rows for part in several]),
        np.concatenate([part.ids for part in several]),
        {},
        {},
    )


def _class_names(instances: Instances, num_classes: int | None) -> list[str]:
    """Return the names of the categories in order of their ids, one for each class where their number is known."""
    names = [name for _, name in sorted(instances.categories.items())]
    if len(set(names)) != len(names):
        raise UserError(f"{instances.places[0]}: expected categories of different names, got {', '.join(names)}")
    if num_classes is not None and len(names) != num_classes:
        # With fewer, another file's categories could mean other ids, and nobody would notice.
        raise UserError(
            f"{instances.places[0]}: expected {num_classes} categories, since num_classes is {num_classes}, "
            f"got {len(names)}: {shown(names)}"
        )
    return names


def _entries(instances: Instances, images: Sequence[str]) -> dict[str, int]:
    """Return which entry of the files each of these images is, as far as there is one."""
    counts = Counter(map(_name, images))
    entry_of = _matches(instances, {image: image for image in images}, lambda path: path)
    # An entry of an equal name is another image where the path of one fits.
    left = {_name(image): image for image in images if counts[_name(image)] == 1 and image not in entry_of}
    return entry_of | _matches(instances, left, _name)


def _matches(instances: Instances, images: Mapping[str, str], key: Callable[[str], str]) -> dict[str, int]:
    """Return which entry each of the images is, which are given by what `key` makes of a file_name."""
    entry_of: dict[str, int] = {}
    for entry, file_name in enumerate(instances.file_names):
        image = images.get(key(file_name))
        if image is not None and entry_of.setdefault(image, entry) != entry:
            raise UserError(f"{instances.places[entry]}: expected each image once, got {image} a second time")
    return entry_of


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _select(instances: Instances, entries: NDArray[np.int64]) -> PixelLabels:
    """Return the labels of some entries, in their order."""
    position = np.full(len(instances.file_names), -1)
    position[entries] = np.arange(len(entries))
    owners = position[instances.owners]
    order = np.argsort(owners, kind="stable")
    order = order[owners[order] >= 0]
    rows = instances.rows[order]
    rows[:, 0] = np.searchsorted(sorted(instances.categories), rows[:, 0])
    counts = np.bincount(owners[order], minlength=len(entries))
    return PixelLabels(rows, counts, told=instances.sizes[entries])


def _id(element: dict[str, Any], name: str) -> int | str:
    value = element.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _EntryError(f"{name}: expected a number or a string, got {show(value)}")
    return value


def _number_of(element: dict[str, Any], row: int) -> int:
    """Return the id of a box where it is a number that fits, else its place in the list."""
    value = element.get("id")
    return value if isinstance(value, int) and abs(value) < _MOST else row


def _has(element: object, name: str) -> bool:
    return isinstance(element, dict) and name in element
