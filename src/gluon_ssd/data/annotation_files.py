"""A folder of annotation files, one JSON document for each image: read in threads, held in arrays."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np
from tqdm import tqdm

from gluon_ssd.data import json_annotation
from gluon_ssd.data.image_header import read_size
from gluon_ssd.data.json_annotation import AnnotationError, BoxError, JsonAnnotation
from gluon_ssd.data.pairing import Pairs
from gluon_ssd.data.pixel_labels import PixelLabels
from gluon_ssd.errors import UserError

_THREADS = 16  # most of them wait: for a disk, or for S3 in FastFile mode
_CHUNK = 256


@dataclass(frozen=True, eq=False)
class Annotated:
    """What the annotations of n images say.

    `class_names` has the names by class id that the files' categories agree on, None where they do not; `misnamed`
    are the images whose annotation names another one.
    """

    labels: PixelLabels
    class_names: Mapping[int, str] | None
    misnamed: Sequence[int]


def read(pairs: Pairs) -> Annotated:
    """Read the annotations of images, at least one, and the sizes that the images' files have.

    Raises:
        UserError: a file cannot be read, or is not what it should be.
    """
    chunks = [range(begin, min(begin + _CHUNK, len(pairs))) for begin in range(0, len(pairs), _CHUNK)]
    parts = []
    with (
        ThreadPoolExecutor(_THREADS) as pool,
        # disable=None: tqdm shows nothing unless standard error is a terminal.
        tqdm(desc=pairs.annotations.channel, total=len(pairs), unit=" files", leave=False, disable=None) as bar,
    ):
        for chunk, part in zip(chunks, pool.map(partial(_read_chunk, pairs), chunks), strict=True):
            parts.append(part)
            bar.update(len(chunk))
    return Annotated(
        PixelLabels.join([part.labels for part in parts]),
        class_names=_agreed([part.class_names for part in parts]),
        misnamed=[index for part in parts for index in part.misnamed],
    )


def _read_chunk(pairs: Pairs, chunk: range) -> Annotated:
    """Read some annotations; their documents, which take many times the space, do not outlive the call."""
    documents = [_read_document(pairs, index) for index in chunk]
    rows = [(*row, 0) for document in documents for row in document.rows]
    return Annotated(
        PixelLabels(
            rows=np.array(rows, np.float64).reshape(-1, 6),
            counts=np.array([len(document.rows) for document in documents], np.int64),
            told=np.array([document.size or (0, 0) for document in documents], np.int64),
            stored=np.array([_stored_size(pairs, index) or (0, 0) for index in chunk], np.int64),
        ),
        class_names=_agreed([document.class_names for document in documents]),
        misnamed=[
            index
            for index, document in zip(chunk, documents, strict=True)
            if _is_misnamed(pairs.image_files[index], document.file)
        ],
    )


def _read_document(pairs: Pairs, index: int) -> JsonAnnotation:
    try:
        with pairs.annotations.open(pairs.annotation_files[index]) as stream:
            return json_annotation.parse(stream.read())
    except OSError as error:
        raise UserError(f"{pairs.annotation(index)}: expected a file that can be read, got {error}") from error
    except BoxError as error:
        raise UserError(f"{pairs.annotation(index)}, {error}") from error
    except AnnotationError as error:
        raise UserError(f"{pairs.annotation(index)}: {error}") from error


def _stored_size(pairs: Pairs, index: int) -> tuple[int, int] | None:
    try:
        with pairs.images.open(pairs.image_files[index]) as stream:
            return read_size(stream)
    except OSError as error:
        raise UserError(f"{pairs.image(index)}: expected a file that can be read, got {error}") from error


def _is_misnamed(image: str, told: str | None) -> bool:
    # The folder and the suffix may have changed since; the name is what tells one image from another.
    return told is not None and PurePosixPath(told).stem != PurePosixPath(image).stem


def _agreed(several: Sequence[Mapping[int, str] | None]) -> Mapping[int, str] | None:
    """Return the names of all, None where one contradicts another or itself."""
    names: dict[int, str] = {}
    for some in several:
        if some is None or any(names.setdefault(class_id, name) != name for class_id, name in some.items()):
            return None
    return names
