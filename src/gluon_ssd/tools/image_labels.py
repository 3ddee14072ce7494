"""The labels of a folder of images with JSON annotations, read as a job reads them, but past what a job refuses."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import annotated_folder
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.image_files import FolderImages
from gluon_ssd.data.image_header import read_headers
from gluon_ssd.data.labels import ANY_CLASS
from gluon_ssd.data.pixel_labels import PixelLabels, check_unit
from gluon_ssd.errors import UserError
from gluon_ssd.tools.label_table import LabelTable

_OWN, _SHARED = "{}_annotation", "annotations"


class ImageLabels:
    """The labels of images in a folder, which JSON files of another folder give."""

    def __init__(self, path: Path, annotations: Path | None = None) -> None:
        """Read them; without `annotations` from the folder that a job's channels would have.

        Raises:
            UserError: images and annotations do not belong together, or there is nothing in them to look at.
        """
        self._folder = ChannelFolder(path.resolve().name, path)
        other, shared = _find_annotations(path) if annotations is None else (_folder(annotations), False)
        self._annotations = other
        annotated = annotated_folder.read_annotations(
            self._folder, other, shared=shared, num_classes=None, keep_going=True
        )
        self.mistakes = list(annotated.mistakes)
        self.left_out = len(self.mistakes)
        if not annotated.image_files:
            raise UserError(self.mistakes[0])
        headers = read_headers(FolderImages(self._folder, annotated.image_files))
        usable = self._judge(annotated, headers)
        self._files = [annotated.image_files[image] for image in usable]
        self._places = [annotated.places[image] for image in usable]
        self.class_names = annotated.class_names or {}
        self.table = self._table(_select(annotated.labels, usable), headers[usable])

    def where(self, image: int) -> str:
        """Say where an image is: `train channel, x/y.jpg`."""
        return self._folder.where(self._files[image])

    def where_box(self, image: int, number: int) -> str:
        """Say where a box is: `train_annotation channel, x/y.json, annotation 3`."""
        return f"{self._places[image]}, annotation {number}"

    def read(self, image: int) -> bytes:
        """Return an image as it is stored; raise UserError where it cannot be read any longer."""
        return self._folder.read(self._files[image])

    def _judge(self, annotated: Annotated, headers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Note what a job refuses, and return the images whose labels make sense all the same."""
        labels, places = annotated.labels, annotated.places
        sizes = labels.known_sizes(headers[:, :2])
        usable = sizes.all(axis=1)
        for row in labels.wrong_classes(ANY_CLASS).tolist():
            image, number = labels.owner(row)
            usable[image] = False
            self.mistakes.append(
                f"{places[image]}, annotation {number}: class_id: expected an integer from 0 to {ANY_CLASS - 1}, "
                f"got {labels.rows[row, 0]:g}"
            )
        try:
            labels.warn_of_sizes(labels.sizes(headers[:, :2], places), places)
        except UserError as error:
            self.mistakes.append(str(error))
        if not usable.any():
            raise UserError(self.mistakes[0])
        self.left_out += int((~usable).sum())
        return np.flatnonzero(usable)

    def _table(self, labels: PixelLabels, headers: NDArray[np.int64]) -> LabelTable:
        rows = labels.fractions(labels.known_sizes(headers[:, :2]))
        table = LabelTable(rows, labels.counts, labels.label_sizes(), headers)
        try:
            check_unit(table.summary(), labels.specks(), self._annotations.channel)
        except UserError as error:
            self.mistakes.append(str(error))
        return table


def _select(labels: PixelLabels, images: NDArray[np.int64]) -> PixelLabels:
    kept = np.isin(np.repeat(np.arange(len(labels.counts)), labels.counts), images)
    return PixelLabels(labels.rows[kept], labels.counts[images], labels.told[images])


def _find_annotations(path: Path) -> tuple[ChannelFolder, bool]:
    """Return the folder of annotations that belongs to a folder of images, and whether other images share it."""
    path = path.resolve()
    own, shared = path.with_name(_OWN.format(path.name)), path.with_name(_SHARED)
    if own.is_dir():
        return _folder(own), False
    if (shared / path.name).is_dir():
        return ChannelFolder(_SHARED, shared, path.name), False
    if shared.is_dir():
        return _folder(shared), True
    raise UserError(
        f"{path}: expected annotations of these images in {own} or {shared}, got neither; name their folder with "
        "--annotations"
    )


def _folder(path: Path) -> ChannelFolder:
    if not path.is_dir():
        kind = "a file" if path.exists() else "nothing there"
        raise UserError(f"--annotations {path}: expected a folder of JSON files, got {kind}")
    return ChannelFolder(path.resolve().name, path)
