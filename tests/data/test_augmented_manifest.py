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
        with pytest.raises(
            UserError, match=r"^train channel: expected an object in at least one image, got 2 without$"
        ):
            next(samples)


def test_an_image_is_named_by_its_record(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path)
    with served(tmp_path / "train", [frame(IMAGE, _annotation((0, 0, 0, 8, 4)))]):
        list(pipe.passage(0))
    assert pipe.where(Place(0, 41)) == "train channel, train_0, record 82"


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
