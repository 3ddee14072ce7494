"""Small data sets of labeled images, as files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from gluon_ssd.data import recordio
from gluon_ssd.data.sample import Sample

Row = tuple[float, ...]


def image(suffix: str = ".jpg", *, gray: int = 90, width: int = 100, height: int = 50, channels: int = 3) -> bytes:
    return cv2.imencode(suffix, np.full((height, width, channels), gray, np.uint8))[1].tobytes()


def write_records(path: Path, images: Sequence[tuple[bytes, Sequence[Row]]]) -> Path:
    """Write a .rec file of images, each with rows of class, corners in fractions, and difficult."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for number, (content, rows) in enumerate(images):
            objects = np.array([(*row, 0.0)[:6] for row in rows], np.float32).reshape(-1, 6)
            recordio.write_record(stream, recordio.pack(Sample(content, objects), number))
    return path


def write_annotated(
    folder: Path, boxes_of: Mapping[str, Sequence[Mapping[str, object]]], annotations: str = "train_annotation"
) -> Path:
    """Write images of 100 x 50 pixels to `train`, and their boxes to a folder beside it; return the former."""
    for name, boxes in boxes_of.items():
        path = folder / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(path.suffix))
        document = {"image_size": [{"width": 100, "height": 50, "depth": 3}], "annotations": list(boxes)}
        path = folder / annotations / Path(name).with_suffix(".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**document, "categories": [{"class_id": 0, "name": "cat"}]}))
    return folder / "train"


def box(class_id: float, left: float, top: float, width: float, height: float) -> dict[str, object]:
    return {"class_id": class_id, "left": left, "top": top, "width": width, "height": height}
