"""A folder of annotation files, one JSON document for each image: read in threads, held in arrays."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

from gluon_ssd.data import json_annotation
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.class_names import agreed
from gluon_ssd.data.json_annotation import JsonAnnotation
from gluon_ssd.data.many_files import in_chunks
from gluon_ssd.data.pairing import Pairs
from gluon_ssd.data.pixel_labels import PixelLabels

logger = logging.getLogger(__name__)


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
    _warn_of_misnamed(pairs, [index for chunk in chunks for index in chunk.misnamed])
    return Annotated(
        pairs.image_files,
        [pairs.annotation(index) for index in range(len(pairs))],
        PixelLabels.join([chunk.labels for chunk in chunks]),
        agreed(chunk.class_names for chunk in chunks),
    )


def _read_chunk(pairs: Pairs, chunk: range) -> _Chunk:
    """Read some annotations; their documents, which take many times the space, do not outlive the call."""
    documents = [_read_document(pairs, index) for index in chunk]
    return _Chunk(
        json_annotation.join(documents),
        class_names=agreed(document.class_names for document in documents),
        misnamed=[
            index
            for index, document in zip(chunk, documents, strict=True)
            if _is_misnamed(pairs.image_files[index], document.file)
        ],
    )


def _read_document(pairs: Pairs, index: int) -> JsonAnnotation:
    content = pairs.annotations.read(pairs.annotation_files[index])
    with json_annotation.at(pairs.annotation(index)):
        return json_annotation.parse(content)


def _is_misnamed(image: str, told: str | None) -> bool:
    # The folder and the suffix may have changed since; the name is what tells one image from another.
    return told is not None and PurePosixPath(told).stem != PurePosixPath(image).stem


def _warn_of_misnamed(pairs: Pairs, misnamed: Sequence[int]) -> None:
    if misnamed:
        logger.warning(
            "%s: its file names another image than %s; taken all the same, since files belong together by name "
            "(%d such files)",
            pairs.annotation(misnamed[0]),
            pairs.image_files[misnamed[0]],
            len(misnamed),
        )
