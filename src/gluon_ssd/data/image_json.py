"""A channel of images whose objects JSON files give: all of these read and checked once, images then one by one."""

import logging
from collections.abc import Mapping, Sequence
from itertools import chain

from gluon_ssd.data import annotation_files
from gluon_ssd.data.annotation_files import Annotated
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.pairing import Pairs, pair
from gluon_ssd.data.pixel_labels import Objects, PixelLabels
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.summary import Summary
from gluon_ssd.errors import PlatformError, UserError

logger = logging.getLogger(__name__)


class ImageJsonDataset:
    """The images of a channel with the objects that JSON files give, in order of the images' paths.

    `class_names` are those of the files' categories, None where these contradict each other or do not name each class.
    """

    def __init__(
        self, folder: ChannelFolder, files: Sequence[str], objects: Objects, class_names: tuple[str, ...] | None
    ) -> None:
        self.summary = objects.summary
        self.class_names = class_names
        self._folder = folder
        self._files = files
        self._objects = objects

    @classmethod
    def open(
        cls,
        images: ChannelFolder,
        annotations: ChannelFolder,
        *,
        num_classes: int,
        label_width: int,
        shared: bool = False,
    ) -> "ImageJsonDataset":
        """Read the annotations `x/y.json` of all images `x/y.jpg`, check them, and log what there is.

        `shared` says that the annotations of other images lie among them.

        Raises:
            UserError: files do not belong together, or annotations are wrong. Whether an image can be decoded shows
                later.
        """
        pairs = pair(images, annotations, shared=shared)
        annotated = annotation_files.read(pairs)
        annotated.labels.check_classes(num_classes, pairs.annotation)
        objects = annotated.labels.objects(annotated.labels.sizes(pairs.annotation))
        dataset = cls(images, pairs.image_files, objects, _class_names(annotated.class_names, num_classes))
        dataset.summary.check_label_width(label_width, dataset.where)
        _check_unit(annotated.labels, dataset.summary, annotations.channel)
        _warn_of_strangers(annotated, pairs)
        dataset._log_summary()
        return dataset

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"sample index: expected 0 to {len(self) - 1}, got {index}")
        begin, end = self._objects.offsets[index : index + 2].tolist()
        try:
            with self._folder.open(self._files[index]) as stream:
                return Sample(stream.read(), self._objects.rows[begin:end])
        except OSError as error:
            raise PlatformError(f"{self.where(index)}: could not be read: {error}") from error

    def where(self, index: int) -> str:
        """Say where a sample is stored: `train channel, x/y.jpg`."""
        return self._folder.where(self._files[index])

    def _log_summary(self) -> None:
        summary = self.summary
        logger.info(
            "%s channel: %d images, %d objects, %d images without objects",
            self._folder.channel,
            summary.images,
            summary.objects,
            summary.background,
        )
        summary.warn_of_dropped(self.where)


def _check_unit(labels: PixelLabels, summary: Summary, channel: str) -> None:
    """Refuse boxes in fractions, which would pass for specks in a corner, and boxes beyond their images."""
    specks, astray, boxes = labels.specks(), summary.astray, summary.boxes
    if specks > boxes / 2:
        raise UserError(
            f"{channel} channel: expected boxes in pixels of the image, got {specks:,} of {boxes:,} within its first "
            "pixel, as those in fractions of the image are; multiply left and width by the image's width, top and "
            "height by its height"
        )
    if astray > boxes / 2:
        raise UserError(
            f"{channel} channel: expected boxes in pixels, within their image, got {astray:,} of {boxes:,} boxes "
            "outside of it or without area; left and top are where a box begins, counted from 0, width and height "
            "its size"
        )


def _warn_of_strangers(annotated: Annotated, pairs: Pairs) -> None:
    """Warn of annotations that seem to be made for another image."""
    if annotated.misnamed:
        index = annotated.misnamed[0]
        logger.warning(
            "%s: its file names another image than %s; taken all the same, since files belong together by name "
            "(%d such files)",
            pairs.annotation(index),
            pairs.image_files[index],
            len(annotated.misnamed),
        )
    disagreeing = annotated.labels.disagreeing()
    if len(disagreeing):
        index = int(disagreeing[0])
        told, stored = annotated.labels.told[index], annotated.labels.stored[index]
        logger.warning(
            "%s: image_size: %dx%d is not that of the image, %dx%d, by which its boxes are measured (%d such files)",
            pairs.annotation(index),
            *chain(told, stored),
            len(disagreeing),
        )


def _class_names(names: Mapping[int, str] | None, num_classes: int) -> tuple[str, ...] | None:
    """Return the names in order of their ids, where there is one for each class and no other."""
    if names is None or names.keys() != set(range(num_classes)) or len(set(names.values())) < num_classes:
        return None
    return tuple(names[class_id] for class_id in range(num_classes))
