"""Bad streams of RecordIO files and of augmented manifests, and what a job says of them."""

import json
from collections.abc import Mapping

from annotation_documents import PIXEL_BOX, document
from contract.bad_records import IN_PIXELS, NOT_DETECTION, NOT_RECORDIO
from job_input import MANIFEST_PIPE, RECORD_PIPE, Input
from record_stream import BOX, MAGIC, frame, labelled, record
from small_images import JPEG, PNG

NO_BATCH = (
    "Got empty batch from pipe. Please check if the manifest file contains valid batches and the value of training job "
    "parameter AttributeNames matches attributes names in the augmented manifest. "
)
ORDER = "AttributeNames has to name two attributes, the image's first, such as ['source-ref', 'bounding-box']"
_FIFO = "train channel, train_0"
_RECORD = f"{NOT_RECORDIO}{_FIFO}, record "
_PAIR = f"{NO_BATCH}{_FIFO}, record "
_ANNOTATION = f"{_FIFO}, record 1, "
_UNWRAPPED = "; set RecordWrapperType to RecordIO for an augmented manifest"
_WRAPPED_TWICE = (
    f"{_RECORD}0: expected an image, got RecordIO inside of RecordIO; set RecordWrapperType to None for a channel of "
    ".rec files"
)
GOOD_ANNOTATION = json.dumps(document(PIXEL_BOX)).encode()
# As Ground Truth writes them for the frames of a video: the manifest of a sequence, and its labels.
_FRAMES = (
    b'{"seq-no":1,"prefix":"s3://bucket/video/","number-of-frames":1,'
    b'"frames":[{"frame-no":1,"unix-timestamp":1566861644,"frame":"frame0001.jpg"}]}'
)
_SEQUENCE = (
    b'{"tracking-annotations":[{"annotations":[{"height":36,"width":46,"top":178,"left":315,"class-id":"0",'
    b'"object-id":"480dc450","object-name":"car:1"}],"frame-no":"0","frame":"frame0001.jpg"}]}'
)
_NO_SEQUENCE = (
    "expected an image or its bounding boxes, got a sequence of video frames as Ground Truth labels them (SeqLabel), "
    "which cannot be trained on as it is; write a manifest with one line for each frame: 'source-ref' with the s3:// "
    "address of the frame, and 'bounding-box' with image_size and annotations, each of class_id (from its label, "
    "counted from 0), left, top, width and height"
)


def _records(content: bytes, **settings: str) -> Input:
    return Input({"train": RECORD_PIPE}, pipes={"train": content}, settings=settings)


def _manifest(*payloads: bytes, **settings: str) -> Input:
    return Input({"train": MANIFEST_PIPE}, pipes={"train": frame(*payloads)}, settings=settings)


def _annotated(*boxes: Mapping[str, object], **others: object) -> Input:
    return _manifest(PNG, json.dumps(document(*boxes, **others)).encode())


STREAMS: dict[str, tuple[Input, str]] = {
    "a stream of nothing": (
        _records(b""),
        f"{_FIFO}: expected at least one record, got an empty stream; put .rec files under its S3 prefix",
    ),
    "images that are not wrapped": (
        _records(JPEG),
        f"{_RECORD}0: expected the magic number 0xced7230a at byte 0, got 0xe0ffd8ff{_UNWRAPPED}",
    ),
    "a manifest as it is": (
        _records(b'{"source-ref": "s3://bucket/a.jpg"}'),
        f"{_RECORD}0: expected the magic number 0xced7230a at byte 0, got 0x6f73227b{_UNWRAPPED}",
    ),
    "an index behind the records": (
        _records(frame(record()) + b"0\t0\n1\t80\n"),
        (
            f"{_RECORD}1: expected the magic number 0xced7230a at byte 72, got 0x0a300930; keep nothing but .rec files "
            "under the channel's S3 prefix: .idx and .lst files would be streamed too"
        ),
    ),
    "a stream that ends in a payload": (
        _records(frame(record(), record(image=bytes(1000)))[:-400]),
        f"{_RECORD}1: expected 1,056 bytes of payload at byte 80, but the stream ends 400 bytes too soon",
    ),
    "a stream that ends in a header": (
        _records(frame(record()) + MAGIC),
        f"{_RECORD}1: expected a record header of 8 bytes at byte 72, but the stream ends 4 bytes too soon",
    ),
    "a record too short for its header": (
        _records(frame(record(), b"abcd")),
        f"{_RECORD}1: expected an image record of at least 24 bytes, got 4",
    ),
    "an image alone behind a record": (
        _records(frame(record(), JPEG)),
        (
            f"{_RECORD}1: expected an image record, got one of {len(JPEG)} bytes that announces 3,774,863,615 labels: "
            "it is an image alone; pack it with its label, as gluon-ssd prepare does"
        ),
    ),
    "records that were wrapped": (_records(frame(frame(record()))), _WRAPPED_TWICE),
    "a lone label of image classification": (
        _records(frame(record(), labelled())),
        f"{NOT_DETECTION}{_FIFO}, record 1: label: expected a header of at least 2 numbers, got []",
    ),
    "a class beyond num_classes": (
        _records(frame(record(), record([BOX, (3, 0, 0, 1, 1, 0)]))),
        f"{_FIFO}, record 1, object 1: expected a class id from 0 to 2, since num_classes is 3, got 3",
    ),
    "a corner that is no number": (
        _records(frame(record([(0, 0, 0, 1, float("inf"), 0)]))),
        f"{_FIFO}, record 0, object 0: expected finite numbers, got [0, 0, 0, 1, inf, 0]",
    ),
    "a label wider than label_width": (
        _records(frame(record(), record([BOX] * 3)), label_width="13"),
        (
            "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at "
            f"least 20: {_FIFO}, record 1 has a label of 20 numbers, got label_width 13"
        ),
    ),
    "boxes in pixels": (
        _records(frame(record(), record([IN_PIXELS] * 2))),
        (
            "train channel: expected box corners in fractions of the image, from 0 to 1, got 2 of 3 boxes outside of "
            "it or without area; divide pixels by the image's width and height"
        ),
    ),
    "no object in any record": (
        _records(frame(*[record([], PNG)] * 3)),
        "train channel: expected an object in at least one image, got 3 without",
    ),
    "images that are none": (
        _records(frame(record(), record(), record(image=PNG))),
        (
            "train channel: expected JPEG or PNG images, at most 1 unreadable, got 2 among 3 so far; replace or remove "
            "them: train channel, train_0, record 0, train channel, train_0, record 1"
        ),
    ),
    "validation without an object": (
        Input({"validation": RECORD_PIPE}, pipes={"validation": frame(record([], PNG))}),
        "validation channel: expected an object in at least one image, got 1 without",
    ),
}

PAIRS: dict[str, tuple[Input, str]] = {
    "a manifest of nothing": (
        _manifest(),
        f"{NO_BATCH}{_FIFO}: expected at least one record, got an empty stream",
    ),
    "annotations before their images": (
        _manifest(GOOD_ANNOTATION, PNG),
        (
            f"{_PAIR}0: expected an image, got JSON: "
            f'{{"file": "a.jpg", "image_size": [{{"width": 40, "height": 20,...; {ORDER}'
        ),
    ),
    "three attributes": (
        _manifest(PNG, GOOD_ANNOTATION, b'{"job-name": "labeling-job/birds"}'),
        f'{_PAIR}2: expected an image, got JSON: {{"job-name": "labeling-job/birds"}}; {ORDER}',
    ),
    "images without annotations": (
        _manifest(PNG, PNG),
        f"{_PAIR}1: expected the JSON annotation of the image before it, got an image; {ORDER}",
    ),
    "a last image without annotation": (
        _manifest(PNG, GOOD_ANNOTATION, PNG),
        f"{_PAIR}3: expected the annotation of the last image, got the end of the stream; {ORDER}",
    ),
    "a manifest whose image breaks off": (
        Input({"train": MANIFEST_PIPE}, pipes={"train": frame(PNG, GOOD_ANNOTATION) + MAGIC + b"\x10\0\0\0"}),
        (
            f"{_RECORD}2: expected 16 bytes of payload at byte {len(frame(PNG, GOOD_ANNOTATION)) + 8}, but the stream "
            "ends 16 bytes too soon"
        ),
    ),
    "a .rec file as a manifest": (
        _manifest(record(image=PNG), record(image=PNG)),
        (
            f"{_PAIR}0: expected an image, got an image record of a .rec file; set RecordWrapperType to None for a "
            "channel of .rec files"
        ),
    ),
    "records that were wrapped as a manifest": (_manifest(frame(record())), _WRAPPED_TWICE),
    "the frames of a video": (_manifest(_FRAMES, _SEQUENCE), f"{_FIFO}, record 0: {_NO_SEQUENCE}"),
    "labels of the frames of a video": (_manifest(PNG, _SEQUENCE), f"{_FIFO}, record 1: {_NO_SEQUENCE}"),
    "an annotation cut off": (
        _manifest(PNG, b'{"annotations": ['),
        f"{_ANNOTATION}expected JSON, got a mistake: Expecting value: line 1 column 18 (char 17)",
    ),
    "an annotation that is no text": (
        _manifest(PNG, b"\xff\xfe{"),
        (
            f"{_ANNOTATION}expected JSON, got a mistake: 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte"
        ),
    ),
    "a class in place of boxes": (
        _manifest(PNG, b"5"),
        f"{_ANNOTATION}expected a JSON object with image_size and annotations, got 5",
    ),
    "an annotation without a list": (
        _manifest(PNG, b'{"image_size": []}'),
        f"{_ANNOTATION}annotations: expected a list, empty for an image without objects, got none",
    ),
    "a class by its name": (
        _annotated(PIXEL_BOX, {**PIXEL_BOX, "class_id": "cat"}),
        f'{_ANNOTATION}annotation 1: class_id: expected a number, got "cat"',
    ),
    "a class beyond num_classes in JSON": (
        _annotated({**PIXEL_BOX, "class_id": 3}),
        f"{_ANNOTATION}annotation 0: class_id: expected an integer from 0 to 2, since num_classes is 3, got 3",
    ),
    "a size of an empty list": (
        _annotated(PIXEL_BOX, image_size=[]),
        f"{_ANNOTATION}image_size: expected a list of one object with width and height, in pixels, got []",
    ),
    "a box on an image that was larger": (
        _annotated({**PIXEL_BOX, "left": 50}, image_size=[{"width": 80, "height": 40}]),
        (
            f"{_ANNOTATION}annotation 0: expected a box within its image, which is 40x20 pixels, got one that fits "
            "image_size 80x40 only; was the image resized or rotated after it was labeled? Scale the boxes and "
            "image_size with the image"
        ),
    ),
    "boxes in fractions": (
        _annotated({"class_id": 0, "left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}),
        (
            "train channel: expected boxes in pixels of the image, got 1 of 1 within its first pixel, as those in "
            "fractions of the image are; multiply left and width by the image's width, top and height by its height"
        ),
    ),
    "more objects than label_width holds": (
        _manifest(PNG, json.dumps(document(*[PIXEL_BOX] * 3)).encode(), label_width="16"),
        (
            "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at "
            f"least 17: {_FIFO}, record 0 has a label of 17 numbers, got label_width 16"
        ),
    ),
    "no object on any image": (
        _manifest(*[PNG, b'{"annotations": []}'] * 2),
        "train channel: expected an object in at least one image, got 2 without",
    ),
    "images that cannot be decoded": (
        _manifest(b"GIF89a", GOOD_ANNOTATION),
        (
            "train channel: expected JPEG or PNG images, at most 0 unreadable, got 1 among 1 so far; replace or remove "
            "them: train channel, train_0, record 0"
        ),
    ),
    "images in a pipe without wrapper": (
        Input({"train": MANIFEST_PIPE | {"RecordWrapperType": "None"}}),
        (
            "train channel: RecordWrapperType: expected RecordIO for the images of an augmented manifest, got 'None'; "
            "set it, and S3DataType to AugmentedManifestFile"
        ),
    ),
    "images in a pipe with a channel of annotations": (
        Input({"train": MANIFEST_PIPE, "train_annotation": {"TrainingInputMode": "File"}}),
        (
            "train channel: TrainingInputMode: expected File or FastFile for images with a channel of annotations, got "
            "'Pipe', which streams no file names to match them by; use File or FastFile mode, or an augmented manifest"
        ),
    ),
}

CASES = STREAMS | PAIRS
