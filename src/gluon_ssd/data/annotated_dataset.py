"""Images whose objects annotations give in pixels: all of these checked once, images then read one by one."""

import os
import zlib
from typing import Any, Self

from gluon_ssd.data import class_names
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.image_files import ImageFiles
from gluon_ssd.data.image_header import read_sizes
from gluon_ssd.data.pixel_labels import Objects, check_unit
from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import PlatformError


class AnnotatedDataset:
    """Images with the objects that annotations give.

    `class_names` are those that the annotations tell, None where these contradict each other or do not name each class;
    `ids_follow_names` says whether other names would mean other class ids, `names_given` whether these were not only
    found in the annotations. `places` say where the annotation of each image is; they stay behind when the data set is
    pickled.
    """

    def __init__(self, images: ImageFiles, annotated: Annotated, objects: Objects, num_classes: int) -> None:
        self.summary = objects.summary
        self.class_names = class_names.in_order(annotated.class_names, num_classes)
        self.ids_follow_names = annotated.ids_follow_names
        self.names_given = annotated.names_given
        self.places = annotated.places
        self._images = images
        self._objects = objects

    @classmethod
    def checked(
        cls, images: ImageFiles, annotated: Annotated, *, num_classes: int, label_width: int, annotations: str
    ) -> Self:
        """Check what the channel `annotations` says of its images, and log what there is.

        Raises:
            UserError: an annotation is wrong. Whether an image can be decoded shows later.
        """
        labels, places = annotated.labels, annotated.places
        labels.check_classes(num_classes, places)
        sizes = labels.sizes(read_sizes(images), places, annotated.where_box)
        labels.warn_of_sizes(sizes, places)
        dataset = cls(images, annotated, labels.objects(sizes), num_classes)
        dataset.summary.check_label_width(label_width, dataset.where)
        check_unit(dataset.summary, labels.specks(), annotations)
        dataset.summary.log_counts(f"{images.channel} channel")
        dataset.summary.warn_of_dropped(dataset.where)
        return dataset

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"sample index: expected 0 to {len(self) - 1}, got {index}")
        begin, end = self._objects.offsets[index : index + 2].tolist()
        try:
            with self._images.open(index) as stream:
                return Sample(stream.read(), self._objects.rows[begin:end])
        except OSError as error:
            raise PlatformError(f"{self.where(index)}: could not be read: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        # Workers have no use for them, and a hundred thousand take long to send.
        return {**self.__dict__, "places": ()}

    def where(self, index: int) -> str:
        """Say where a sample is stored: `train channel, x/y.jpg`."""
        return self._images.where(index)

    def checksum(self) -> int:
        """Return a number, below 2**32, that other images, by their places, or other objects would change."""
        total = zlib.crc32(os.fsencode("\n".join(map(self.where, range(len(self))))))
        for array in (self._objects.offsets, self._objects.rows):
            total = zlib.crc32(array.tobytes(), total)
        return total
