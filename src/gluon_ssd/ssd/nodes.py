"""The nodes of a graph, one by one, as MXNet writes them into a symbol file."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import mxnet as mx


class Node(NamedTuple):
    """An operator, or a variable, whose `operator` is `null`.

    `settings` are what the graph says of the operator, as text; `inputs` are the names of other nodes, in order.
    """

    operator: str
    name: str
    settings: Mapping[str, str]
    inputs: tuple[str, ...]


def nodes(symbol: mx.sym.Symbol) -> list[Node]:
    """Return all nodes that the symbol's outputs need, each after its inputs."""
    written = json.loads(symbol.tojson())["nodes"]
    return [
        Node(
            node["op"],
            node["name"],
            node.get("attrs", {}),
            tuple(written[number]["name"] for number, *_ in node["inputs"]),
        )
        for node in written
    ]
