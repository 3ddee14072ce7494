"""Bad PASCAL VOC XML files, and what a job says of them."""

from annotation_documents import voc_annotation, voc_object
from job_input import IMAGES, Input
from small_images import JPEG

_FILE = "train_annotation channel, a.xml"


def _files(files: dict[str, bytes], **settings: str) -> Input:
    return Input({"train": IMAGES, "train_annotation": IMAGES}, files, settings={"num_classes": "1", **settings})


def _one(annotation: bytes, **settings: str) -> Input:
    return _files({"train/a.jpg": JPEG, "train_annotation/a.xml": annotation}, **settings)


def _listed(file: str, names: bytes) -> Input:
    """Return a cat, of two classes that a file lists."""
    annotation = voc_annotation(voc_object("cat"))
    return _files({"train/a.jpg": JPEG, "train_annotation/a.xml": annotation, file: names}, num_classes="2")


CASES: dict[str, tuple[Input, str]] = {
    "no XML": (_one(b"{}"), f"{_FILE}: expected XML, got a mistake: not well-formed (invalid token): line 1, column 0"),
    "an empty file": (_one(b""), f"{_FILE}: expected XML, got a mistake: no element found: line 1, column 0"),
    "another kind of XML": (
        _one(b"<annotations/>"),
        f"{_FILE}: expected the element <annotation> of PASCAL VOC, got <annotations>",
    ),
    "a name of blanks": (
        _one(voc_annotation(voc_object("cat"), voc_object(" "))),
        f"{_FILE}, object 2: name: expected the name of a class, got none",
    ),
    "no box": (
        _one(voc_annotation("<object><name>cat</name></object>")),
        f"{_FILE}, object 1: bndbox: expected numbers xmin, ymin, xmax and ymax, got others",
    ),
    "a corner beyond all numbers": (
        _one(voc_annotation(voc_object("cat", (1, 1, float("inf"), 2)))),
        f"{_FILE}, object 1: bndbox: expected numbers xmin, ymin, xmax and ymax, got others",
    ),
    "boxes outside": (
        _one(voc_annotation(voc_object("cat", (100, 100, 120, 120)))),
        (
            "train_annotation channel: expected boxes in pixels, within their image, got 1 of 1 boxes outside of it "
            "or without area; left and top are where a box begins, counted from 0, width and height its size"
        ),
    ),
    "a width beyond all images, and an image that does not tell it": (
        _files(
            {
                "train/a.jpg": b"",
                "train_annotation/a.xml": voc_annotation(
                    "<size><width>1e300</width><height>20</height></size>", voc_object("cat")
                ),
            }
        ),
        f"{_FILE}: image_size: expected width and height, got none, and the image does not tell either",
    ),
    "more names than classes": (
        _one(voc_annotation(voc_object("dog"), voc_object("cat"), voc_object("dog"))),
        (
            "train_annotation channel: expected objects of 1 classes, since num_classes is 1, got 2: cat, dog; correct "
            "num_classes, or list all class names, one a line, in a file train.classes in the train channel"
        ),
    ),
    "no object": (
        _one(voc_annotation()),
        (
            "train_annotation channel: expected objects of 1 classes, since num_classes is 1, got 0: no object; "
            "correct num_classes, or list all class names, one a line, in a file train.classes in the train channel"
        ),
    ),
    "a name that no file lists": (
        _files(
            {
                "train/a.jpg": JPEG,
                "train/b.jpg": JPEG,
                "train/train.classes": b"cat\ndog\n",
                "train_annotation/a.xml": voc_annotation(voc_object("cat")),
                "train_annotation/b.xml": voc_annotation(voc_object("cat"), voc_object("owl")),
            },
            num_classes="2",
        ),
        (
            "train_annotation channel, b.xml, object 2: name: expected one of the class names cat, dog, got 'owl'; "
            "rename it, or list it behind these, one a line, in a .classes file in each of the channels of images and "
            "records, and set num_classes to their number"
        ),
    ),
    "fewer names in a file than classes": (
        _listed("train_annotation/x.classes", b"cat\n"),
        (
            "train channel: class names: expected 2, since num_classes is 2, got 1: cat; correct num_classes or the "
            ".classes file"
        ),
    ),
    "a name twice in a file": (
        _listed("train/train.classes", b"cat\ncat\n"),
        "train channel: class names: expected different names, got 'cat' twice",
    ),
    "an image without a file": (
        _files(
            {
                **dict.fromkeys(("train/a.jpg", "train/b.jpg", "train/c.jpg"), JPEG),
                "train_annotation/a.xml": voc_annotation(voc_object("cat")),
            }
        ),
        (
            "train channel: expected a VOC XML file in the train_annotation channel for each image, without any object "
            "where it shows none, got none for 2 of 3 images, of which at most 1 may be left out: b.jpg, c.jpg"
        ),
    ),
    "files of another folder": (
        _files({"train/a.jpg": JPEG, "train_annotation/x/a.xml": b""}),
        (
            "train_annotation channel: expected a VOC XML file for each image of the train channel, x/y.xml for "
            "x/y.jpg, got none that fits: VOC XML files x/a.xml; images a.jpg"
        ),
    ),
}
