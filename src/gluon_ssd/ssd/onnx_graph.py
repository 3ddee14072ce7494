"""The detector as an ONNX model: stored pixels in, detections out."""

from collections.abc import Mapping

import mxnet as mx
import numpy as np
from mxnet.onnx.mx2onnx._export_onnx import MXNetGraph
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from gluon_ssd.errors import AlgorithmError
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.base_networks import ONES
from gluon_ssd.ssd.network import SSD
from gluon_ssd.ssd.onnx_detection import detection

OPSET = 13  # that of MXNet's newest translations, which the operators of detection keep to
IR_VERSION = 8  # what any runtime of the last years reads
IMAGES, DETECTIONS = "images", "detections"
BATCH = "batch"  # a dimension without a number: any


def onnx_model(network: SSD, *, nms_threshold: float, nms_topk: int) -> ModelProto:
    """Return a network that has its parameters on the CPU as a model of any batch size.

    Its input `images` is uint8 (batch, S, S, 3), RGB as stored; mean and deviation are within. Its output `detections`
    is that of `SSD.detect`, cut after the rows that may hold one: float32 (batch, min(nms_topk, N), 6).

    Raises:
        AlgorithmError: The base network has an operator that MXNet cannot translate.
    """
    classes, boxes, _ = network.symbol
    graph = translate(mx.sym.Group([classes, boxes]), _parameters(network), network.image_shape)
    predictions = [value.name for value in graph.output]
    anchors = _anchors(network)
    tail, constants = detection(
        anchors, num_classes=network.num_classes, nms_threshold=nms_threshold, nms_topk=nms_topk
    )
    names = dict(zip(("classes", "boxes"), predictions, strict=True))
    nodes = [*_normalize(network, graph.initializer), *graph.node, *_renamed(tail.node, names)]
    graph.initializer.extend(constants)
    side, rows = network.image_shape, min(nms_topk, len(anchors))
    made = helper.make_graph(
        nodes,
        "gluon-ssd",
        [_value(IMAGES, TensorProto.UINT8, (BATCH, side, side, 3))],
        [_value(DETECTIONS, TensorProto.FLOAT, (BATCH, rows, 6))],
        graph.initializer,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def translate(symbol: mx.sym.Symbol, parameters: Mapping[str, mx.nd.NDArray], side: int) -> GraphProto:
    """Return a function of `data` (any number, 3, side, side) in ONNX, by MXNet's own translation.

    Raises:
        AlgorithmError: It has an operator that MXNet cannot translate.
    """
    shapes = {name: array.shape for name, array in parameters.items()}
    inputs = [shapes.get(name, (1, 3, side, side)) for name in symbol.list_inputs()]
    any_batch = [shapes.get(name, (BATCH, 3, side, side)) for name in symbol.list_inputs()]
    try:
        # Not mx.onnx.export_model, which writes a file, and lines into the job's log. And the parameters as inputs: as
        # such it would make a Python number of each of their values, for 5 seconds.
        graph: GraphProto = MXNetGraph().create_onnx_graph_proto(
            symbol,
            {},
            in_shapes=inputs,
            in_types=[TensorProto.FLOAT] * len(inputs),
            opset_version=OPSET,
            dynamic=True,
            dynamic_input_shapes=any_batch,
        )
    except (AttributeError, NotImplementedError) as error:
        raise AlgorithmError(f"ONNX: expected operators that MXNet translates, got: {error}") from error
    graph.initializer.extend(numpy_helper.from_array(array.asnumpy(), name) for name, array in parameters.items())
    return graph


def _parameters(network: SSD) -> dict[str, mx.nd.NDArray]:
    arguments, states = weights.snapshot(network)
    # MXNet takes these for one whatever their values are; its translation does not.
    for name in weights.fixed_gammas(network.symbol):
        arguments[name][:] = 1
    return {**arguments, **states}


def _anchors(network: SSD) -> NDArray[np.float32]:
    image = mx.nd.zeros((1, network.image_shape, network.image_shape, 3), dtype=np.uint8)
    anchors: NDArray[np.float32] = network(image)[2].asnumpy()[0]
    return anchors


def _normalize(network: SSD, constants: "list[TensorProto]") -> list[NodeProto]:
    """Return the nodes that make the network's `data` from `images`, and add their constants."""
    nodes, last = [helper.make_node("Cast", [IMAGES], ["pixels"], to=TensorProto.FLOAT)], "pixels"
    for operator, name, values, neutral in (
        ("Sub", "input_mean", network.input_mean, (0.0, 0.0, 0.0)),
        ("Div", "input_std", network.input_std, ONES),
    ):
        if tuple(values) != neutral:
            constants.append(numpy_helper.from_array(np.array(values, np.float32), name))
            nodes.append(helper.make_node(operator, [last, name], [f"pixels_by_{name}"]))
            last = f"pixels_by_{name}"
    return [*nodes, helper.make_node("Transpose", [last], ["data"], perm=[0, 3, 1, 2])]


def _renamed(nodes: "list[NodeProto]", names: Mapping[str, str]) -> list[NodeProto]:
    """Return the nodes with inputs called as `names` say."""
    for node in nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
    return list(nodes)


def _value(name: str, kind: int, shape: tuple[str | int, ...]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
