"""Classifiers of GluonCV's model zoo as graphs.

A network that can be run on symbols, as all of its classifiers can, needs no more than its name here.
"""

import json
import warnings

import mxnet as mx


def symbol(model: str) -> mx.sym.Symbol:
    """Return the graph of GluonCV's `model`, from `data` (B, 3, S, S) to its 1,000 classes.

    Nodes and parameters are named as in a fresh process, without the number of the network: `conv0_weight`. What the
    zoo's parameters say about their start and decay is left out, so that they follow the rules of all base networks.
    """
    # Names count what was built under the current manager, so each graph gets one of its own.
    with mx.name.NameManager():
        graph = json.loads(block(model)(mx.sym.Variable("data")).tojson())
    for node in graph["nodes"]:
        if node["op"] == "null":
            node.pop("attrs", None)
    return mx.sym.load_json(json.dumps(graph))


def block(model: str) -> mx.gluon.HybridBlock:
    """Return GluonCV's `model` without parameters, its layers numbered by the current name manager."""
    with warnings.catch_warnings():
        # It warns where PyTorch is installed, too, and of names that numpy has since renamed.
        warnings.simplefilter("ignore")
        from gluoncv.model_zoo import get_model  # noqa: PLC0415 - jobs with other networks need not wait for it
    return get_model(model, prefix="")
