"""COCO: one JSON file with all images, objects and categories of a split, and a folder of the images."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DataSet, Size
from gluon_ssd.tools.box_form import BoxForm, Numbers
from gluon_ssd.tools.image_names import name_within

_LISTS = ("images", "annotations", "categories")
_NUMBERS = 4
Key = int | str  # an image's id


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
        raise UserError(f"images: expected the folder of the images, got {str(images)!r}, which is none")
    document = _read(source)
    categories = _categories(source, document["categories"])
    if classes is None:
        _check_names(source, categories)
    objects = _objects(source, document.pop("annotations"), categories)
    entries = _entries(source, document["images"], images, objects)
    lost = sum(map(len, objects.values()))
    example = next(iter(objects), None)
    note = f"{source.name}: dropped: {lost:,} objects of images that it does not list, the first with id {example!r}"
    return DataSet(
        label=source.name,
        class_names=tuple(categories.values()) if classes is None else tuple(classes),
        entries=entries,
        notes=(note,) if lost else (),
        dropped_objects=lost,
    )


def _read(source: Path) -> dict[str, list[Any]]:
    try:
        with source.open("rb") as stream:
            document = json.load(stream, object_hook=_without_outline)
    except OSError as error:
        raise UserError(f"source: expected a COCO file such as instances_train.json, got: {error}") from error
    except (ValueError, RecursionError) as error:  # no JSON, or no text
        raise UserError(f"source: expected JSON in {source}, got a mistake: {error}") from error
    missing = [name for name in _LISTS if not (isinstance(document, dict) and isinstance(document.get(name), list))]
    if missing:
        raise UserError(
            f"source: expected the lists {', '.join(_LISTS)}, as in COCO's instances_*.json, "
            f"got no list {missing[0]!r} in {source}"
        )
    return document  # type: ignore[no-any-return]  # checked


def _without_outline(item: dict[str, Any]) -> dict[str, Any]:
    """Forget outlines as soon as each is read: they are most of the file."""
    item.pop("segmentation", None)
    return item


def _categories(source: Path, items: Sequence[Any]) -> dict[int, str]:
    """Return the names by id, in order of the ids."""
    found: dict[int, str] = {}
    for number, item in enumerate(items):
        key, name = _get(item, "id"), _get(item, "name")
        if not (_is_id(key) and isinstance(name, str) and name.strip()):
            raise UserError(f"{source.name}, category {number}: expected an id and a name, got {_show(item)}")
        if key in found:
            raise UserError(f"{source.name}, category {number}: expected an id of its own, got {key} twice")
        found[key] = " ".join(name.split())
    return dict(sorted(found.items()))


def _check_names(source: Path, categories: Mapping[int, str]) -> None:
    twice = [name for name, count in Counter(categories.values()).items() if count > 1]
    if twice:
        keys = ", ".join(str(key) for key, name in categories.items() if name == twice[0])
        raise UserError(
            f"{source.name}: expected a different name for each category, got {twice[0]!r} for ids {keys}; "
            "name the classes with --classes to count them as one"
        )


def _objects(source: Path, items: list[Any], categories: Mapping[int, str]) -> dict[Key, list[AnnotatedObject]]:
    """Return the objects of each image by the image's id."""
    found: dict[Key, list[AnnotatedObject]] = defaultdict(list)
    for number, item in enumerate(items):
        image, category = _get(item, "image_id"), _get(item, "category_id")
        if not _is_key(image):
            raise UserError(f"{source.name}, annotation {number}: expected an image_id, got {_show(item)}")
        if not _is_id(category) or category not in categories:
            raise UserError(
                f"{source.name}, annotation {number}: expected a category_id that categories lists, got {category!r}"
            )
        key = _get(item, "id")
        place = f"annotation {key if _is_key(key) else number}"
        crowd = bool(_get(item, "iscrowd"))
        found[image].append(AnnotatedObject(place, categories[category], _numbers(_get(item, "bbox")), crowd))
    return found


def _entries(
    source: Path, items: Sequence[Any], folder: Path, objects: dict[Key, list[AnnotatedObject]]
) -> list[AnnotatedImage]:
    """Return the images in order, and take their objects out of `objects`."""
    entries = []
    seen: set[Key] = set()
    for number, item in enumerate(items):
        key, name = _get(item, "id"), _get(item, "file_name")
        if not (_is_key(key) and isinstance(name, str) and name):
            raise UserError(f"{source.name}, image {number}: expected an id and a file_name, got {_show(item)}")
        if key in seen:
            raise UserError(f"{source.name}, image {number}: expected an id of its own, got {key!r} twice")
        seen.add(key)
        entries.append(
            AnnotatedImage(
                where=name,
                path=folder / name,
                name=name_within(folder, name),
                form=BoxForm.COCO,
                objects=tuple(objects.pop(key, ())),
                size=_size(item),
            )
        )
    return entries


def _get(item: object, key: str) -> Any:  # noqa: ANN401 - JSON holds anything
    return item.get(key) if isinstance(item, dict) else None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_key(value: object) -> bool:
    """Tell whether it can be an image's id; some tools write text."""
    return _is_id(value) or isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(value: object) -> Numbers | None:
    if not (isinstance(value, list) and len(value) == _NUMBERS and all(map(_is_number, value))):
        return None
    left, top, width, height = value
    return left, top, width, height


def _size(item: object) -> Size | None:
    width, height = _get(item, "width"), _get(item, "height")
    if not (_is_number(width) and _is_number(height) and width > 0 and height > 0):
        return None
    return int(width), int(height)


def _show(item: object, most: int = 100) -> str:
    text = json.dumps(item)
    return f"{text[:most]} ..." if len(text) > most else text
