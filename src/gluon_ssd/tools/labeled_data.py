"""Labeled images to try a model on: what a path holds, read as a job reads its validation channel."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gluon_ssd.data.annotated_folder import AnnotatedFolder
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.class_names import read_class_names
from gluon_ssd.data.manifest import ManifestDataset
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.description import Description
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker import content_type
from gluon_ssd.sagemaker.content_type import MANIFEST, RECORDIO
from gluon_ssd.temporary_folder import temporary_folder
from gluon_ssd.tools.image_labels import annotations_of, find_annotations
from gluon_ssd.tools.pointed_data import files_at

logger = logging.getLogger(__name__)

LabeledData = RecordIODataset | AnnotatedFolder | ManifestDataset

_ANY_WIDTH = sys.maxsize  # of labels: what bounds it is the memory of a job that trains
_EXPECTED = "expected a .rec or .manifest file, or a folder of either or of images with annotations"


@contextmanager
def open_labeled(
    path: Path, annotations: Path | None, model: Description, *, attribute: str = ""
) -> Iterator[LabeledData]:
    """Open what `path` holds, whose class ids are those of the `model`; images in S3 are kept while the block lasts.

    Args:
        path: a .rec file or a manifest, a folder of either, or a folder of images.
        annotations: the images' annotations, a folder or COCO's file, where they are not where a job's would be.
        model: how many classes there are, and their names.
        attribute: that of a manifest which holds the boxes; empty for the only one that does.

    Raises:
        UserError: there is nothing of the kind, a label is wrong, or its classes are not the model's.
    """
    if not path.exists():
        raise UserError(f"{path}: {_EXPECTED}, got nothing there")
    with temporary_folder() as cache:
        folder = ChannelFolder(path.resolve().name, path) if path.is_dir() else files_at(path)
        data = _open(folder, annotations, model, attribute, cache)
        data.summary.check_objects(folder.channel)
        _check_names(folder, data, model)
        yield data


def _open(
    folder: ChannelFolder, annotations: Path | None, model: Description, attribute: str, cache: Path
) -> LabeledData:
    beside = annotations is not None or find_annotations(folder.path) is not None
    kind = content_type.of_files(folder.files(), annotated=beside)
    if kind == RECORDIO and annotations is None:
        return RecordIODataset.of_files(folder, num_classes=model.num_classes, label_width=_ANY_WIDTH)
    if kind == MANIFEST and annotations is None:
        return ManifestDataset.open(
            folder, cache, num_classes=model.num_classes, label_width=_ANY_WIDTH, attribute=attribute
        )
    if folder.only is not None:
        raise UserError(f"{folder.path / folder.only[0]}: {_EXPECTED}, got another file")
    other, shared = annotations_of(folder.path, annotations)
    return AnnotatedFolder.open(
        folder,
        other,
        num_classes=model.num_classes,
        label_width=_ANY_WIDTH,
        shared=shared,
        class_names=model.class_names,
    )


def _check_names(folder: ChannelFolder, data: LabeledData, model: Description) -> None:
    """Raise UserError where class ids may mean other classes than those of the model; warn where names alone differ."""
    listed, told, from_names, guessed = read_class_names(folder), None, False, False
    if not isinstance(data, RecordIODataset):
        told, from_names = data.class_names, data.ids_follow_names
        guessed = from_names and not data.names_given
    if guessed and model.class_names is None and model.num_classes > 1:
        raise UserError(
            f"{folder.channel}: expected class ids, got names alone, and the model has none; list them in order of its "
            f"ids in a file {folder.channel}.classes in the folder of the images"
        )
    names = listed or told
    if names is None or model.class_names in (None, names):
        return
    difference = f"expected those of the model, {', '.join(model.class_names)}, got {', '.join(names)}"
    if listed or from_names:
        raise UserError(f"{folder.channel}: class names: {difference}; their ids would mean other classes")
    logger.warning("%s: class names: %s; class ids stay as they are", folder.channel, difference)
