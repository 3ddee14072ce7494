"""The same three images in each of the layouts: two objects, one, and none."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from gluon_ssd.tools.annotated_image import DataSet
from gluon_ssd.tools.box_table import read_csv
from gluon_ssd.tools.coco import read_coco
from gluon_ssd.tools.voc import read_voc
from gluon_ssd.tools.yolo import read_yolo

WIDTH, HEIGHT = 50, 40
CLASS_NAMES = ("cat", "dog")
NAMES = ("a.jpg", "b.png", "c.jpg")
# Rows of class and corners; the pixels are written out in each layout below.
OBJECTS: tuple[list[list[float]], ...] = (
    [[0, 0.2, 0.5, 0.6, 0.75], [1, 0, 0, 1, 1]],
    [[1, 0.5, 0.25, 0.9, 1]],
    [],
)


def write_image(path: Path, *, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Write noise that its name decides, and return the file's bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(map(ord, path.name)))
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    content = bytes(cv2.imencode(path.suffix.lower(), pixels)[1])
    path.write_bytes(content)
    return content


def write_images(folder: Path) -> None:
    for name in NAMES:
        write_image(folder / name)


def voc(root: Path) -> DataSet:
    write_images(root / "JPEGImages")
    for part in ("Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    objects = {
        "a": [("cat", 11, 21, 30, 30), ("dog", 1, 1, 50, 40)],
        "b": [("dog", 26, 11, 45, 40)],
        "c": [],
    }
    for name, items in objects.items():
        boxes = [
            f"<object><name>{label}</name><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax>"
            f"<ymax>{ymax}</ymax></bndbox></object>"
            for label, xmin, ymin, xmax, ymax in items
        ]
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{''.join(boxes)}</annotation>")
    (root / "ImageSets" / "Main" / "train.txt").write_text("a\nb\nc\n")
    return read_voc(root, "train", classes=None)


def coco(root: Path) -> DataSet:
    write_images(root / "train2017")
    document = {
        "images": [{"id": 7 + number, "file_name": name} for number, name in enumerate(NAMES)],
        "annotations": [
            {"id": 1, "image_id": 8, "category_id": 90, "bbox": [25, 10, 20, 30]},
            {"id": 2, "image_id": 7, "category_id": 3, "bbox": [10.0, 20, 20, 10], "segmentation": [[1, 2, 3, 4]]},
            {"id": 3, "image_id": 7, "category_id": 90, "bbox": [0, 0, 50, 40]},
        ],
        "categories": [{"id": 90, "name": "dog"}, {"id": 3, "name": "cat"}],
    }
    source = root / "instances_train2017.json"
    source.write_text(json.dumps(document))
    return read_coco(source, root / "train2017", classes=None)


def yolo(root: Path) -> DataSet:
    write_images(root / "images" / "train")
    labels = root / "labels" / "train"
    labels.mkdir(parents=True)
    (labels / "a.txt").write_text("0 0.4 0.625 0.4 0.25\n1 0.5 0.5 1 1\n")
    (labels / "b.txt").write_text("1 0.7 0.625 0.4 0.75\n")
    (root / "classes.txt").write_text("cat\ndog\n")
    return read_yolo(root, "train", classes=None)


def csv(root: Path) -> DataSet:
    write_images(root / "pictures")
    source = root / "boxes.csv"
    source.write_text(
        "pictures/a.jpg,10,20,30,30,cat\npictures/b.png,25,10,45,40,dog\npictures/a.jpg,0,0,50,40,dog\n"
        "pictures/c.jpg,,,,,\n"
    )
    return read_csv(source, None, classes=None)


def tensorflow_csv(root: Path) -> DataSet:
    write_images(root / "pictures")
    source = root / "train_labels.csv"
    source.write_text(
        "filename,width,height,class,xmin,ymin,xmax,ymax\n"
        "a.jpg,50,40,cat,10,20,30,30\na.jpg,50,40,dog,0,0,50,40\nb.png,50,40,dog,25,10,45,40\nc.jpg,50,40,,,,,\n"
    )
    return read_csv(source, root / "pictures", classes=None)


LAYOUTS: list[Callable[[Path], DataSet]] = [voc, coco, yolo, csv, tensorflow_csv]
# Where each puts the images; what its paths are in a list of records, and in a folder of images.
FOLDERS = {
    "voc": ("JPEGImages", "JPEGImages/", ""),
    "coco": ("train2017", "", ""),
    "yolo": ("images/train", "images/train/", ""),
    "csv": ("pictures", "pictures/", "pictures/"),
    "tensorflow_csv": ("pictures", "", ""),
}
