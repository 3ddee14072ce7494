"""Checkpoints that MXNet itself has written from an independent build of the built-in algorithm's graph."""

import json
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd import artifact
from gluon_ssd.mxnet_network import MXNetNetwork
from ssd import ancestor

Outputs = list[NDArray[np.float32]]
PREDICTIONS = ["multibox_cls_pred_output", "multibox_loc_pred_output", "multibox_anchors_output", "det_out_output"]
MEANS = {"vgg-16": (123, 117, 104), "resnet-50": (0, 0, 0)}


def random_parameters(symbol: mx.sym.Symbol, image_shape: int) -> dict[str, mx.nd.NDArray]:
    """Weights that keep signals in a range in which detections have all kinds of scores."""
    rng = np.random.default_rng(8)
    arguments, _, states = symbol.infer_shape(data=(1, 3, image_shape, image_shape), label=(1, 1, 5))
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    shapes = dict(zip(names, arguments + states, strict=True))
    drawn = {name: draw(name, shape, rng) for name, shape in shapes.items() if name not in {"data", "label"}}
    return {name: mx.nd.array(values) for name, values in drawn.items()}


def draw(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    if name.startswith("bn_data_moving"):  # raw pixels
        return np.full(shape, 4000 if name.endswith("var") else 118, np.float32)
    if name.endswith(("gamma", "moving_var")):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    deviation = (2 / np.prod(shape[1:])) ** 0.5 if name.endswith("weight") else 0.1
    return rng.standard_normal(shape, np.float32) * np.float32(deviation)


def write_checkpoint(folder: Path, base_network: str, image_shape: int) -> None:
    symbol = ancestor.training_graph(base_network, 3, image_shape)
    parameters = random_parameters(symbol, image_shape)
    aux_params = {name: parameters.pop(name) for name in symbol.list_auxiliary_states()}
    mx.model.save_checkpoint(str(folder / "model_algo_1"), 0, symbol, parameters, aux_params)
    settings = {"base_network": base_network, "num_classes": "3", "image_shape": str(image_shape)}
    (folder / "hyperparams.json").write_text(json.dumps(settings))


def outputs_of_mxnet(folder: Path, pixels: NDArray[np.uint8], mean: tuple[int, int, int]) -> Outputs:
    symbol, arg_params, aux_params = mx.model.load_checkpoint(str(folder / "model_algo_1"), 0)
    internals = symbol.get_internals()
    data = (pixels.astype(np.float32) - np.array(mean, np.float32)).transpose(0, 3, 1, 2)
    arguments = {"data": mx.nd.array(data), "label": -mx.nd.ones((1, 1, 5)), **arg_params}
    group = mx.sym.Group([internals[name] for name in PREDICTIONS])
    executor = group.bind(mx.cpu(), arguments, aux_states=aux_params, grad_req="null")
    return [output.asnumpy() for output in executor.forward(is_train=False)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base_network", "image_shape"),
    [("vgg-16", 300), ("vgg-16", 333), ("vgg-16", 512), ("resnet-50", 300), ("resnet-50", 512)],
)
def test_a_checkpoint_of_the_built_in_predicts_what_it_did_to_the_bit(
    base_network: str, image_shape: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")  # its fused operators round differently
    write_checkpoint(tmp_path, base_network, image_shape)
    pixels = np.random.default_rng(9).integers(0, 256, (1, image_shape, image_shape, 3), dtype=np.uint8)
    classes, boxes, anchors, rows = outputs_of_mxnet(tmp_path, pixels, MEANS[base_network])

    network = MXNetNetwork(artifact.read(tmp_path), mx.cpu()).ssd
    images = mx.nd.array(pixels, dtype=np.uint8)
    for ours, theirs in zip(network(images), (classes, boxes, anchors), strict=True):
        assert theirs.std() > 0
        np.testing.assert_array_equal(ours.asnumpy(), theirs)
    detections = network.detect(images, nms_threshold=0.45, nms_topk=400).asnumpy()
    assert 100 < (rows[..., 0] >= 0).sum() <= 400
    np.testing.assert_allclose(detections, rows, rtol=0, atol=1e-5)
