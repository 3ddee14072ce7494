"""Pairs of records as SageMaker streams an augmented manifest, and what is said of streams of another kind."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from gluon_ssd.data.fifo import Patience
from gluon_ssd.data.order import Place
from gluon_ssd.data.recordio_pipe import LabelLimits, RecordPipe
from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import UserError
from pipe_service import served
from record_stream import frame

IMAGE = cv2.imencode(".png", np.zeros((40, 80, 3), np.uint8))[1].tobytes()
# As the developer guide shows it.
GUIDE = (
    b'{"image_size":[{"width":500,"height":400,"depth":3}],'
    b'"annotations":[{"class_id":0,"left":111,"top":134,"width":61,"height":128}]}'
)
NO_BATCH = (
    "Got empty batch from pipe. Please check if the manifest file contains valid batches and the value of training job "
    "parameter AttributeNames matches attributes names in the augmented manifest. "
)
ORDER = "AttributeNames has to name two attributes, the image's first, such as ['source-ref', 'bounding-box']"
NOT_RECORDIO = "Unable to parse record. Please make sure input data is in correct recordio format. "
# As Ground Truth writes them for the frames of a video: the manifest of a sequence, and its labels.
FRAMES = (
    b'{"seq-no":1,"prefix":"s3://bucket/video/","number-of-frames":1,'
    b'"frames":[{"frame-no":1,"unix-timestamp":1566861644,"frame":"frame0001.jpg"}]}'
)
SEQUENCE = (
    b'{"tracking-annotations":[{"annotations":[{"height":36,"width":46,"top":178,"left":315,"class-id":"0",'
    b'"object-id":"480dc450","object-name":"car:1"}],"frame-no":"0","frame":"frame0001.jpg"}]}'
)


def _annotation(*boxes: tuple[object, ...], **more: object) -> bytes:
    names = ("class_id", "left", "top", "width", "height")
    document = {
        "image_size": [{"width": 80, "height": 40, "depth": 3}],
        "annotations": [dict(zip(names, box, strict=True)) for box in boxes],
    }
    return json.dumps(document | more).encode()


def _pipe(folder: Path, *, wrapped: bool = True, label_width: int = 350) -> RecordPipe:
    return RecordPipe(
        folder / "train", LabelLimits(3, label_width), wrapped=wrapped, patience=Patience(10, lambda: False)
    )


def _read(folder: Path, content: bytes, *, wrapped: bool = True) -> list[Sample]:
    with served(folder / "train", [content]):
        return list(_pipe(folder, wrapped=wrapped).passage(0))


@pytest.mark.parametrize("wrapped", [True, False])
def test_pairs_are_images_with_boxes_in_fractions(tmp_path: Path, *, wrapped: bool) -> None:
    annotation = _annotation((2, 8, 10, 40, 20), (0, 0, 0, 80, 40))
    (sample,) = _read(tmp_path, frame(IMAGE, annotation), wrapped=wrapped)
    assert sample.image == IMAGE
    assert sample.objects.dtype == np.float32
    np.testing.assert_allclose(sample.objects, np.array([[2, 0.1, 0.25, 0.6, 0.75, 0], [0, 0, 0, 1, 1, 0]]))


def test_numbers_may_be_strings(tmp_path: Path) -> None:
    annotation = _annotation(("2", "8", "10.0", 40, "20"), image_size=[{"width": "80", "height": "40", "depth": "3"}])
    (sample,) = _read(tmp_path, frame(IMAGE, annotation))
    np.testing.assert_allclose(sample.objects, [[2, 0.1, 0.25, 0.6, 0.75, 0]])


def test_an_image_without_annotations_is_background(tmp_path: Path) -> None:
    first, second = _read(tmp_path, frame(IMAGE, _annotation(), IMAGE, _annotation((0, 0, 0, 8, 4))))
    assert first.objects.shape == (0, 6)
    assert second.objects.shape == (1, 6)


def test_boxes_are_cut_to_the_image_and_dropped_where_nothing_is_left(tmp_path: Path) -> None:
    (sample,) = _read(tmp_path, frame(IMAGE, _annotation((0, -8, 30, 16, 20), (1, 5, 5, 0, 5))))
    np.testing.assert_allclose(sample.objects, [[0, 0, 0.75, 0.1, 1, 0]])


def test_a_stream_without_any_object_is_refused_at_the_end_of_its_first_pass(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path)
    with served(tmp_path / "train", [frame(IMAGE, _annotation()) * 2]):
        samples = pipe.passage(0)
        assert len([next(samples), next(samples)]) == 2
        with pytest.raises(UserError, match="^train channel: expected an object in at least one image, got 2 without$"):
            next(samples)


def test_an_image_is_named_by_its_record(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path)
    with served(tmp_path / "train", [frame(IMAGE, _annotation((0, 0, 0, 8, 4)))]):
        list(pipe.passage(0))
    assert pipe.where(Place(0, 41)) == "train channel, train_0, record 82"


def test_a_label_wider_than_label_width_is_refused(tmp_path: Path) -> None:
    content = frame(IMAGE, _annotation(), IMAGE, _annotation(*[(0, 0, 0, 8, 8)] * 3))
    with served(tmp_path / "train", [content]), pytest.raises(UserError) as caught:
        list(_pipe(tmp_path, label_width=16).passage(0))
    assert str(caught.value) == (
        "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at least "
        "17: train channel, train_0, record 2 has a label of 17 numbers, got label_width 16"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"{NO_BATCH}train channel, train_0: expected at least one record, got an empty stream"),
        (
            frame(GUIDE, IMAGE),
            (
                f"{NO_BATCH}train channel, train_0, record 0: expected an image, got JSON: "
                f'{{"image_size":[{{"width":500,"height":400,"depth":3}}],"annota...; {ORDER}'
            ),
        ),
        (
            frame(IMAGE, _annotation(), b'{"job-name": "labeling-job/birds"}'),
            (
                f"{NO_BATCH}train channel, train_0, record 2: expected an image, got JSON: "
                f'{{"job-name": "labeling-job/birds"}}; {ORDER}'
            ),
        ),
        (
            frame(IMAGE, IMAGE),
            (
                f"{NO_BATCH}train channel, train_0, record 1: expected the JSON annotation of the image before it, "
                f"got an image; {ORDER}"
            ),
        ),
        (
            frame(IMAGE, _annotation(), IMAGE),
            (
                f"{NO_BATCH}train channel, train_0, record 3: expected the annotation of the last image, "
                f"got the end of the stream; {ORDER}"
            ),
        ),
        (
            IMAGE + GUIDE,
            (
                f"{NOT_RECORDIO}train channel, train_0, record 0: expected the magic number 0xced7230a at byte 0, "
                "got 0x474e5089; set RecordWrapperType to RecordIO for an augmented manifest"
            ),
        ),
        (
            frame(IMAGE, _annotation()) + frame(IMAGE)[:50],
            f"{NOT_RECORDIO}train channel, train_0, record 2: expected {len(IMAGE)} bytes of payload at byte ",
        ),
        (
            frame(frame(IMAGE)),
            (
                f"{NOT_RECORDIO}train channel, train_0, record 0: expected an image, got RecordIO inside of RecordIO; "
                "set RecordWrapperType to None for a channel of .rec files"
            ),
        ),
        (
            frame(IMAGE, b'{"annotations": ['),
            "train channel, train_0, record 1, expected JSON, got a mistake: ",
        ),
        (
            frame(IMAGE, b"\xff\xfe{"),
            "train channel, train_0, record 1, expected JSON, got a mistake: ",
        ),
        (
            frame(IMAGE, b"5"),
            "train channel, train_0, record 1, expected a JSON object with image_size and annotations, got 5",
        ),
        (
            frame(IMAGE, b'{"image_size": []}'),
            (
                "train channel, train_0, record 1, annotations: expected a list, empty for an image without objects, "
                "got none"
            ),
        ),
        (
            frame(IMAGE, _annotation((0, 1, 2, 3, 4), ("cat", 1, 2, 3, 4))),
            'train channel, train_0, record 1, annotation 1: class_id: expected a number, got "cat"',
        ),
        (
            frame(IMAGE, _annotation((3, 1, 2, 3, 4))),
            (
                "train channel, train_0, record 1, annotation 0: class_id: expected an integer from 0 to 2, "
                "since num_classes is 3, got 3"
            ),
        ),
        (
            frame(IMAGE, GUIDE),
            (
                "train channel, train_0, record 1, annotation 0: expected a box within its image, which is 80x40 "
                "pixels, got one that fits image_size 500x400 only; "
            ),
        ),
        (
            frame(IMAGE, _annotation((0, 0.1, 0.2, 0.3, 0.4))),
            (
                "train channel: expected boxes in pixels of the image, got 1 of 1 within its first pixel, as those in "
                "fractions of the image are; "
            ),
        ),
        (
            frame(IMAGE, _annotation((0, 1, 2, 3, 4), image_size=[])),
            (
                "train channel, train_0, record 1, image_size: expected a list of one object with width and height, "
                "in pixels, got []"
            ),
        ),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else "",
)
def test_a_wrong_stream_is_refused_with_what_to_do(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError) as caught:
        _read(tmp_path, content)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("content", "record"), [(frame(FRAMES, SEQUENCE), 0), (frame(IMAGE, SEQUENCE), 1)])
def test_labels_of_video_frames_are_refused_with_what_to_export_instead(
    tmp_path: Path, content: bytes, record: int
) -> None:
    with pytest.raises(UserError) as caught:
        _read(tmp_path, content)
    message = str(caught.value)
    assert message.startswith(f"train channel, train_0, record {record}: expected an image or its bounding boxes, ")
    assert "(SeqLabel)" in message
    assert "one line for each frame" in message


def test_a_size_that_is_not_told_is_that_of_the_image(tmp_path: Path) -> None:
    annotation = b'{"annotations": [{"class_id": 0, "left": 8, "top": 4, "width": 8, "height": 4}]}'
    (sample,) = _read(tmp_path, frame(IMAGE, annotation))
    np.testing.assert_allclose(sample.objects, [[0, 0.1, 0.1, 0.2, 0.2, 0]])


def test_a_count_of_labels_that_looks_like_the_first_byte_of_json_is_none(tmp_path: Path) -> None:
    rows = [2, 5, *[0, 0.25, 0.25, 0.75, 0.75] * 24, 0]  # 123 numbers, and 123 is an opening brace
    payload = (123).to_bytes(4, "little") + bytes(20) + np.array([3, *rows[1:2], 0, *rows[2:-1]], "<f4").tobytes()
    (sample,) = _read(tmp_path, frame(payload + IMAGE), wrapped=False)
    assert len(sample.objects) == 24
    assert sample.image == IMAGE


def test_boxes_are_measured_by_the_image_and_another_size_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    annotation = _annotation((0, 8, 4, 8, 4), image_size=[{"width": 160, "height": 80, "depth": 3}])
    with caplog.at_level(logging.WARNING):
        (sample,) = _read(tmp_path, frame(IMAGE, annotation))
    np.testing.assert_allclose(sample.objects, [[0, 0.1, 0.1, 0.2, 0.2, 0]])
    assert caplog.messages == [
        (
            "train channel, train_0: 1 annotations give another image_size than their image has, "
            "by which their boxes are measured"
        )
    ]
