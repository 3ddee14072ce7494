"""What a data set holds, and what looks wrong in it: to be known before a machine is paid for."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from gluon_ssd.data import images, unreadable
from gluon_ssd.data.images import UnreadableImageError
from gluon_ssd.data.many_files import in_chunks
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker import content_type
from gluon_ssd.sagemaker.content_type import MANIFEST, RECORDIO
from gluon_ssd.tools.image_labels import find_annotations, read_image_labels
from gluon_ssd.tools.inspection_report import Inspection
from gluon_ssd.tools.label_source import LabelSource
from gluon_ssd.tools.label_statistics import LabelStatistics, count_unmatchable, measure
from gluon_ssd.tools.manifest_labels import read_manifest_labels
from gluon_ssd.tools.pointed_data import files_at
from gluon_ssd.tools.record_labels import RecordLabels
from gluon_ssd.tools.suspicious_labels import suspect, unused_classes

_EXPECTED = "expected a .rec or .manifest file, or a folder of either or of images"
_CHANNELS = ("train", "validation")
_NETWORKS = (("vgg-16", 300), ("vgg-16", 512), ("resnet-50", 300), ("resnet-50", 512))


def open_labels(path: Path, annotations: Path | None = None, *, attribute: str = "") -> LabelSource:
    """Choose the reader for what `path` holds, here and nowhere else, and read all labels.

    Args:
        path: a .rec file or a manifest, a folder of either, or a folder of images.
        annotations: the folder of the images' annotations, or COCO's file, where it is not the folder that a job's
            channels would have.
        attribute: that of a manifest which holds the boxes; empty for the only one that does.

    Raises:
        UserError: there is nothing that can be looked at.
    """
    if not path.exists():
        raise UserError(f"{path}: {_EXPECTED}, got nothing there")
    if all((path / channel).is_dir() for channel in _CHANNELS):
        raise UserError(f"{path}: expected one channel, got a folder of several; name {path / 'train'} or another")
    if annotations is not None:
        return _open_images(path, annotations)
    folder = files_at(path)
    kind = content_type.of_files(folder.files(), annotated=find_annotations(path) is not None)
    if kind == RECORDIO:
        return RecordLabels(folder)
    if kind == MANIFEST:
        return read_manifest_labels(folder, attribute)
    if not path.is_dir():
        raise UserError(f"{path}: {_EXPECTED}, got another file")
    return read_image_labels(path)


def _open_images(path: Path, annotations: Path) -> LabelSource:
    if not path.is_dir():
        raise UserError(f"--annotations {annotations}: expected them only of a folder of images, got the file {path}")
    return read_image_labels(path, annotations)


def inspect(label: str, source: LabelSource, *, num_classes: int | None = None, decode: bool = False) -> Inspection:
    """Look through the labels of a data set.

    Args:
        label: what to call it.
        source: its labels.
        num_classes: the job's, at least 1, where it is known.
        decode: whether to decode all images, and not only those whose first bytes make no sense.
    """
    statistics = measure(source.table, source.class_names)
    candidates = range(statistics.images) if decode else statistics.no_header
    broken = _unreadable(source, [image for image in candidates if image not in source.elsewhere])
    return Inspection(
        label,
        source,
        statistics,
        suspicions=suspect(source.table, num_classes),
        unused=unused_classes(source.table, num_classes or statistics.num_classes).tolist(),
        unmatchable=_unmatchable(source),
        unreadable=broken,
        refusals=[*source.mistakes, *_refused(label, statistics, len(broken))],
    )


def _refused(label: str, statistics: LabelStatistics, broken: int) -> Iterator[str]:
    if not statistics.objects:
        yield f"{label}: expected an object in at least one image, got {statistics.images:,} without"
    limit = unreadable.allowed(statistics.images)
    if broken > limit:
        yield (
            f"{label}: expected JPEG or PNG images, at most {limit:,} of {statistics.images:,} unreadable, "
            f"got {broken:,}; replace or remove them"
        )


def _unmatchable(source: LabelSource) -> dict[str, int]:
    """Return how many objects are too small for the networks' anchors; those of equal anchors share a line."""
    from gluon_ssd.ssd.base_networks import BASE_NETWORKS  # noqa: PLC0415 - MXNet takes a second to import

    names: dict[float, list[str]] = {}
    for name, image_shape in _NETWORKS:
        side = BASE_NETWORKS[name].smallest_anchor(image_shape)
        names.setdefault(side, []).append(f"{name} at {image_shape}")
    return {", ".join(networks): count_unmatchable(source.table, side) for side, networks in names.items()}


def _unreadable(source: LabelSource, candidates: Sequence[int]) -> dict[int, str]:
    """Return which of these images cannot be decoded, and why."""
    chunks = in_chunks(partial(_check_chunk, source, candidates), len(candidates), "decoding images")
    return {image: why for chunk in chunks for image, why in chunk}


def _check_chunk(source: LabelSource, candidates: Sequence[int], chunk: range) -> list[tuple[int, str]]:
    found = []
    for image in (candidates[position] for position in chunk):
        try:
            images.check(source.read(image))
        except UnreadableImageError as error:
            found.append((image, str(error)))
    return found
