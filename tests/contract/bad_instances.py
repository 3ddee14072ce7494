"""Bad COCO files of instances, and what a job says of them."""

import json

from annotation_documents import CATEGORIES, annotation, entry, instances
from job_input import IMAGES, Input
from small_images import JPEG

_FILE = "annotations channel, instances.json"


def _files(files: dict[str, object]) -> Input:
    """Return two images and annotation files, given as bytes or as what JSON shall hold."""
    contents = {
        f"annotations/{name}": content if isinstance(content, bytes) else json.dumps(content).encode()
        for name, content in files.items()
    }
    return Input(
        {"train": IMAGES, "annotations": IMAGES},
        {"train/a.jpg": JPEG, "train/b.jpg": JPEG, **contents},
        settings={"num_classes": "2"},
    )


def _one(document: object) -> Input:
    return _files({"instances.json": document})


CASES: dict[str, tuple[Input, str]] = {
    "more categories than classes": (
        _one(instances(categories=[*CATEGORIES, {"id": 90, "name": "cow"}])),
        f"{_FILE}: expected 2 categories, since num_classes is 2, got 3: car, dog, cow",
    ),
    "fewer categories than classes": (
        _one(instances(categories=CATEGORIES[:1], annotations=[])),
        f"{_FILE}: expected 2 categories, since num_classes is 2, got 1: dog",
    ),
    "categories of one name": (
        _one(instances(categories=[{"id": 3, "name": "dog"}, {"id": 18, "name": "dog"}])),
        f"{_FILE}: expected categories of different names, got dog, dog",
    ),
    "categories of one id": (
        _one(instances(categories=[*CATEGORIES, {"id": 3, "name": "cow"}])),
        f'{_FILE}, categories 2: id: expected one name for 3, got "car" and "cow"',
    ),
    "a category without a name": (
        _one(instances(categories=[{"id": 18}])),
        f'{_FILE}, categories 0: expected an object with id and name, got {{"id": 18}}',
    ),
    "a category of blanks": (
        _one(instances(categories=[{"id": 18, "name": " "}])),
        f'{_FILE}, categories 0: expected an object with id and name, got {{"id": 18, "name": " "}}',
    ),
    "a category beyond all numbers": (
        _one(instances(categories=[{"id": 1e300, "name": "dog"}])),
        f'{_FILE}, categories 0: expected an object with id and name, got {{"id": 1e+300, "name": "dog"}}',
    ),
    "a box of three numbers": (
        _one(instances(annotations=[annotation(5, 18), annotation(5, 18, bbox=[1, 2, 3])])),
        f"{_FILE}, annotations 1: bbox: expected a list of four numbers, got [1, 2, 3]",
    ),
    "a number in place of an annotation": (
        _one(instances(annotations=[annotation(5, 18), 5])),
        f"{_FILE}, annotations 1: expected an object with image_id, category_id and bbox, got 5",
    ),
    "a box of no category": (
        _one(instances(annotations=[annotation(5, 18) | {"category_id": None}])),
        f"{_FILE}, annotations 0: category_id: expected a number, got null",
    ),
    "a box of an unknown category": (
        _one(instances(annotations=[annotation(5, 18), annotation(5, 4)])),
        f"{_FILE}, annotations 1: category_id: expected the id of a category, got 4",
    ),
    "a box on an unknown image": (
        _one(instances(annotations=[annotation(5, 18), annotation(9, 18)])),
        f"{_FILE}, annotations 1: image_id: expected the id of an image, got 9",
    ),
    "a box on a list": (
        _one(instances(annotations=[annotation(5, 18) | {"image_id": [5]}])),
        f"{_FILE}, annotations 0: image_id: expected a number or a string, got [5]",
    ),
    "an image without a name": (
        _one(instances(images=[entry(5, "a.jpg"), {"id": 7}])),
        f'{_FILE}, images 1: expected an object with id and file_name, got {{"id": 7}}',
    ),
    "images of one id": (
        _one(instances(images=[entry(5, "a.jpg"), entry(7, "other.jpg"), entry(5, "b.jpg")])),
        f"{_FILE}, images 2: id: expected one that no other image has, got 5 a second time",
    ),
    "an image twice": (
        _one(instances(images=[entry(5, "a.jpg"), entry(7, "a.jpg"), entry(6, "b.jpg")])),
        f"{_FILE}: expected each image once, got a.jpg a second time",
    ),
    "images that are not there": (
        _one(instances(images=[entry(5, "c.jpg")], annotations=[])),
        (
            "annotations channel: expected file_name to be the path of an image, got none that fits: c.jpg; images "
            "a.jpg, b.jpg"
        ),
    ),
    "a file cut off": (
        _one(json.dumps(instances())[:-2].encode()),
        f"{_FILE}: expected JSON, got a mistake: Expecting ',': line 1 column 678 (char 677)",
    ),
    "a second file cut off": (
        _files({"instances.json": instances(), "z.json": b'{"info": {}, "images": [{"id": 1'}),
        (
            "annotations channel, z.json: expected JSON, got a mistake: Expecting ',' delimiter: line 1 column 33 "
            "(char 32)"
        ),
    ),
    "a file of no bytes": (
        _one(b""),
        f"{_FILE}: expected JSON, got a mistake: Expecting '{{': line 1 column 1 (char 0)",
    ),
    "brackets without end": (
        _one(b'{"a":' + b"[" * 100_000),
        f"{_FILE}: expected JSON, got brackets nested too deeply",
    ),
    "a name without quotes": (
        _one(json.dumps(instances()).replace('"categories"', "1").encode()),
        (
            f"{_FILE}: expected JSON, got a mistake: Expecting property name enclosed in double quotes: line 1 column "
            "612 (char 611)"
        ),
    ),
    "two documents in a file": (
        _one(json.dumps(instances()).encode() * 2),
        f"{_FILE}: expected JSON, got a mistake: Extra data: line 1 column 680 (char 679)",
    ),
    "lists of nothing": (
        _one({"images": [], "annotations": []}),
        (
            "annotations channel: expected a JSON file for each image of the train channel, x/y.json for x/y.jpg, or "
            "COCO's JSON file, got none that fits: JSON files instances.json; images a.jpg, b.jpg"
        ),
    ),
    "detections in place of instances": (
        _one([annotation(5, 18)]),
        (
            "annotations channel: expected a JSON file for each image of the train channel, x/y.json for x/y.jpg, or "
            "COCO's JSON file, got none that fits: JSON files instances.json; images a.jpg, b.jpg"
        ),
    ),
    "two files of other categories": (
        _files(
            {
                "instances.json": instances(),
                "z.json": instances(images=[entry(1, "c.jpg")], annotations=[], categories=CATEGORIES[:1]),
            }
        ),
        (
            f"annotations channel, z.json: expected the categories of {_FILE}, since their order makes the class ids, "
            "got others"
        ),
    ),
}
