"""A folder of annotation files, one JSON document for each image: read in threads, held in arrays."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from gluon_ssd.data import json_annotation
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.json_annotation import AnnotationError, BoxError, JsonAnnotation
from gluon_ssd.data.many_files import in_chunks
from gluon_ssd.data.pairing import Pairs, misnamed, warn_of_misnamed
from gluon_ssd.data.pixel_labels import PixelLabels
from gluon_ssd.errors import UserError


class _Chunk(NamedTuple):
    """What some annotations say; `misnamed` are those that name another image than the one they belong to."""

    labels: PixelLabels
    class_names: Mapping[int, str] | None
    misnamed: Sequence[int]


def read(pairs: Pairs) -> Annotated:
    """Read the annotations of images, at least one.

    Raises:
        UserError: a file cannot be read, or is not what it should be.
    """
    chunks = in_chunks(partial(_read_chunk, pairs), len(pairs), pairs.annotations.channel)
    warn_of_misnamed(pairs, [index for chunk in chunks for index in chunk.misnamed])
    return Annotated(
        pairs.image_files,
        [pairs.annotation(index) for index in range(len(pairs))],
        PixelLabels.join([chunk.labels for chunk in chunks]),
        _agreed([chunk.class_names for chunk in chunks]),
    )


def _read_chunk(pairs: Pairs, chunk: range) -> _Chunk:
    """Read some annotations; their documents, which take many times the space, do not outlive the call."""
    documents = [_read_document(pairs, index) for index in chunk]
    return _Chunk(
        json_annotation.join(documents),
        class_names=_agreed([document.class_names for document in documents]),
        misnamed=misnamed(pairs, chunk, [document.file for document in documents]),
    )


def _read_document(pairs: Pairs, index: int) -> JsonAnnotation:
    content = pairs.annotations.read(pairs.annotation_files[index])
    try:
        return json_annotation.parse(content)
    except BoxError as error:
        raise UserError(f"{pairs.annotation(index)}, {error}") from error
    except AnnotationError as error:
        raise UserError(f"{pairs.annotation(index)}: {error}") from error


def _agreed(several: Sequence[Mapping[int, str] | None]) -> Mapping[int, str] | None:
    """Return the names of all, None where one contradicts another or itself."""
    names: dict[int, str] = {}
    for some in several:
        if some is None or any(names.setdefault(class_id, name) != name for class_id, name in some.items()):
            return None
    return names
