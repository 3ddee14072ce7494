import json
from pathlib import Path

import mxnet as mx
import pytest

from gluon_ssd.ssd import graph
from ssd import ancestor

TABLES = Path(__file__).parent / "parameters"


def training_graph(base_network: str, image_shape: int, *, num_classes: int = 20) -> mx.sym.Symbol:
    heads = graph.heads(base_network, num_classes, image_shape)
    return graph.training_graph(heads, nms_threshold=0.45, nms_topk=400)


@pytest.mark.parametrize(
    ("base_network", "image_shape", "table"),
    [
        ("vgg-16", 300, "vgg16_reduced_300"),
        ("vgg-16", 512, "vgg16_reduced_512"),
        ("resnet-50", 300, "resnet50_300"),
        ("resnet-50", 512, "resnet50_512"),
    ],
)
def test_parameters_are_those_of_the_built_in_algorithm(base_network: str, image_shape: int, table: str) -> None:
    symbol = training_graph(base_network, image_shape)
    arguments, _, states = symbol.infer_shape(data=(1, 3, image_shape, image_shape), label=(1, 58, 6))
    lines = [f"arg {name} {shape}" for name, shape in zip(symbol.list_arguments(), arguments, strict=True)]
    lines += [f"aux {name} {shape}" for name, shape in zip(symbol.list_auxiliary_states(), states, strict=True)]
    assert lines == (TABLES / f"{table}.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("base_network", "image_shape"),
    [("vgg-16", 300), ("vgg-16", 333), ("vgg-16", 512), ("resnet-50", 300), ("resnet-50", 333), ("resnet-50", 512)],
)
def test_the_symbol_file_is_that_of_an_independent_build_node_for_node(base_network: str, image_shape: int) -> None:
    ours = json.loads(training_graph(base_network, image_shape).tojson())
    theirs = json.loads(ancestor.training_graph(base_network, 20, image_shape).tojson())
    for number, node in enumerate(theirs["nodes"]):
        assert ours["nodes"][number] == node  # operator, name, attributes and inputs
    assert ours == theirs


def test_training_graph_has_the_four_outputs_of_the_built_in_algorithm() -> None:
    symbol = training_graph("resnet-50", 300)
    shapes = symbol.infer_shape(data=(2, 3, 300, 300), label=(2, 7, 5))[1]
    assert dict(zip(symbol.list_outputs(), shapes, strict=True)) == {
        "cls_prob_output": (2, 21, 2268),
        "loc_loss_output": (2, 9072),
        "cls_label_output": (2, 2268),
        "det_out_output": (2, 2268, 6),
    }


def test_resnet_graph_has_as_many_nodes_as_a_file_of_the_built_in_algorithm() -> None:
    nodes = json.loads(training_graph("resnet-50", 512).tojson())["nodes"]
    names = {node["name"] for node in nodes}
    assert len(nodes) == len(names) == 544
    assert names >= {"id", "pooling0", "_plus0", "_plus12", "_plus15", "transpose11", "flatten1", "flatten18"}
    assert names >= {"concat0", "concat1", "reshape0", "_minus0", "_mul0", "loc_loss_", "detection", "det_out"}


def test_node_attributes_are_written_as_the_built_in_algorithm_writes_them() -> None:
    attributes = training_graph("vgg-16", 300).attr_dict()
    assert attributes["relu7_anchors"] == {
        "clip": "False",
        "ratios": "(1,2,0.5,3,0.333333333333)",
        "sizes": "(0.2,0.272029)",
        "steps": "(0.05333333333333334, 0.05333333333333334)",
    }
    assert attributes["detection"] == {
        "force_suppress": "False",
        "nms_threshold": "0.45",
        "nms_topk": "400",
        "variances": "(0.1, 0.1, 0.2, 0.2)",
    }
    assert (
        attributes["relu4_3_scale"].items()
        >= {
            "__init__": '["constant", {"value": 20}]',
            "__shape__": "(1, 512, 1, 1)",
            "__wd_mult__": "0.1",
        }.items()
    )


def test_a_graph_is_the_same_whatever_was_built_before() -> None:
    first = training_graph("resnet-50", 64).tojson()
    training_graph("vgg-16", 300)
    assert training_graph("resnet-50", 64).tojson() == first


def test_deploy_graph_has_the_parameters_of_the_training_graph_and_only_detects() -> None:
    heads = graph.heads("resnet-50", 20, 300)
    symbol = graph.deploy_graph(heads, nms_threshold=0.45, nms_topk=400)
    training = graph.training_graph(heads, nms_threshold=0.45, nms_topk=400)
    assert symbol.list_arguments() == [name for name in training.list_arguments() if name != "label"]
    assert symbol.list_auxiliary_states() == training.list_auxiliary_states()
    assert symbol.list_outputs() == ["detection_output"]
    assert symbol.infer_shape(data=(2, 3, 300, 300))[1] == [(2, 2268, 6)]


def test_deploy_graph_ends_in_the_nodes_of_its_ancestor() -> None:
    symbol = graph.deploy_graph(graph.heads("resnet-50", 20, 300), nms_threshold=0.3, nms_topk=50)
    nodes = {node["name"]: node for node in json.loads(symbol.tojson())["nodes"]}
    probabilities, detection = nodes["cls_prob"], list(nodes.values())[-1]
    assert probabilities["op"] == "SoftmaxActivation"
    assert probabilities["attrs"] == {"mode": "channel"}
    assert (detection["op"], detection["name"]) == ("_contrib_MultiBoxDetection", "detection")
    assert detection["attrs"] == {
        "force_suppress": "False",
        "nms_threshold": "0.3",
        "nms_topk": "50",
        "variances": "(0.1, 0.1, 0.2, 0.2)",
    }
