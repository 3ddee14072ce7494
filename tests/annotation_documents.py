"""Annotation documents for images of 40x20 pixels: of one image each, and COCO's of a whole data set."""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]

PIXEL_BOX = {"class_id": 0, "left": 10, "top": 5, "width": 20, "height": 10}
CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}]


def document(*annotations: Mapping[str, object], **others: object) -> Document:
    """Return the annotation of one image."""
    return {
        "file": "a.jpg",
        "image_size": [{"width": 40, "height": 20, "depth": 3}],
        "annotations": list(annotations),
        **others,
    }


def entry(image_id: int | str, file_name: str) -> Document:
    """Return one of COCO's images."""
    return {"id": image_id, "file_name": file_name, "width": 40, "height": 20, "license": 1}


def annotation(image_id: int | str, category_id: int, **others: object) -> Document:
    """Return one of COCO's annotations."""
    return {"id": 1, "image_id": image_id, "category_id": category_id, "bbox": [10, 5, 20.0, 10], **others}


def instances(**lists: object) -> Document:
    """Return COCO's document on a.jpg, which shows a car, b.jpg, which shows a dog and a crowd, and another image."""
    return {
        "info": {"lists": [1, 2]},
        "images": [entry(7, "a.jpg"), entry(5, "b.jpg"), entry(6, "other.jpg")],
        "annotations": [
            annotation(5, 18),
            annotation(7, 3, segmentation=[[1, 2, 3]]),
            annotation(6, 3),
            annotation(5, 3, iscrowd=1),
        ],
        "categories": CATEGORIES,
        **lists,
    }
