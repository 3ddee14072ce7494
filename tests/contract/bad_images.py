"""Bad channels of images with a JSON file each, and what a job says of them."""

import json

from annotation_documents import PIXEL_BOX, Document, document
from job_input import IMAGES, Input
from small_images import BMP, JPEG

BEYOND_ALL = "9" * 400
_FILE = "train_annotation channel, a.json"
_BOX = f"{_FILE}, annotation "
_SIZE = f"{_FILE}: image_size: expected a list of one object with width and height, in pixels, got "
_LIST = f"{_FILE}: annotations: expected a list, empty for an image without objects, got "
_CLASS = "class_id: expected an integer from 0 to 2, since num_classes is 3, got "


def _files(files: dict[str, bytes], **settings: str) -> Input:
    return Input({"train": IMAGES, "train_annotation": IMAGES}, files, settings=settings)


def _one(annotation: object, image: bytes = JPEG, **settings: str) -> Input:
    """Return an image with an annotation, given as bytes or as what JSON shall hold."""
    content = annotation if isinstance(annotation, bytes) else json.dumps(annotation).encode()
    return _files({"train/a.jpg": image, "train_annotation/a.json": content}, **settings)


def _empty(*files: str) -> Input:
    return _files(dict.fromkeys(files, b""))


def _without(name: str) -> Document:
    return {key: value for key, value in PIXEL_BOX.items() if key != name}


DOCUMENTS: dict[str, tuple[Input, str]] = {
    "an annotation cut off": (
        _one(b'{"annotations": ['),
        f"{_FILE}: expected JSON, got a mistake: Expecting value: line 1 column 18 (char 17)",
    ),
    "an annotation of no bytes": (
        _one(b""),
        f"{_FILE}: expected JSON, got a mistake: Expecting value: line 1 column 1 (char 0)",
    ),
    "an annotation that is no text": (
        _one(b"\x80\x81\x82\x83"),
        (
            f"{_FILE}: expected JSON, got a mistake: 'utf-8' codec can't decode byte 0x80 in position 0: "
            "invalid start byte"
        ),
    ),
    "brackets without end": (_one(b"[" * 100_000), f"{_FILE}: expected JSON, got brackets nested too deeply"),
    "a list of an annotation": (
        _one([document()]),
        (
            f"{_FILE}: expected a JSON object with image_size and annotations, got "
            '[{"file": "a.jpg", "image_size": [{"width": 40, "height": 20...'
        ),
    ),
    "no annotations": (_one({}), f"{_LIST}none"),
    "null in place of annotations": (_one(document() | {"annotations": None}), f"{_LIST}null"),
    "an object of annotations": (_one(document() | {"annotations": {}}), f"{_LIST}{{}}"),
    "an annotation that is a list": (
        _one(document() | {"annotations": [PIXEL_BOX, [1, 2]]}),
        f"{_BOX}1: expected an object with class_id, left, top, width and height, got [1, 2]",
    ),
    **{
        f"a box without {name}": (
            _one(document(PIXEL_BOX, _without(name))),
            f"{_BOX}1: {name}: expected a number, got none",
        )
        for name in PIXEL_BOX
    },
    "a class by its name": (
        _one(document({**PIXEL_BOX, "class_id": "dog"})),
        f'{_BOX}0: class_id: expected a number, got "dog"',
    ),
    "true in place of a number": (
        _one(document({**PIXEL_BOX, "left": True})),
        f"{_BOX}0: left: expected a number, got true",
    ),
    "NaN": (_one(document({**PIXEL_BOX, "left": float("nan")})), f"{_BOX}0: left: expected a number, got NaN"),
    "infinity in a string": (
        _one(document({**PIXEL_BOX, "top": "inf"})),
        f'{_BOX}0: top: expected a number, got "inf"',
    ),
    "a number beyond all that a computer counts with": (
        _one(document({**PIXEL_BOX, "top": int(BEYOND_ALL)})),
        f"{_BOX}0: top: expected a number, got {'9' * 60}...",
    ),
    "a class beyond num_classes": (_one(document(PIXEL_BOX, {**PIXEL_BOX, "class_id": 3})), f"{_BOX}1: {_CLASS}3"),
    "a class below 0": (_one(document({**PIXEL_BOX, "class_id": -1})), f"{_BOX}0: {_CLASS}-1"),
    "a class between two": (_one(document({**PIXEL_BOX, "class_id": "0.5"})), f"{_BOX}0: {_CLASS}0.5"),
    "two sizes": (_one(document(image_size=[{}, {}])), f"{_SIZE}[{{}}, {{}}]"),
    "a size without width": (_one(document(image_size=[{"height": 20}])), f'{_SIZE}[{{"height": 20}}]'),
    "a height of 0": (
        _one(document(image_size=[{"width": 40, "height": 0}])),
        f'{_SIZE}[{{"width": 40, "height": 0}}]',
    ),
    "a width beyond all images": (
        _one(document(image_size=[{"width": 1e300, "height": 20}])),
        f'{_SIZE}[{{"width": 1e+300, "height": 20}}]',
    ),
    "a size that is null": (_one(document(image_size=None)), f"{_SIZE}null"),
    "no size, and an image that does not tell it": (
        _one({"annotations": []}, image=b""),
        f"{_FILE}: image_size: expected width and height, got none, and the image does not tell either",
    ),
    "a box on an image that was larger": (
        _one(document(PIXEL_BOX, {**PIXEL_BOX, "left": 50}, image_size=[{"width": 80, "height": 40}])),
        (
            f"{_BOX}1: expected a box within its image, which is 40x20 pixels, got one that fits image_size 80x40 "
            "only; was the image resized or rotated after it was labeled? Scale the boxes and image_size with the "
            "image"
        ),
    ),
    "a box on an image that was turned": (
        _one(document({**PIXEL_BOX, "top": 30, "left": 0}, image_size=[{"width": 20, "height": 40}])),
        (
            f"{_BOX}0: expected a box within its image, which is 40x20 pixels, got one that fits image_size 20x40 "
            "only; was the image resized or rotated after it was labeled? Scale the boxes and image_size with the "
            "image"
        ),
    ),
    "boxes in fractions": (
        _one(document({"class_id": 0, "left": 0.1, "top": 0.2, "width": 0.5, "height": 0.5})),
        (
            "train_annotation channel: expected boxes in pixels of the image, got 1 of 1 within its first pixel, as "
            "those in fractions of the image are; multiply left and width by the image's width, top and height by its "
            "height"
        ),
    ),
    "corners in place of width and height": (
        _one(document(PIXEL_BOX, {**PIXEL_BOX, "left": 200}, {**PIXEL_BOX, "top": 900}, {**PIXEL_BOX, "width": 1200})),
        (
            "train_annotation channel: expected boxes in pixels, within their image, got 3 of 4 boxes outside of it "
            "or without area; left and top are where a box begins, counted from 0, width and height its size"
        ),
    ),
    "boxes without an area": (
        _one(document({**PIXEL_BOX, "width": 0})),
        (
            "train_annotation channel: expected boxes in pixels, within their image, got 1 of 1 boxes outside of it "
            "or without area; left and top are where a box begins, counted from 0, width and height its size"
        ),
    ),
    "more objects than label_width holds": (
        _one(document(*[PIXEL_BOX] * 3), label_width="16"),
        (
            "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at "
            "least 17: train channel, a.jpg has a label of 17 numbers, got label_width 16"
        ),
    ),
    "no object on any image": (
        _one(document()),
        "train channel: expected an object in at least one image, got 1 without",
    ),
    "an image of another kind by the name of a JPEG": (
        _one(document(PIXEL_BOX), image=BMP),
        (
            "train channel: expected JPEG or PNG images, at most 0 of 1 unreadable, got 1 unreadable so far; replace "
            "or remove them: train channel, a.jpg"
        ),
    ),
}

FILES: dict[str, tuple[Input, str]] = {
    "no channel folder": (
        _files({}),
        ("train channel: expected a folder that can be read, got [Errno 2] No such file or directory: '{data}/train'"),
    ),
    "records in a channel of images": (
        _empty("train/train.rec", "train_annotation/a.json"),
        (
            "train channel: expected at least one image (.jpg, .jpeg or .png) in {data}/train, got train.rec; set "
            "ContentType to application/x-recordio"
        ),
    ),
    "text in place of JSON": (
        _empty("train/a.jpg", "train_annotation/a.txt"),
        (
            "train_annotation channel: expected a JSON or VOC XML file for each image, x/y.json or x/y.xml for "
            "x/y.jpg, or COCO's JSON file, in {data}/train_annotation, got a.txt"
        ),
    ),
    "annotations of another folder": (
        _files(
            {
                **dict.fromkeys(("train/x/a.jpg", "train/x/b.jpg"), JPEG),
                **dict.fromkeys(("train_annotation/a.json", "train_annotation/b.json"), b"{}"),
            }
        ),
        (
            "train_annotation channel: expected a JSON file for each image of the train channel, x/y.json for "
            "x/y.jpg, or COCO's JSON file, got none that fits: JSON files a.json, b.json; images x/a.jpg, x/b.jpg"
        ),
    ),
    "annotations of the fewer images": (
        _empty("train/a.jpg", "train/b.jpg", "train/c.jpg", "train_annotation/a.json"),
        (
            "train channel: expected a JSON file in the train_annotation channel for each image, with empty "
            "annotations where it shows no objects, got none for 2 of 3 images, of which at most 1 may be left out: "
            "b.jpg, c.jpg"
        ),
    ),
    "two images of one name": (
        _empty("train/x/a.jpg", "train/x/a.png", "train_annotation/x/a.json"),
        (
            "train channel: expected names that differ by more than the suffix, since images and annotations "
            "belong together by name, got x/a.jpg and x/a.png; rename one"
        ),
    ),
    "two annotations of one name": (
        _empty("train/a.jpg", "train_annotation/a.json", "train_annotation/a.JSON"),
        (
            "train_annotation channel: expected names that differ by more than the suffix, since images and "
            "annotations belong together by name, got a.JSON and a.json; rename one"
        ),
    ),
    "no channel of annotations": (
        Input({"train": IMAGES}),
        (
            "Missing required channel: train_annotation (got validation, train); add a channel named train_annotation "
            "that holds a JSON or VOC XML file for each image, x/y.json or x/y.xml for x/y.jpg, or COCO's file, or one "
            "named annotations that holds those of both splits"
        ),
    ),
}

CASES = DOCUMENTS | FILES
