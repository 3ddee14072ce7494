"""Annotations for images of 40x20 pixels: documents and lines of one image each, and COCO's of a whole data set."""

import json
from collections.abc import Mapping, Sequence
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


def voc_object(name: str, corners: Sequence[float] = (11, 6, 30, 15), *, difficult: int = 0) -> str:
    """Return one of VOC's objects; its pixels count from 1."""
    edges = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    box = "".join(f"<{edge}>{value}</{edge}>" for edge, value in edges)
    return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{box}</bndbox></object>"


def voc_annotation(*elements: str) -> bytes:
    """Return VOC's annotation of one image."""
    return f"<annotation>{''.join(elements)}</annotation>".encode()


def manifest_label(*boxes: Mapping[str, object]) -> Document:
    """Return what an attribute of an augmented manifest says."""
    return {"image_size": [{"width": 40, "height": 20, "depth": 3}], "annotations": list(boxes)}


def manifest_line(
    source: object = "a.jpg", *boxes: Mapping[str, object], names: object = None, **others: object
) -> Document:
    """Return a line of an augmented manifest as Ground Truth writes it."""
    metadata = {
        "objects": [{"confidence": 0.09} for _ in boxes],
        "class-map": {"0": "cat"} if names is None else names,
        "type": "groundtruth/object-detection",
        "human-annotated": "yes",
        "creation-date": "2018-10-18T22:18:13.527256",
        "job-name": "labeling-job/birds",
    }
    return {"source-ref": source, "bounding-box": manifest_label(*boxes), "bounding-box-metadata": metadata, **others}


def manifest(*lines: object) -> bytes:
    """Return a manifest of lines that are given as bytes or as what JSON shall hold."""
    return b"".join((item if isinstance(item, bytes) else json.dumps(item).encode()) + b"\n" for item in lines)
