"""The whole detector in ONNX, run by ONNX Runtime beside MXNet."""

import cv2
import mxnet as mx
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, checker

from detections_compared import assert_same_detections
from gluon_ssd.data.loading import Batch
from gluon_ssd.errors import AlgorithmError
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD, found
from gluon_ssd.ssd.onnx_graph import onnx_model, translate
from gluon_ssd.tools.scenes import CLASS_NAMES, MOST_OBJECTS, paint_scene
from gluon_ssd.training.learner import Learner

# Of scores and of corners: the order of sums differs. Classes are equal.
TOLERANCE = 2e-5


def network(base_network: str, side: int, *, std: float = 1.0, steps: int = 0) -> SSD:
    """A network that has learned a little, or nothing; its gammas that are fixed are not 1, which must not count."""
    ssd = SSD(base_network, len(CLASS_NAMES), side, input_mean=(120.0, 110.0, 100.0), input_std=(std, std + 2, std + 4))
    weights.initialize(ssd, [mx.cpu()], seed=3)
    for name, parameter in ssd.parameters.items():
        if name == "bn_data_gamma":
            parameter.set_data(mx.nd.array([7.0, 8.0, 9.0]))
        if name.endswith(("_moving_mean", "_running_mean")):
            parameter.set_data(mx.nd.full(parameter.shape, 0.1))
        if name.endswith(("_moving_var", "_running_var")):
            parameter.set_data(mx.nd.full(parameter.shape, 3.0))
    learner = Learner(ssd, mx.optimizer.create("adam", learning_rate=0.001), [mx.cpu()])
    assert learner.train(scenes(4, side, first=4 * step) for step in range(steps)).batches == steps
    return ssd


def scenes(count: int, side: int, *, first: int = 100) -> Batch:
    """Drawn scenes that look like photographs, each another, and their objects."""
    images = np.zeros((count, side, side, 3), np.uint8)
    objects = -np.ones((count, MOST_OBJECTS, 6), np.float32)
    for number in range(count):
        scene, rows = paint_scene(np.random.default_rng([first + number]))
        images[number] = cv2.resize(scene, (side, side), interpolation=cv2.INTER_AREA)
        objects[number, : len(rows)] = rows
    return Batch(images, objects)


def assert_runs_as_in_mxnet(ssd: SSD, model: ModelProto, batches: list[NDArray[np.uint8]], nms_topk: int) -> None:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in batches:
        (rows,) = session.run(["detections"], {"images": batch})
        expected = ssd.detect(mx.nd.array(batch, dtype=np.uint8), nms_threshold=0.45, nms_topk=nms_topk).asnumpy()
        for ours, theirs in zip(rows, expected, strict=True):
            assert len(found(theirs)) > 2
            assert_same_detections(found(ours), found(theirs), atol=TOLERANCE)


@pytest.mark.slow
def test_resnet_detects_as_in_mxnet() -> None:
    ssd = network("resnet-50", 96, std=2.0, steps=4)
    model = onnx_model(ssd, nms_threshold=0.45, nms_topk=20)
    checker.check_model(model, full_check=True)
    values = [*model.graph.input, *model.graph.output]
    shapes = [[size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim] for value in values]
    assert [value.name for value in values] == ["images", "detections"]
    assert shapes == [["batch", 96, 96, 3], ["batch", 20, 6]]
    images = scenes(3, 96).images
    assert_runs_as_in_mxnet(ssd, model, [images[:1], images], nms_topk=20)


@pytest.mark.slow
@pytest.mark.parametrize("base_network", ["resnet-18", "mobilenet-0.25", "mobilenetv2-1.0"])
def test_further_base_networks_detect_as_in_mxnet(base_network: str) -> None:
    ssd = network(base_network, 64, std=60.0, steps=2)
    model = onnx_model(ssd, nms_threshold=0.45, nms_topk=50)
    assert_runs_as_in_mxnet(ssd, model, [scenes(2, 64).images], nms_topk=50)


@pytest.mark.slow
def test_vgg_detects_as_in_mxnet() -> None:
    ssd = network("vgg-16", 300)
    model = onnx_model(ssd, nms_threshold=0.45, nms_topk=400)
    assert_runs_as_in_mxnet(ssd, model, [scenes(1, 300).images], nms_topk=400)


def test_an_operator_that_onnx_does_not_have_is_named() -> None:
    symbol = mx.sym.contrib.MultiBoxPrior(mx.sym.Variable("data"), sizes="(0.5)", ratios="(1)")
    with pytest.raises(AlgorithmError, match=r"^ONNX: expected operators that MXNet translates, got: .*MultiBoxPrior"):
        translate(symbol, {}, 64)
