"""A channel of augmented manifests in files, whose images are other files, or objects in S3 that are fetched first."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gluon_ssd.data import manifest_files
from gluon_ssd.data.annotated_dataset import AnnotatedDataset
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.image_address import S3Object, s3_object
from gluon_ssd.data.image_header import unreadable_file


class ManifestDataset(AnnotatedDataset):
    """The images of a channel's manifests with their objects, in order of file name and then of line."""

    @classmethod
    def open(
        cls,
        folder: ChannelFolder,
        cache: Path,
        *,
        num_classes: int,
        label_width: int,
        attribute: str = "",
        stopped: Callable[[], bool] = lambda: False,
    ) -> "ManifestDataset":
        """Read the manifests of a channel, fetch into `cache` what is in S3, check everything, and log what there is.

        `attribute` names the attribute that holds the boxes; where it is empty, it is the one that holds any.

        Raises:
            UserError: a line is wrong, or its image is not there. Whether this can be decoded shows later.
            PlatformError: S3 fails, or the disk is full.
            StoppedError: the job was asked to stop while images were fetched.
        """
        annotated = manifest_files.read(folder, manifest_files.find(folder), attribute=attribute)
        # Before anything is fetched, which takes long.
        annotated.labels.check_classes(num_classes, annotated.places)
        images = ManifestImages(folder.channel, annotated.image_files, annotated.places, cache)
        images.fetch(stopped)
        return cls.checked(
            images, annotated, num_classes=num_classes, label_width=label_width, annotations=folder.channel
        )


@dataclass(frozen=True)
class ManifestImages:
    """Images by their absolute paths or `s3://` addresses; those in S3 are in `cache` once they are fetched.

    `places` say in which line each is named.
    """

    channel: str
    locations: Sequence[str]
    places: Sequence[str]
    cache: Path

    def __len__(self) -> int:
        return len(self.locations)

    def open(self, index: int) -> BinaryIO:
        """Open the file of an image for reading; raises OSError."""
        address = s3_object(self.locations[index])
        return open(address.cached_in(self.cache) if address else self.locations[index], "rb")  # noqa: PTH123 - faster

    def where(self, index: int) -> str:
        """Say in which line an image is named: `train channel, x.manifest, line 41`."""
        return self.places[index]

    def fetch(self, stopped: Callable[[], bool]) -> None:
        """Fetch the images that are in S3; for what it raises see `ManifestDataset.open`."""
        objects: dict[S3Object, int] = {}
        for index, location in enumerate(self.locations):
            address = s3_object(location)
            if address:
                objects.setdefault(address, index)
        if objects:
            self._check_files()
            from gluon_ssd.data import fetching  # noqa: PLC0415 - boto3, which few jobs need, takes its time

            fetching.fetch(self, objects, self.cache, stopped=stopped)

    def _check_files(self) -> None:
        """Refuse a file that is not there, before anything is fetched, which takes long."""
        for index, location in enumerate(self.locations):
            if s3_object(location) is None:
                try:
                    os.stat(location)  # noqa: PTH116 - faster
                except OSError as error:
                    raise unreadable_file(self.where(index), error) from error
