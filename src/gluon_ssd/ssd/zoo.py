"""Classifiers of GluonCV's model zoo as graphs.

A network that can be run on symbols, as all of its classifiers can, needs no more than its name here.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

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
    with quiet_without_pytorch():
        from gluoncv.model_zoo import get_model  # noqa: PLC0415 - jobs with other networks need not wait for it
    return get_model(model, prefix="")


@contextmanager
def quiet_without_pytorch() -> Iterator[None]:
    """Let GluonCV be imported where PyTorch is installed, of which it refuses all versions from 2 on."""
    hidden = sys.modules.get("torch")
    sys.modules["torch"] = None  # type: ignore[assignment] # which makes its import fail
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it uses names that its own dependencies have since renamed
            yield
    finally:
        del sys.modules["torch"]
        if hidden is not None:
            sys.modules["torch"] = hidden
