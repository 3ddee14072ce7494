"""The labels of images that have annotations in pixels, looked at past what a job refuses."""

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.image_files import ImageFiles
from gluon_ssd.data.labels import ANY_CLASS
from gluon_ssd.data.pixel_labels import check_unit
from gluon_ssd.errors import UserError
from gluon_ssd.tools.label_table import LabelTable


class AnnotatedLabels:
    """The labels of the images that `annotated` is about; those that are wrong are told and left out."""

    def __init__(
        self,
        images: ImageFiles,
        annotated: Annotated,
        headers: NDArray[np.int64],
        *,
        annotations: str,
        left_out: int = 0,
        elsewhere: NDArray[np.bool_] | None = None,
    ) -> None:
        """Judge them.

        Args:
            images: n images, by the same index as those of `annotated`.
            annotated: what annotations say of them.
            headers: rows (n, 4) as `LabelTable` has them.
            annotations: the channel of the annotations.
            left_out: how many others there are that nothing can be said of, beside those of `annotated.mistakes`.
            elsewhere: which images are in S3 (n,); without it none is.

        Raises:
            UserError: there is nothing in them to look at.
        """
        self._images = images
        self._annotated = annotated
        self.mistakes = list(annotated.mistakes)
        self._usable = self._judge(headers[:, :2])
        self.left_out = len(annotated.mistakes) + left_out + len(headers) - len(self._usable)
        absent = np.zeros(len(headers), np.bool_) if elsewhere is None else elsewhere
        self.elsewhere: frozenset[int] = frozenset(np.flatnonzero(absent[self._usable]).tolist())
        self.class_names = annotated.class_names or {}
        self.table = self._table(headers[self._usable], annotations)

    def where(self, image: int) -> str:
        """Say where an image is: `train channel, x/y.jpg`."""
        return self._images.where(self._usable[image])

    def where_box(self, image: int, number: int) -> str:
        """Say where a box is, in the words of its annotation: `train_annotation channel, x/y.json, annotation 3`."""
        return self._annotated.where_box(self._annotated.places[self._usable[image]], number)

    def read(self, image: int) -> bytes:
        """Return an image as it is stored; raise UserError where it cannot be read any longer."""
        try:
            with self._images.open(self._usable[image]) as stream:
                return stream.read()
        except OSError as error:
            raise UserError(f"{self.where(image)}: expected a file that can be read, got {error}") from error

    def _judge(self, stored: NDArray[np.int64]) -> list[int]:
        """Note what a job refuses, and return the images whose labels make sense all the same."""
        labels, places, where_box = self._annotated.labels, self._annotated.places, self._annotated.where_box
        usable = labels.known_sizes(stored).all(axis=1)
        for row in labels.wrong_classes(ANY_CLASS).tolist():
            image, number = labels.owner(row)
            usable[image] = False
            self.mistakes.append(
                f"{where_box(places[image], number)}: class_id: expected an integer from 0 to {ANY_CLASS - 1}, "
                f"got {labels.rows[row, 0]:g}"
            )
        try:
            labels.warn_of_sizes(labels.sizes(stored, places, where_box), places)
        except UserError as error:
            self.mistakes.append(str(error))
        if not usable.any():
            raise UserError(self.mistakes[0])
        indices: list[int] = np.flatnonzero(usable).tolist()
        return indices

    def _table(self, headers: NDArray[np.int64], channel: str) -> LabelTable:
        labels = self._annotated.labels.select(self._usable)
        rows = labels.fractions(labels.known_sizes(headers[:, :2]))
        table = LabelTable(rows, labels.counts, labels.label_sizes(), headers)
        try:
            check_unit(table.summary(), labels.specks(), channel)
        except UserError as error:
            self.mistakes.append(str(error))
        return table
