"""A folder of annotation files, one JSON document for each image: read in threads, held in arrays."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from gluon_ssd.data import json_annotation
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.class_names import agreed
from gluon_ssd.data.json_annotation import JsonAnnotation
from gluon_ssd.data.many_files import in_chunks
from gluon_ssd.data.pairing import Pairs, misnamed, warn_of_misnamed
from gluon_ssd.data.pixel_labels import PixelLabels
from gluon_ssd.errors import UserError


class _Chunk(NamedTuple):
    """What some annotations say.

    `indices` are the images that have one of them, `misnamed` those whose annotation names another image, `mistakes`
    what is wrong with the annotations of the others.
    """

    indices: Sequence[int]
    labels: PixelLabels
    class_names: Mapping[int, str] | None
    misnamed: Sequence[int]
    mistakes: Sequence[str]


def read(pairs: Pairs, *, keep_going: bool = False) -> Annotated:
    """Read the annotations of images, at least one.

    Raises:
        UserError: a file cannot be read, or is not what it should be, unless the reading is to `keep_going`, which
            leaves such images out.
    """
    work = partial(_read_chunk, pairs, keep_going=keep_going)
    chunks = in_chunks(work, len(pairs), pairs.annotations.channel)
    indices = [index for chunk in chunks for index in chunk.indices]
    warn_of_misnamed(pairs, [index for chunk in chunks for index in chunk.misnamed])
    return Annotated(
        [pairs.image_files[index] for index in indices],
        [pairs.annotation(index) for index in indices],
        PixelLabels.join([chunk.labels for chunk in chunks]),
        agreed(chunk.class_names for chunk in chunks),
        mistakes=[mistake for chunk in chunks for mistake in chunk.mistakes],
    )


def _read_chunk(pairs: Pairs, chunk: range, *, keep_going: bool) -> _Chunk:
    """Read some annotations; their documents, which take many times the space, do not outlive the call."""
    documents: dict[int, JsonAnnotation] = {}
    mistakes = []
    for index in chunk:
        try:
            documents[index] = _read_document(pairs, index)
        except UserError as error:
            if not keep_going:
                raise
            mistakes.append(str(error))
    return _Chunk(
        list(documents),
        json_annotation.join(list(documents.values())),
        class_names=agreed(document.class_names for document in documents.values()),
        misnamed=misnamed(pairs, list(documents), [document.file for document in documents.values()]),
        mistakes=mistakes,
    )


def _read_document(pairs: Pairs, index: int) -> JsonAnnotation:
    content = pairs.annotations.read(pairs.annotation_files[index])
    with json_annotation.at(pairs.annotation(index)):
        return json_annotation.parse(content)
