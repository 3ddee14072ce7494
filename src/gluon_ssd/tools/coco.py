"""COCO: one JSON file with all images, objects and categories of a split, and a folder of the images."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gluon_ssd.data import coco
from gluon_ssd.data.coco import Instances
from gluon_ssd.data.counted import counted
from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DataSet, Size
from gluon_ssd.tools.box_form import BoxForm
from gluon_ssd.tools.image_names import name_within


def read_coco(source: Path, images: Path, *, classes: Sequence[str] | None) -> DataSet:
    """Return the images of a COCO file of instances, those without objects too.

    Objects marked as a crowd become difficult ones; their outlines are not read.

    Args:
        source: the file, such as instances_train2017.json.
        images: the folder that the file names of its images refer to.
        classes: the names in order of their ids; None takes the file's categories in order of their ids there.

    Raises:
        UserError: the file cannot be read, is no COCO file of instances, or contradicts itself.
    """
    if not images.is_dir():
        raise UserError(f"--images: expected the folder of the images, got {str(images)!r}, which is none")
    instances = _read(source)
    categories = dict(sorted(instances.categories.items()))
    if classes is None:
        _check_names(source, categories)
    example = next(iter(instances.astray.values()), None)
    lost = len(instances.astray)
    dropped = counted(lost, "object")
    note = f"{source.name}: dropped: {dropped} of images that it does not list, the first with id {example!r}"
    return DataSet(
        label=source.name,
        class_names=tuple(categories.values()) if classes is None else tuple(classes),
        entries=_entries(instances, images),
        notes=(note,) if lost else (),
        dropped_objects=lost,
    )


def _read(source: Path) -> Instances:
    try:
        with source.open("rb") as stream:
            instances = coco.parse(stream, source.name)
    except OSError as error:
        raise UserError(f"source: expected a COCO file such as instances_train.json, got: {error}") from error
    for name, found in (("images", instances.file_names), ("categories", instances.categories)):
        if not found:
            raise UserError(
                f"{source.name}: expected the lists images, annotations and categories, as in COCO's "
                f"instances_*.json, got no {name}"
            )
    return instances


def _check_names(source: Path, categories: Mapping[int, str]) -> None:
    twice = [name for name, count in Counter(categories.values()).items() if count > 1]
    if twice:
        keys = ", ".join(str(key) for key, name in categories.items() if name == twice[0])
        raise UserError(
            f"{source.name}: expected a different name for each category, got {twice[0]!r} for ids {keys}; "
            "name the classes with --classes to count them as one"
        )


def _entries(instances: Instances, folder: Path) -> list[AnnotatedImage]:
    """Return the images in order, with their objects."""
    objects = _objects(instances)
    return [
        AnnotatedImage(
            where=name,
            path=folder / name,
            name=name_within(folder, name),
            form=BoxForm.COCO,
            objects=tuple(objects.get(image, ())),
            size=_size(size),
        )
        for image, (name, size) in enumerate(zip(instances.file_names, instances.sizes.tolist(), strict=True))
    ]


def _objects(instances: Instances) -> Mapping[int, Sequence[AnnotatedObject]]:
    """Return the objects of the images that have any."""
    found: dict[int, list[AnnotatedObject]] = defaultdict(list)
    clear = np.isfinite(instances.rows).all(axis=1)
    for owner, number, row, is_clear in zip(instances.owners, instances.ids, instances.rows, clear, strict=True):
        category, left, top, width, height, crowd = row.tolist()
        found[int(owner)].append(
            AnnotatedObject(
                place=f"annotation {number}",
                class_name=instances.categories[category],
                numbers=(left, top, width, height) if is_clear else None,
                difficult=crowd > 0,
            )
        )
    return found


def _size(size: Sequence[int]) -> Size | None:
    width, height = size
    return (width, height) if width and height else None
