"""A folder of PASCAL VOC's XML files, one for each image: read in threads, held in arrays."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from gluon_ssd.data import voc
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.many_files import in_chunks
from gluon_ssd.data.pairing import Pairs, misnamed, warn_of_misnamed
from gluon_ssd.data.pixel_labels import PixelLabels
from gluon_ssd.data.voc import VocAnnotation, VocError, VocObject
from gluon_ssd.errors import UserError


class _Chunk(NamedTuple):
    """What some annotations say: boxes whose class is not filled in yet, and the name of each box's class."""

    labels: PixelLabels
    names: Sequence[str]
    misnamed: Sequence[int]


def read(pairs: Pairs, *, num_classes: int | None, class_names: Sequence[str] | None) -> Annotated:
    """Read the annotations of images, at least one.

    Class ids are the places of the names in `class_names`, which is None where they are not known: then the sorted
    names of all objects serve. Without `num_classes` any number of names will do.

    Raises:
        UserError: a file cannot be read or is not what it should be, there are not as many names as classes, or an
            object has a name that is not among them.
    """
    chunks = in_chunks(partial(_read_chunk, pairs), len(pairs), pairs.annotations.channel)
    warn_of_misnamed(pairs, [index for chunk in chunks for index in chunk.misnamed])
    labels = PixelLabels.join([chunk.labels for chunk in chunks])
    names = [name for chunk in chunks for name in chunk.names]
    places = [pairs.annotation(index) for index in range(len(pairs))]
    listed = _checked(class_names, pairs, num_classes) if class_names else _sorted(names, pairs, num_classes)
    id_of = {name: class_id for class_id, name in enumerate(listed)}
    for row, name in enumerate(names):
        if name not in id_of:
            image, number = labels.owner(row)
            raise UserError(
                f"{_place(places[image], number)}: name: expected one of the class names {', '.join(listed)}, "
                f"got {name!r}; rename it, or list it behind these, one a line, in a .classes file in each of the "
                "channels of images and records, and set num_classes to their number"
            )
    labels.rows[:, 0] = list(map(id_of.__getitem__, names))
    return Annotated(
        pairs.image_files,
        places,
        labels,
        dict(enumerate(listed)),
        ids_follow_names=True,
        names_given=bool(class_names),
        where_box=_place,
    )


def _read_chunk(pairs: Pairs, chunk: range) -> _Chunk:
    """Read some annotations; their documents, which take many times the space, do not outlive the call."""
    documents = [_read_document(pairs, index) for index in chunk]
    rows = [
        row
        for index, document in zip(chunk, documents, strict=True)
        for row in _rows(pairs.annotation(index), document.objects)
    ]
    labels = PixelLabels(
        rows=np.array(rows, np.float64).reshape(-1, 6),
        counts=np.array([len(document.objects) for document in documents], np.int64),
        told=np.array([document.size or (0, 0) for document in documents], np.int64),
    )
    return _Chunk(
        labels,
        names=[item.name for document in documents for item in document.objects],
        misnamed=misnamed(pairs, chunk, [document.filename or None for document in documents]),
    )


def _read_document(pairs: Pairs, index: int) -> VocAnnotation:
    content = pairs.annotations.read(pairs.annotation_files[index])
    try:
        return voc.parse(content)
    except VocError as error:
        raise UserError(f"{pairs.annotation(index)}: {error}") from error


def _rows(place: str, objects: Sequence[VocObject]) -> Iterator[tuple[float, ...]]:
    """Yield the rows of `PixelLabels`, their class 0."""
    for number, item in enumerate(objects):
        if not item.name:
            raise UserError(f"{_place(place, number)}: name: expected the name of a class, got none")
        if item.corners is None:
            raise UserError(f"{_place(place, number)}: bndbox: expected numbers xmin, ymin, xmax and ymax, got others")
        left, top, right, bottom = item.corners
        # One that ends where it begins has the width of a pixel by VOC's counting, but it is a slip of the mouse.
        width, height = (end - begin + 1 if end > begin else 0 for begin, end in ((left, right), (top, bottom)))
        yield 0, left - 1, top - 1, width, height, item.difficult


def _place(place: str, number: int) -> str:
    return f"{place}, object {number + 1}"


def _checked(names: Sequence[str], pairs: Pairs, num_classes: int | None) -> Sequence[str]:
    """Return class names that are given, where they are as many as there are classes, and different."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(
            f"{pairs.images.channel} channel: class names: expected different names, got {twice[0]!r} twice"
        )
    if num_classes not in (None, len(names)):
        raise UserError(
            f"{pairs.images.channel} channel: class names: expected {num_classes}, since num_classes is {num_classes}, "
            f"got {len(names)}: {', '.join(names)}; correct num_classes or the .classes file"
        )
    return names


def _sorted(names: Sequence[str], pairs: Pairs, num_classes: int | None) -> Sequence[str]:
    """Return the different names in order, where they are as many as there are classes."""
    found = sorted(set(names))
    if num_classes not in (None, len(found)):
        # With fewer, the names of another channel could mean other ids, and nobody would notice.
        raise UserError(
            f"{pairs.annotations.channel} channel: expected objects of {num_classes} classes, since num_classes is "
            f"{num_classes}, got {len(found)}: {', '.join(found) or 'no object'}; correct num_classes, or list all "
            f"class names, one a line, in a file {pairs.images.channel}.classes in the {pairs.images.channel} channel"
        )
    return found
