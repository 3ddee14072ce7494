import json
from dataclasses import asdict
from pathlib import Path

import mxnet as mx
import onnx
import pytest
from onnx import helper

from gluon_ssd.description import Description
from gluon_ssd.errors import UserError
from gluon_ssd.onnx_network import OnnxNetwork
from gluon_ssd.ssd import onnx_graph, weights
from gluon_ssd.ssd.network import SSD

DESCRIPTION = Description("mobilenet-0.25", 2, 64, (1.0, 2.0, 3.0), class_names=("cat", "dog"))


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    network = SSD("mobilenet-0.25", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    return onnx_graph.onnx_model(network, nms_threshold=0.45, nms_topk=9)


def write(model: onnx.ModelProto, path: Path, **properties: object) -> Path:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    helper.set_model_props(copy, {name: json.dumps(value) for name, value in properties.items()})
    path.write_bytes(copy.SerializeToString())
    return path


def test_the_properties_describe_the_model(tmp_path: Path, model: onnx.ModelProto) -> None:
    assert OnnxNetwork(write(model, tmp_path / "m.onnx", **asdict(DESCRIPTION))).description == DESCRIPTION


def test_a_model_from_elsewhere_is_refused(tmp_path: Path, model: onnx.ModelProto) -> None:
    path = write(model, tmp_path / "m.onnx", author="somebody")
    with pytest.raises(UserError) as caught:
        OnnxNetwork(path)
    assert str(caught.value) == f"model, {path}: expected an ONNX file of `gluon-ssd export`, got one from elsewhere"


def test_properties_that_are_missing_are_named(tmp_path: Path, model: onnx.ModelProto) -> None:
    path = write(model, tmp_path / "m.onnx", base_network="resnet-50", num_classes=2)
    with pytest.raises(UserError) as caught:
        OnnxNetwork(path)
    assert str(caught.value) == f"model, {path}: expected a description with image_shape, input_mean, got one without"


def test_properties_that_are_those_of_another_graph_are_refused(tmp_path: Path, model: onnx.ModelProto) -> None:
    path = write(model, tmp_path / "m.onnx", **(asdict(DESCRIPTION) | {"image_shape": 128}))
    with pytest.raises(UserError, match=r"with \[\('images', 'tensor\(uint8\)', 128, 128, 3\).* got one with .* 64,"):
        OnnxNetwork(path)
