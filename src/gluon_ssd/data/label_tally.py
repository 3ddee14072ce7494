"""What the labels of a stream hold, counted while it goes by, in as much memory for many images as for few."""

from dataclasses import dataclass
from typing import NamedTuple

from gluon_ssd.data.labels import Annotation
from gluon_ssd.data.summary import Summary


class LabelledImage(NamedTuple):
    """An image as stored, what its label says, and how many numbers the label has in the layout of RecordIO.

    Of boxes in pixels, `specks` is how many lie within the first pixel, and `is_resized` whether they come with another
    size than the image has.
    """

    image: bytes
    annotation: Annotation
    label_size: int
    specks: int = 0
    is_resized: bool = False


@dataclass
class LabelTally:
    """Sums up the images of one pass over a stream."""

    images: int = 0
    specks: int = 0
    resized: int = 0
    _objects: int = 0
    _background: int = 0
    _dropped: int = 0
    _far_outside: int = 0
    _widest_label: int = 0
    _widest: int = 0
    _first_dropped: int | None = None
    _first_far_outside: int | None = None

    def note(self, labelled: LabelledImage) -> None:
        """Count the next image."""
        annotation = labelled.annotation
        if annotation.dropped and self._first_dropped is None:
            self._first_dropped = self.images
        if annotation.far_outside and self._first_far_outside is None:
            self._first_far_outside = self.images
        if labelled.label_size > self._widest_label:
            self._widest_label, self._widest = labelled.label_size, self.images
        self.images += 1
        self.specks += labelled.specks
        self.resized += labelled.is_resized
        self._objects += len(annotation.objects)
        self._background += not len(annotation.objects)
        self._dropped += annotation.dropped
        self._far_outside += annotation.far_outside

    def summary(self) -> Summary:
        """Return the counts so far."""
        return Summary(
            images=self.images,
            objects=self._objects,
            background=self._background,
            dropped=self._dropped,
            far_outside=self._far_outside,
            widest_label=self._widest_label,
            widest=self._widest,
            first_dropped=self._first_dropped,
            first_far_outside=self._first_far_outside,
        )
