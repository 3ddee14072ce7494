import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.errors import UserError
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD, found


@pytest.fixture(scope="module")
def network() -> SSD:
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    return network


def photographs(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def predict_with_executor(network: SSD, data: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    arg_params, aux_params = weights.snapshot(network)
    arguments = {"data": mx.nd.array(data), **arg_params}
    executor = network.symbol.bind(mx.cpu(), arguments, aux_states=aux_params, grad_req="null")
    return [output.asnumpy() for output in executor.forward(is_train=False)]


def test_predictions_are_those_of_the_bare_graph(network: SSD, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")  # its fused operators round differently
    images = photographs(2)
    expected = predict_with_executor(network, images.transpose(0, 3, 1, 2).astype(np.float32))
    classes, boxes, anchors = network(mx.nd.array(images, dtype=np.uint8))
    assert (classes.shape, boxes.shape, anchors.shape) == ((2, 3, 108), (2, 432), (1, 108, 4))
    np.testing.assert_array_equal(classes.asnumpy(), expected[0])
    np.testing.assert_array_equal(boxes.asnumpy(), expected[1])
    np.testing.assert_array_equal(anchors.asnumpy(), expected[2])


def test_input_mean_is_subtracted_from_red_green_and_blue(network: SSD, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")
    shifted = SSD("resnet-50", 2, 64, input_mean=(123, 117, 104))
    weights.restore(shifted, [mx.cpu()], *weights.snapshot(network))
    images = photographs(1)
    data = images.astype(np.float32)
    data[..., 0] -= 123
    data[..., 1] -= 117
    data[..., 2] -= 104
    expected = predict_with_executor(shifted, data.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(shifted(mx.nd.array(images, dtype=np.uint8))[0].asnumpy(), expected[0])


def test_pixels_are_divided_by_the_input_deviation(network: SSD, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")
    scaled = SSD("resnet-50", 2, 64, input_mean=(10, 20, 30), input_std=(2, 4, 8))
    weights.restore(scaled, [mx.cpu()], *weights.snapshot(network))
    images = photographs(1)
    data = images.astype(np.float32)
    data[..., 0] = (data[..., 0] - 10) / 2
    data[..., 1] = (data[..., 1] - 20) / 4
    data[..., 2] = (data[..., 2] - 30) / 8
    expected = predict_with_executor(scaled, data.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(scaled(mx.nd.array(images, dtype=np.uint8))[0].asnumpy(), expected[0])


def test_a_smaller_batch_may_follow(network: SSD) -> None:
    images = photographs(3)
    together = network(mx.nd.array(images, dtype=np.uint8))[0].asnumpy()
    alone = network(mx.nd.array(images[2:], dtype=np.uint8))[0].asnumpy()
    np.testing.assert_allclose(together[2:], alone, rtol=1e-4, atol=1e-4)


def test_base_networks_have_the_means_they_were_trained_with() -> None:
    assert SSD("vgg-16", 1, 300).input_mean == (123, 117, 104)
    assert SSD("resnet-50", 1, 300).input_mean == (0, 0, 0)


def test_detections_decode_the_anchors_with_the_offsets(network: SSD) -> None:
    images = mx.nd.array(photographs(1), dtype=np.uint8)
    rows = network.detect(images, nms_threshold=1.0, nms_topk=-1).asnumpy()[0]
    classes, boxes, anchors = (output.asnumpy()[0] for output in network(images))
    assert rows.shape == (108, 6)
    exponentials = np.exp(classes - classes.max(axis=0))
    scores = exponentials / exponentials.sum(axis=0)
    best = int(scores[1:].max(axis=0).argmax())
    left, top, right, bottom = anchors[best]
    dx, dy, dw, dh = boxes.reshape(-1, 4)[best]
    x = (left + right) / 2 + dx * 0.1 * (right - left)
    y = (top + bottom) / 2 + dy * 0.1 * (bottom - top)
    width, height = np.exp(dw * 0.2) * (right - left), np.exp(dh * 0.2) * (bottom - top)
    corners = np.clip([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 0, 1)
    expected = [scores[1:, best].argmax(), scores[1:, best].max(), *corners]
    np.testing.assert_allclose(rows[0], expected, rtol=1e-4, atol=1e-5)


def test_detections_of_one_class_overlap_no_more_than_the_threshold(network: SSD) -> None:
    images = mx.nd.array(photographs(1), dtype=np.uint8)
    few = found(network.detect(images, nms_threshold=0.3, nms_topk=400).asnumpy()[0])
    many = found(network.detect(images, nms_threshold=1.0, nms_topk=400).asnumpy()[0])
    assert 0 < len(few) < len(many)
    for index, row in enumerate(few):
        for other in few[:index]:
            assert row[0] != other[0] or not overlap_above(0.3, row[2:], other[2:])


def overlap_above(threshold: float, a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    # Boxes may be clipped to nothing, so that there is no quotient.
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return bool(shared > (threshold + 1e-5) * both)


def test_found_leaves_out_empty_rows_and_sorts_by_score() -> None:
    rows = np.array([[1, 0.2, 0, 0, 1, 1], [-1, 0.9, 0, 0, 1, 1], [0, 0.6, 0, 0, 1, 1]], np.float32)
    assert found(rows)[:, :2].tolist() == [[0, np.float32(0.6)], [1, np.float32(0.2)]]


def test_a_detector_needs_a_class() -> None:
    with pytest.raises(UserError, match=r"^num_classes: expected at least 1, got 0$"):
        SSD("resnet-50", 0, 64)
