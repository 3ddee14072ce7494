"""Detection in ONNX, held to MXNet's own operator."""

import mxnet as mx
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, checker, helper

from gluon_ssd.ssd.graph import VARIANCES
from gluon_ssd.ssd.onnx_detection import detection

CLASSES, ANCHORS = 3, 40

Rows = NDArray[np.float32]


def anchors(seed: int = 5) -> Rows:
    """40 boxes about 10 places, some beyond the image."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(rng.uniform(0.1, 0.9, (ANCHORS // 4, 2)), 4, axis=0)
    sizes = rng.uniform(0.2, 0.5, (ANCHORS, 2))
    return np.hstack([centers - sizes / 2, centers + sizes / 2]).astype(np.float32)


def predictions(images: int, *, background: float = 0.0) -> tuple[Rows, Rows]:
    rng = np.random.default_rng(6)
    classes = rng.normal(0, 2, (images, CLASSES + 1, ANCHORS)).astype(np.float32)
    classes[:, 0] += background
    return classes, rng.normal(0, 1, (images, ANCHORS * 4)).astype(np.float32)


def by_onnx(classes: Rows, boxes: Rows, *, nms_threshold: float, nms_topk: int) -> Rows:
    graph, constants = detection(
        anchors(), num_classes=classes.shape[1] - 1, nms_threshold=nms_threshold, nms_topk=nms_topk
    )
    inputs = [
        helper.make_tensor_value_info("classes", TensorProto.FLOAT, ("batch", *classes.shape[1:])),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ("batch", boxes.shape[1])),
    ]
    outputs = [helper.make_tensor_value_info("detections", TensorProto.FLOAT, ("batch", None, 6))]
    made = helper.make_graph(graph.node, "detection", inputs, outputs, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (rows,) = session.run(None, {"classes": classes, "boxes": boxes})
    return np.asarray(rows)


def by_mxnet(classes: Rows, boxes: Rows, *, nms_threshold: float, nms_topk: int) -> Rows:
    rows = mx.nd.contrib.MultiBoxDetection(
        mx.nd.SoftmaxActivation(mx.nd.array(classes), mode="channel"),
        mx.nd.array(boxes),
        mx.nd.array(anchors()[np.newaxis]),
        variances=VARIANCES,
        nms_threshold=nms_threshold,
        nms_topk=nms_topk,
        force_suppress=False,
    )
    return np.asarray(rows.asnumpy()[:, : min(nms_topk, ANCHORS)])


def assert_equal(found: Rows, expected: Rows) -> None:
    """Equal row by row, the classes exactly; what a row without an object holds besides does not count."""
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found[..., 0], expected[..., 0])
    is_object = expected[..., 0] >= 0
    np.testing.assert_allclose(found[is_object], expected[is_object], rtol=0, atol=1e-6)


@pytest.mark.parametrize("images", [1, 2, 5])
@pytest.mark.parametrize("nms_topk", [7, ANCHORS, 400])
@pytest.mark.parametrize("nms_threshold", [0.2, 0.45, 1.0])
def test_detections_are_those_of_mxnet(images: int, nms_topk: int, nms_threshold: float) -> None:
    given = predictions(images)
    expected = by_mxnet(*given, nms_threshold=nms_threshold, nms_topk=nms_topk)
    assert (expected[..., 0] >= 0).any()
    assert_equal(by_onnx(*given, nms_threshold=nms_threshold, nms_topk=nms_topk), expected)


def test_few_boxes_score_enough() -> None:
    given = predictions(2, background=9)
    expected = by_mxnet(*given, nms_threshold=0.45, nms_topk=400)
    assert 0 < (expected[..., 0] >= 0).sum() < ANCHORS
    assert_equal(by_onnx(*given, nms_threshold=0.45, nms_topk=400), expected)


def test_no_box_scores_enough() -> None:
    given = predictions(2, background=60)
    assert (by_mxnet(*given, nms_threshold=0.45, nms_topk=400)[..., 0] == -1).all()
    assert (by_onnx(*given, nms_threshold=0.45, nms_topk=400)[..., 0] == -1).all()


def test_of_equal_scores_the_first_anchor_goes_first() -> None:
    classes, boxes = predictions(2)
    classes[:] = classes[:, :, :1]
    expected = by_mxnet(classes, boxes, nms_threshold=0.45, nms_topk=9)
    assert_equal(by_onnx(classes, boxes, nms_threshold=0.45, nms_topk=9), expected)


def test_a_single_class() -> None:
    classes, boxes = predictions(3)
    classes = np.ascontiguousarray(classes[:, :2])
    expected = by_mxnet(classes, boxes, nms_threshold=0.45, nms_topk=20)
    assert set(expected[..., 0].ravel()) == {-1, 0}
    assert_equal(by_onnx(classes, boxes, nms_threshold=0.45, nms_topk=20), expected)


def test_a_box_that_overlaps_a_better_one_by_just_the_threshold_is_dropped() -> None:
    classes, _ = predictions(1)
    classes = np.repeat(classes[:, :, :1], ANCHORS, axis=2)  # all of one class
    identical = np.zeros((1, ANCHORS * 4), np.float32)
    identical[0, 2::4] = identical[0, 3::4] = 90  # each fills the image: IoU 1
    expected = by_mxnet(classes, identical, nms_threshold=1.0, nms_topk=400)
    assert (expected[..., 0] >= 0).sum() == 1
    assert_equal(by_onnx(classes, identical, nms_threshold=1.0, nms_topk=400), expected)
