"""What the labels of a data set hold, in numbers: of what a job keeps, unless the name says otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.tools.label_table import LabelTable

_SIDES = (0.02, 0.05, 0.1, 0.2, 0.5)  # between them lie the bars of the histogram of box sizes
_MATCHED = 0.5  # IoU from which an anchor is trained to find an object
_KINDS = ("JPEG", "PNG")


@dataclass(frozen=True)
class Spread:
    """The least, the median and the greatest of some numbers."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, numbers: NDArray[Any]) -> "Spread | None":
        """Return that of numbers (n,); None where there are none."""
        return cls(float(numbers.min()), float(np.median(numbers)), float(numbers.max())) if len(numbers) else None


@dataclass(frozen=True)
class ClassCount:
    """How many objects a class has, and in how many images."""

    class_id: int
    name: str | None
    objects: int
    images: int


@dataclass(frozen=True)
class LabelStatistics:
    """The numbers of a data set.

    Attributes:
        images: how many there are, those without objects among them.
        background: how many show no object.
        objects: how many there are.
        difficult: how many of them are marked so.
        without_area: boxes dropped since their corners are swapped or equal.
        outside: boxes dropped since none of them lies inside its image.
        classes: those that have objects or a name, in order of their ids.
        widths: of images, in pixels.
        heights: of images, in pixels.
        kinds: how many images there are of each format and number of channels.
        no_header: the images whose first bytes do not tell their size.
        per_image: the boxes of an image.
        per_image_bars: how many images have 0 boxes, 1, 2, 3 to 4, 5 to 8, and so on, by words for these.
        box_widths: in fractions of the image.
        box_heights: in fractions of the image.
        box_bars: how many boxes have sides (the root of their area, in fractions of the image) between two bounds.
        label_width: the numbers of the longest label.
        num_classes: the least that fits the ids, and the names.
    """

    images: int
    background: int
    objects: int
    difficult: int
    without_area: int
    outside: int
    classes: Sequence[ClassCount]
    widths: Spread | None
    heights: Spread | None
    kinds: Mapping[str, int]
    no_header: Sequence[int]
    per_image: Spread
    per_image_bars: Mapping[str, int]
    box_widths: Spread | None
    box_heights: Spread | None
    box_bars: Mapping[str, int]
    label_width: int
    num_classes: int


def measure(table: LabelTable, class_names: Mapping[int, str]) -> LabelStatistics:
    """Return the numbers of labels of at least one image; `class_names` are by id."""
    sides, counts = table.sides[table.kept].astype(np.float64), table.object_counts
    known = table.headers[table.headers[:, 0] > 0]
    return LabelStatistics(
        images=table.images,
        background=int((counts == 0).sum()),
        objects=int(counts.sum()),
        difficult=int((table.objects[table.kept, 5] > 0).sum()),
        without_area=int(table.without_area.sum()),
        outside=int(table.outside.sum()),
        classes=_classes(table, class_names),
        widths=Spread.of(known[:, 0]),
        heights=Spread.of(known[:, 1]),
        kinds=_kinds(known),
        no_header=np.flatnonzero(table.headers[:, 0] == 0).tolist(),
        per_image=Spread(float(counts.min()), float(np.median(counts)), float(counts.max())),
        per_image_bars=_doubling_bars(counts),
        box_widths=Spread.of(sides[:, 0]),
        box_heights=Spread.of(sides[:, 1]),
        box_bars=_side_bars(np.sqrt(sides.prod(axis=1))),
        label_width=int(table.label_sizes.max()),
        num_classes=max([-1, *np.unique(table.ids).tolist(), *class_names]) + 1,
    )


def count_unmatchable(table: LabelTable, anchor_side: float) -> int:
    """Return how many objects cannot overlap any anchor by an IoU of 0.5, wherever they lie.

    `anchor_side` is that of the smallest anchor, a square, in fractions of the image. An object of less than half of
    its area has a lower IoU with it, and with all that are larger. (In training each object gets its best anchor all
    the same, but that one alone.)
    """
    areas = table.sides[table.kept].astype(np.float64).prod(axis=1)
    return int((areas < _MATCHED * anchor_side**2).sum())


def _classes(table: LabelTable, class_names: Mapping[int, str]) -> list[ClassCount]:
    ids, owners = table.ids[table.kept], table.owners[table.kept]
    of_images, images = np.unique(np.unique(np.stack([ids, owners]), axis=1)[0], return_counts=True)
    found = {
        class_id: (objects, images)
        for class_id, objects, images in zip(
            of_images.tolist(), np.unique(ids, return_counts=True)[1].tolist(), images.tolist(), strict=True
        )
    }
    return [
        ClassCount(class_id, class_names.get(class_id), *found.get(class_id, (0, 0)))
        for class_id in sorted(found.keys() | class_names.keys())
    ]


def _kinds(headers: NDArray[np.int64]) -> dict[str, int]:
    kinds, counts = np.unique(headers[:, 2:], axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {_kind(*kinds[kind].tolist()): int(counts[kind]) for kind in order}


def _kind(channels: int, is_png: int) -> str:
    return f"{_KINDS[is_png]}, {_channels(channels)}" if channels else "not known"


def _channels(count: int) -> str:
    return {1: "gray", 2: "gray and alpha", 3: "color", 4: "color and alpha"}.get(count, f"{count} channels")


def _doubling_bars(counts: NDArray[np.int64]) -> dict[str, int]:
    """Count by bins 0, 1, 2, 3 to 4, 5 to 8 and so on, up to the last that is not empty."""
    bins = np.where(counts > 0, np.ceil(np.log2(np.maximum(counts, 1))) + 1, 0).astype(np.int64)
    return {_doubling(number): int(count) for number, count in enumerate(np.bincount(bins))}


def _doubling(number: int) -> str:
    least, most = (2 ** (number - 2) + 1, 2 ** (number - 1)) if number > 1 else (number, number)
    return str(least) if least == most else f"{least}-{most}"


def _side_bars(sides: NDArray[np.float64]) -> dict[str, int]:
    bins = np.bincount(np.searchsorted(_SIDES, sides, side="right"), minlength=len(_SIDES) + 1).tolist()
    bounds = [f"{bound * 100:g}" for bound in _SIDES]
    words = [
        f"<{bounds[0]} %",
        *(f"{low}-{high} %" for low, high in pairwise(bounds)),
        f"{bounds[-1]}+ %",
    ]
    return dict(zip(words, bins, strict=True))
