"""Bad RecordIO files, and what a job says of them."""

import struct

from job_input import GOOD_RECORDS, RECORDS, Input
from record_stream import BOX, MAGIC, frame, labelled, record
from small_images import JPEG

NOT_RECORDIO = "Unable to parse record. Please make sure input data is in correct recordio format. "
NOT_DETECTION = (
    "Not enough annotation packed in the list file or the RecordIO file. Each object requires at least five numbers "
    "[label_id, xmin, ymin, xmax, ymax] for annotation. "
)
IN_PIXELS = (0, 20, 30, 200, 150, 0)
_FILE = "train channel, train.rec"
_RECORD = f"{NOT_RECORDIO}{_FILE}, record "
_LABEL = f"{NOT_DETECTION}{_FILE}, record 1: label: "


def _files(files: dict[str, bytes], **settings: str) -> Input:
    return Input({"train": RECORDS}, {f"train/{name}": content for name, content in files.items()}, settings=settings)


def _one(content: bytes, **settings: str) -> Input:
    return _files({"train.rec": content}, **settings)


CASES: dict[str, tuple[Input, str]] = {
    "a list without its records": (
        _files({"train.lst": b"0\t2\t5\n"}),
        (
            "train channel: expected at least one .rec file in {data}/train, got train.lst; gluon-ssd prepare makes "
            "such files"
        ),
    ),
    "an empty file": (_one(b""), f"{_FILE}: expected at least one record, got an empty file"),
    "a file that is a manifest": (
        _one(b'{"source-ref": "s3://bucket/a.jpg"}'),
        f"{_RECORD}0: expected the magic number 0xced7230a at byte 0, got 0x6f73227b",
    ),
    "a file of three bytes": (
        _one(b"abc"),
        f"{_RECORD}0: expected a record header of 8 bytes at byte 0, but the file ends 5 bytes too soon",
    ),
    "a file that ends in a payload": (
        _one(frame(record(), record(image=bytes(1000)))[:-400]),
        f"{_RECORD}1: expected 1,056 bytes of payload at byte 80, but the file ends 400 bytes too soon",
    ),
    "a file that ends in a header": (
        _one(frame(record()) + MAGIC),
        f"{_RECORD}1: expected a record header of 8 bytes at byte 72, but the file ends 4 bytes too soon",
    ),
    "zeros behind the last record": (
        _one(frame(record()) + bytes(4096)),
        f"{_RECORD}1: expected the magic number 0xced7230a at byte 72, got 0x00000000",
    ),
    "a continuation flag that there is not": (
        _one(frame(record()) + MAGIC + struct.pack("<I", 5 << 29)),
        f"{_RECORD}1: expected a continuation flag from 0 to 3 at byte 76, got 5",
    ),
    "the middle of a record without its begin": (
        _one(MAGIC + struct.pack("<I", 2 << 29)),
        f"{_RECORD}0: expected the first part of a record at byte 0, got a continuation",
    ),
    "the begin of a record without its end": (
        _one(MAGIC + struct.pack("<I", 1 << 29) + frame(record())),
        f"{_RECORD}0: expected another part of a record at byte 8, got the start of a new one",
    ),
    "a record too short for its header": (
        _one(frame(record(), b"abcd")),
        f"{_RECORD}1: expected an image record of at least 24 bytes, got 4",
    ),
    "an image alone in a record": (
        _one(frame(JPEG)),
        (
            f"{_RECORD}0: expected an image record, got one of {len(JPEG)} bytes that announces 3,774,863,615 labels: "
            "it is an image alone; pack it with its label, as gluon-ssd prepare does"
        ),
    ),
    "RecordIO in a record": (
        _one(frame(frame(record()))),
        (
            f"{_RECORD}0: expected an image record, got one of 72 bytes that announces 3,470,205,706 labels: "
            "it is RecordIO inside of RecordIO; unpack it once"
        ),
    ),
    "the second of two files, in a folder": (
        _files({"a.rec": GOOD_RECORDS, "b/c.rec": frame(record()) + b"\0"}),
        (
            f"{NOT_RECORDIO}train channel, b/c.rec, record 1: expected a record header of 8 bytes at byte 72, but the "
            "file ends 7 bytes too soon"
        ),
    ),
    "a lone label of image classification": (
        _one(frame(record(), labelled())),
        f"{_LABEL}expected a header of at least 2 numbers, got []",
    ),
    "a label of several classes": (
        _one(frame(record(), labelled(0, 1, 0))),
        f"{_LABEL}expected its number 0 to be the header width, a whole number of at least 2, got 0 in [0, 1, 0]",
    ),
    "objects of four numbers": (
        _one(frame(record(), labelled(2, 4, 0, 0, 1, 1))),
        (
            f"{_LABEL}expected its number 1 to be the object width, a whole number of at least 5, got 4 "
            "in [2, 4, 0, 0, 1, 1]"
        ),
    ),
    "a label without its last number": (
        _one(frame(record(), labelled(2, 5, 0, 0, 0, 1))),
        f"{_LABEL}expected a header of 2 numbers and then objects of 5 each, got 6 numbers: [2, 5, 0, 0, 0, 1]",
    ),
    "a header wider than the label": (
        _one(frame(record(), labelled(9, 5, 0))),
        f"{_LABEL}expected a header of 9 numbers and then objects of 5 each, got 3 numbers: [9, 5, 0]",
    ),
    "a corner that is no number": (
        _one(frame(record(), record([BOX, (0, 0, float("nan"), 1, 1, 0)]))),
        f"{_FILE}, record 1, object 1: expected finite numbers, got [0, 0, nan, 1, 1, 0]",
    ),
    "a class beyond num_classes": (
        _one(frame(record(), record([BOX, (3, 0, 0, 1, 1, 0)]))),
        f"{_FILE}, record 1, object 1: expected a class id from 0 to 2, since num_classes is 3, got 3",
    ),
    "a class below 0": (
        _one(frame(record([(-1, 0, 0, 1, 1, 0)]))),
        f"{_FILE}, record 0, object 0: expected a class id from 0 to 2, since num_classes is 3, got -1",
    ),
    "a class between two": (
        _one(frame(record([(0.5, 0, 0, 1, 1, 0)]))),
        f"{_FILE}, record 0, object 0: expected a class id from 0 to 2, since num_classes is 3, got 0.5",
    ),
    "a label wider than label_width": (
        _files({"a.rec": frame(record()), "b.rec": frame(record(), record([BOX] * 3))}, label_width="13"),
        (
            "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at "
            "least 20: train channel, b.rec, record 1 has a label of 20 numbers, got label_width 13"
        ),
    ),
    "boxes in pixels": (
        _one(frame(record([IN_PIXELS]), record([IN_PIXELS, BOX]))),
        (
            "train channel: expected box corners in fractions of the image, from 0 to 1, got 2 of 3 boxes outside of "
            "it or without area; divide pixels by the image's width and height"
        ),
    ),
    "corners in the order of another tool": (
        _one(frame(record([(0, 0.75, 0.75, 0.25, 0.25, 0)]))),
        (
            "train channel: expected box corners in fractions of the image, from 0 to 1, got 1 of 1 boxes outside of "
            "it or without area; divide pixels by the image's width and height"
        ),
    ),
    "no object in any record": (
        _one(frame(record([]), record([]))),
        "train channel: expected an object in at least one image, got 2 without",
    ),
    "images that are none": (
        _one(frame(record(), record(), record(image=b""))),
        (
            "train channel: expected JPEG or PNG images, at most 1 of 3 unreadable, got 2 unreadable so far; replace "
            "or remove them: train channel, train.rec, record 0, train channel, train.rec, record 1"
        ),
    ),
    "validation on a file that ends too soon": (
        Input({"validation": RECORDS}, {"validation/v.rec": frame(record(), record())[:-3]}),
        (
            f"{NOT_RECORDIO}validation channel, v.rec, record 1: expected 62 bytes of payload at byte 80, but the file "
            "ends 1 bytes too soon"
        ),
    ),
}
