"""The labels of a folder of images that annotations beside it have, read as a job reads them."""

from pathlib import Path

from gluon_ssd.data import annotated_folder
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.image_files import FolderImages
from gluon_ssd.data.image_header import read_headers
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.channels import SHARED_ANNOTATIONS, own_annotations
from gluon_ssd.tools.annotated_labels import AnnotatedLabels


def read_image_labels(path: Path, annotations: Path | None = None) -> AnnotatedLabels:
    """Read the labels of the images in a folder; without `annotations` from where a job's channels would have them.

    Args:
        path: the folder of the images.
        annotations: the folder of their annotations, or a single file of COCO's.

    Raises:
        UserError: images and annotations do not belong together, or there is nothing in them to look at.
    """
    folder = ChannelFolder(path.resolve().name, path)
    other, shared = annotations_of(path, annotations)
    annotated = annotated_folder.read_annotations(folder, other, shared=shared, num_classes=None, keep_going=True)
    if not annotated.image_files:
        raise UserError(annotated.mistakes[0])
    images = FolderImages(folder, annotated.image_files)
    return AnnotatedLabels(images, annotated, read_headers(images), annotations=other.channel)


def annotations_of(path: Path, given: Path | None) -> tuple[ChannelFolder, bool]:
    """Return the annotations of a folder of images, those `given` or else found, and whether other images share them.

    Raises:
        UserError: there are none.
    """
    return _expect_annotations(path) if given is None else (_named(given), False)


def find_annotations(path: Path) -> tuple[ChannelFolder, bool] | None:
    """Return the annotations that belong to a folder of images, and whether other images share them, if there are."""
    path = path.resolve()
    own, shared = path.with_name(own_annotations(path.name)), path.with_name(SHARED_ANNOTATIONS)
    if own.is_dir():
        return _folder(own), False
    if (shared / path.name).is_dir():
        return ChannelFolder(SHARED_ANNOTATIONS, shared, path.name), False
    return (_folder(shared), True) if shared.is_dir() else None


def _expect_annotations(path: Path) -> tuple[ChannelFolder, bool]:
    found = find_annotations(path)
    if found is None:
        path = path.resolve()
        raise UserError(
            f"{path}: expected annotations of these images in {path.with_name(own_annotations(path.name))} or "
            f"{path.with_name(SHARED_ANNOTATIONS)}, got neither; name their folder with --annotations"
        )
    return found


def _named(path: Path) -> ChannelFolder:
    """Return what --annotations names: a folder, or a file that is all there is."""
    if not path.exists():
        raise UserError(f"--annotations {path}: expected a folder of annotations or COCO's file, got nothing there")
    if path.is_dir():
        return _folder(path)
    return ChannelFolder(path.resolve().parent.name, path.parent, only=(path.name,))


def _folder(path: Path) -> ChannelFolder:
    return ChannelFolder(path.resolve().name, path)
