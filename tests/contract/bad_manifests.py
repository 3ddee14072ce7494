"""Bad augmented manifests in files, and what a job says of them."""

from annotation_documents import PIXEL_BOX, Document, manifest, manifest_label, manifest_line
from job_input import MANIFEST, Input
from small_images import JPEG

_FILE = "train channel, x.manifest"
_LINE = f"{_FILE}, line 2"
_SOURCE = ": source-ref: expected the path of an image or an address s3://bucket/key, got "
_NO_FILE = ": expected a file that can be read, got [Errno "
_SEQUENCE = (
    ": expected an image or its bounding boxes, got a sequence of video frames as Ground Truth labels them "
    "(SeqLabel), which cannot be trained on as it is; write a manifest with one line for each frame: 'source-ref' with "
    "the s3:// address of the frame, and 'bounding-box' with image_size and annotations, each of class_id (from its "
    "label, counted from 0), left, top, width and height"
)
_VIDEO: Document = {
    "source-ref": "s3://bucket/video/seq1.json",
    "job-ref": "s3://bucket/annotations/consolidated-annotation/output/0/SeqLabel.json",
    "job-ref-metadata": {"class-map": {"0": "car"}, "type": "groundtruth/video-object-tracking"},
}
_JSON = ": expected JSON, got "


def _lines(*lines: object, **settings: str) -> Input:
    files = {"train/a.jpg": JPEG, "train/x.manifest": manifest(*lines)}
    return Input({"train": MANIFEST}, files, settings=settings)


def _second(line: object) -> Input:
    """Return a manifest whose first line is good."""
    return _lines(manifest_line("a.jpg", PIXEL_BOX), line)


# What is wrong with a line, and what is said of it behind its place.
_LINES: dict[str, tuple[object, str]] = {
    "no JSON": (b"a.jpg,1,2,3,4", f"{_JSON}a mistake: Expecting value: column 1"),
    "half a line": (b'{"source-ref": "a.j', f"{_JSON}a mistake: Invalid control character at: column 20"),
    "a byte that is no text": (
        b"\x80\x81\x82\x83",
        f"{_JSON}a mistake: 'utf-8' codec can't decode byte 0x80 in position 0: invalid start byte",
    ),
    "brackets without end": (b"[" * 100_000, f"{_JSON}brackets nested too deeply"),
    "a list": ([1, 2], ": expected a JSON object with source-ref and the boxes of one image, got [1, 2]"),
    "no source-ref": (
        {"source": "a.jpg", "bounding-box": manifest_label()},
        ": source-ref: expected the path or the s3:// address of an image, got none",
    ),
    "a number for a path": (manifest_line(5), f"{_SOURCE}5"),
    "an empty path": (manifest_line(""), f'{_SOURCE}""'),
    "a path with a NUL": (manifest_line("a\0.jpg"), rf'{_SOURCE}"a\u0000.jpg"'),
    "half a character": (manifest_line("\ud800.jpg"), rf'{_SOURCE}"\ud800.jpg", which is no text'),
    "a web address": (
        manifest_line("https://x/a.jpg"),
        f'{_SOURCE}"https://x/a.jpg", which cannot be read here; download it first',
    ),
    "a file elsewhere": (
        manifest_line("file://host/a.jpg"),
        f'{_SOURCE}"file://host/a.jpg", which cannot be read here; download it first',
    ),
    "half an address": (manifest_line("file://[/a.jpg"), f'{_SOURCE}"file://[/a.jpg": Invalid IPv6 URL'),
    "a bucket alone": (manifest_line("s3://bucket"), f'{_SOURCE}"s3://bucket"'),
    "a folder in S3": (manifest_line("s3://bucket/x/"), f'{_SOURCE}"s3://bucket/x/"'),
    "a key alone": (manifest_line("s3:///a.jpg"), f'{_SOURCE}"s3:///a.jpg"'),
    "no such file": (
        manifest_line("x/b.jpg"),
        f"{_NO_FILE}2] No such file or directory: '{{data}}/train/x/b.jpg'",
    ),
    "a folder for an image": (manifest_line("."), f"{_NO_FILE}21] Is a directory: '{{data}}/train'"),
    "a name too long": (
        manifest_line("a" * 300),
        f"{_NO_FILE}36] File name too long: '{{data}}/train/{'a' * 300}'",
    ),
    "another attribute": (
        {"source-ref": "a.jpg", "boxes": manifest_label()},
        (
            f": expected boxes in bounding-box, as in {_FILE}, line 1, got boxes; give both one name, or set the "
            "hyperparameter label_attribute to one of them"
        ),
    ),
    "two attributes": (
        manifest_line(more=manifest_label()),
        (
            ": expected one attribute with boxes, got bounding-box, more; set the hyperparameter label_attribute to "
            "one of them"
        ),
    ),
    "null in place of annotations": (
        manifest_line() | {"bounding-box": {"annotations": None}},
        ": annotations: expected a list, empty for an image without objects, got null",
    ),
    "a box that is none": (
        manifest_line("a.jpg", PIXEL_BOX, {"left": 1}),
        ", annotation 1: class_id: expected a number, got none",
    ),
    "a class beyond num_classes": (
        manifest_line("a.jpg", PIXEL_BOX, {**PIXEL_BOX, "class_id": 3}),
        ", annotation 1: class_id: expected an integer from 0 to 2, since num_classes is 3, got 3",
    ),
    "a box on an image that was larger": (
        manifest_line("a.jpg")
        | {"bounding-box": {**manifest_label({**PIXEL_BOX, "left": 50}), "image_size": [{"width": 80, "height": 40}]}},
        (
            ", annotation 0: expected a box within its image, which is 40x20 pixels, got one that fits image_size "
            "80x40 only; was the image resized or rotated after it was labeled? Scale the boxes and image_size with "
            "the image"
        ),
    ),
    "a number for a size": (
        manifest_line("a.jpg") | {"bounding-box": {"annotations": [], "image_size": 5}},
        ": image_size: expected a list of one object with width and height, in pixels, got 5",
    ),
    "labels of a video": (_VIDEO, _SEQUENCE),
    "labels of a video by another job": (_VIDEO | {"job-ref-metadata": {}}, _SEQUENCE),
    "a video": ({"seq-no": 1, "prefix": "s3://bucket/video/", "frames": []}, _SEQUENCE),
}

_WHOLE: dict[str, tuple[Input, str]] = {
    "no manifest": (
        Input({"train": MANIFEST}, {"train/a.jpg": JPEG}),
        "train channel: expected a .manifest file in {data}/train, got a.jpg",
    ),
    "blank lines": (_lines(b"", b" "), f"train channel: expected a line for each image, got none in {_FILE}"),
    "no boxes anywhere": (
        _lines({"source-ref": "a.jpg", "class": 1, "class-metadata": {"class-name": "cat"}}),
        (
            "train channel: expected an attribute with image_size and annotations in each line, empty annotations "
            "where the image shows no objects, got none for 1 of 1 images, of which at most 0 may be left out: "
            f"{_FILE}, line 1"
        ),
    ),
    "an attribute that is not there": (
        _lines(manifest_line("a.jpg", PIXEL_BOX), label_attribute="boxes"),
        (
            "train channel: expected the attribute boxes with image_size and annotations in each line, empty "
            "annotations where the image shows no objects, got none for 1 of 1 images, of which at most 0 may be left "
            f"out: {_FILE}, line 1"
        ),
    ),
    "boxes in fractions": (
        _lines(manifest_line("a.jpg", {"class_id": 0, "left": 0.1, "top": 0.2, "width": 0.5, "height": 0.5})),
        (
            "train channel: expected boxes in pixels of the image, got 1 of 1 within its first pixel, as those in "
            "fractions of the image are; multiply left and width by the image's width, top and height by its height"
        ),
    ),
    "no object on any image": (
        _lines(manifest_line()),
        "train channel: expected an object in at least one image, got 1 without",
    ),
    "more objects than label_width holds": (
        _lines(manifest_line("a.jpg", PIXEL_BOX), manifest_line("./a.jpg", *[PIXEL_BOX] * 3), label_width="16"),
        (
            "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at "
            f"least 17: {_LINE} has a label of 17 numbers, got label_width 16"
        ),
    ),
}

CASES = {name: (_second(line), f"{_LINE}{said}") for name, (line, said) in _LINES.items()} | _WHOLE
