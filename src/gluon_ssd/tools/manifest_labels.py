"""The labels of augmented manifests, read as a job reads them; images in S3 stay there."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import manifest_files
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.image_address import s3_object
from gluon_ssd.data.image_header import Header, read_headers, unreadable_file
from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_labels import AnnotatedLabels

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Images:
    """Images by their absolute paths or `s3://` addresses, and the line that names each; paths alone can be opened."""

    channel: str
    locations: Sequence[str]
    places: Sequence[str]

    def __len__(self) -> int:
        return len(self.locations)

    def open(self, index: int) -> BinaryIO:
        """Open the file of an image for reading; raises OSError."""
        return Path(self.locations[index]).open("rb")

    def where(self, index: int) -> str:
        """Say in which line an image is named: `train channel, x.manifest, line 41`."""
        return self.places[index]

    def select(self, indices: Sequence[int]) -> "_Images":
        """Return some of them."""
        return _Images(self.channel, _select(self.locations, indices), _select(self.places, indices))

    @cached_property
    def in_s3(self) -> NDArray[np.bool_]:
        """Which of them are in S3 (n,)."""
        return np.array([s3_object(location) is not None for location in self.locations], np.bool_)

    def missing(self) -> Mapping[int, str]:
        """Return which files are not there, and what a job says of them."""
        found = {}
        for index in np.flatnonzero(~self.in_s3).tolist():
            try:
                Path(self.locations[index]).stat()
            except OSError as error:
                found[index] = str(unreadable_file(self.where(index), error))
        return found


def read_manifest_labels(folder: ChannelFolder, attribute: str = "") -> AnnotatedLabels:
    """Read the labels of a channel's manifests; `attribute` has the boxes where it is not the only one that holds any.

    Raises:
        UserError: there is nothing in them to look at.
    """
    read = manifest_files.read(folder, manifest_files.find(folder), attribute=attribute, keep_going=True)
    every = _Images(folder.channel, read.image_files, read.places)
    missing = every.missing()
    unsized = np.flatnonzero(every.in_s3 & (read.labels.told == 0).any(axis=1)).tolist()
    annotated = _without(read, missing, unsized)
    images = _Images(folder.channel, annotated.image_files, annotated.places)
    return AnnotatedLabels(
        images,
        annotated,
        _headers(images, annotated.labels.told),
        annotations=folder.channel,
        left_out=len(unsized),
        elsewhere=images.in_s3,
    )


def _without(annotated: Annotated, missing: Mapping[int, str], unsized: Sequence[int]) -> Annotated:
    """Leave out the images that are missing, which is a mistake, and those of which no size is known."""
    mistakes = [*annotated.mistakes, *missing.values()]
    reasons = list(mistakes)
    if unsized:
        reasons.append(
            f"{annotated.places[unsized[0]]}: image_size: expected width and height, since images in S3 are not "
            f"fetched to be looked at, got none ({len(unsized):,} such lines)"
        )
        logger.warning("%s; left out", reasons[-1])
    kept = sorted(set(range(len(annotated.places))) - missing.keys() - set(unsized))
    if not kept:
        raise UserError(reasons[0])
    return replace(
        annotated,
        image_files=_select(annotated.image_files, kept),
        places=_select(annotated.places, kept),
        labels=annotated.labels.select(kept),
        mistakes=mistakes,
    )


def _headers(images: _Images, told: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the headers of files; of images in S3 the sizes that are told (n, 2)."""
    headers = np.zeros((len(images), len(Header._fields)), np.int64)
    headers[:, :2] = told
    here = np.flatnonzero(~images.in_s3).tolist()
    if here:
        headers[here] = read_headers(images.select(here))
    return headers


def _select(texts: Sequence[str], indices: Sequence[int]) -> Sequence[str]:
    return [texts[index] for index in indices]
