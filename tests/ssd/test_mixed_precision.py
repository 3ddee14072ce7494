import json
from collections.abc import Iterator
from typing import Any

import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from bfloat16_here import needs_bfloat16
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.base_networks import BASE_NETWORKS
from gluon_ssd.ssd.mixed_precision import MixedPrecision, mixed
from gluon_ssd.ssd.network import SSD


def with_casts(symbol: mx.sym.Symbol) -> list[dict[str, Any]]:
    """Return the nodes of a graph with its casts, which MXNet leaves out of what it writes unless asked."""
    nodes: list[dict[str, Any]] = json.loads(symbol.tojson(remove_amp_cast=False))["nodes"]
    return nodes


def types_of_first_inputs(nodes: list[dict[str, Any]], operator: str) -> Iterator[tuple[str, str]]:
    """The names of the nodes with this operator, and what type the cast that feeds each of them makes."""
    for node in nodes:
        if node["op"] == operator:
            feeding = nodes[node["inputs"][0][0]]
            yield node["name"], feeding["attrs"]["dtype"] if feeding["op"] == "amp_cast" else "not cast"


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", BASE_NETWORKS)
def test_every_network_convolves_in_16_bits_and_answers_in_float32(name: str, kind: str) -> None:
    symbol = mixed(SSD(name, 2, 300).symbol, kind, 300)
    nodes = with_casts(symbol)
    weights_of = {node["name"]: nodes[node["inputs"][1][0]] for node in nodes if node["op"] == "Convolution"}
    # The last feature map has one pixel.
    in_float32 = {f"multi_feat_5_conv_3x3_relu_{head}_pred_conv" for head in ("cls", "loc")}
    assert len(weights_of) > 30
    for convolution, weight in weights_of.items():
        if convolution in in_float32:
            assert weight["op"] == "null", convolution  # as it is
        else:
            assert (weight["op"], weight["attrs"]["dtype"]) == ("amp_cast", kind), convolution
    # The types of all nodes agree.
    outputs = symbol.infer_type(**dict.fromkeys(symbol.list_arguments(), np.float32))[1]
    assert outputs == [np.float32] * 3


def test_anchors_are_made_from_float32(network: SSD) -> None:
    found = dict(types_of_first_inputs(with_casts(mixed(network.symbol, "bfloat16", 64)), "_contrib_MultiBoxPrior"))
    assert len(found) == 6
    assert set(found.values()) <= {"float32", "not cast"}
    assert list(found.values()).count("not cast") <= 3  # those whose features a convolution of a pixel made


@needs_bfloat16
def test_a_convolution_rounds_to_eight_significant_bits() -> None:
    symbol = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(1, 1), num_filter=1, no_bias=True, name="c")
    executor = mixed(symbol, "bfloat16", 2).bind(
        mx.cpu(),
        {"data": mx.nd.array([[[[1 + 2**-9, 1 + 2**-8], [1 + 2**-7, -3.001]]]]), "c_weight": mx.nd.ones((1, 1, 1, 1))},
    )
    # Halfway between two numbers goes to the even one.
    assert executor.forward()[0].asnumpy().tolist() == [[[[1, 1], [1 + 2**-7, -3.0]]]]


@pytest.fixture(scope="module")
def network() -> SSD:
    network = SSD("resnet-18", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    return network


def gradients(
    network: SSD, predict: SSD | MixedPrecision
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Return predictions for two random images, and what the parameters get of the sum of their squares."""
    images = mx.nd.array(np.random.default_rng(5).integers(0, 256, (2, 64, 64, 3)), dtype=np.uint8)
    left = [mx.nd.full((2**size,), np.nan) for size in range(8, 20)]  # in memory that is given out again
    mx.nd.waitall()
    del left
    with mx.autograd.record():
        classes, boxes, anchors = predict(images)
        total = (classes * classes).sum() + (boxes * boxes).sum()
    total.backward()
    np.testing.assert_array_equal(anchors.asnumpy(), network(images)[2].asnumpy())
    learning = {name: parameter for name, parameter in network.parameters.items() if parameter.grad_req != "null"}
    return classes.asnumpy(), {name: parameter.grad().asnumpy() for name, parameter in learning.items()}


@needs_bfloat16
def test_predictions_and_gradients_are_those_of_float32_but_for_rounding(network: SSD) -> None:
    classes, expected = gradients(network, network)
    lowered, found = gradients(network, MixedPrecision(network, "bfloat16"))
    assert lowered.dtype == np.float32
    apart = np.linalg.norm(lowered - classes) / np.linalg.norm(classes)
    assert 2**-9 < apart < 0.1  # twenty layers, each off by up to 2**-9
    for name, gradient in found.items():
        assert gradient.dtype == np.float32
        assert np.isfinite(gradient).all(), name
    heads = [name for name in found if name.startswith("_plus") and name.endswith("pred_conv_weight")]
    assert len(heads) == 4
    for name in heads:
        np.testing.assert_allclose(found[name], expected[name], atol=0.1 * np.abs(expected[name]).max())


@needs_bfloat16
def test_weights_beside_a_map_of_one_pixel_get_no_gradient(network: SSD) -> None:
    found = gradients(network, MixedPrecision(network, "bfloat16"))[1]["multi_feat_5_conv_3x3_conv_weight"]
    assert np.abs(found).max(axis=(0, 1))[1, 1] > 0
    found[:, :, 1, 1] = 0
    assert not found.any()


@needs_bfloat16
def test_the_network_itself_and_what_is_saved_stay_as_they_were(network: SSD) -> None:
    saved = network.training_symbol(nms_threshold=0.45, nms_topk=400).tojson(remove_amp_cast=False)
    before, _ = gradients(network, network)
    gradients(network, MixedPrecision(network, "bfloat16"))
    after, _ = gradients(network, network)
    np.testing.assert_array_equal(before, after)
    assert network.training_symbol(nms_threshold=0.45, nms_topk=400).tojson(remove_amp_cast=False) == saved
    assert "amp_cast" not in saved
