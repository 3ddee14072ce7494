"""How parameters start, which of them learn and how fast, and how they come and go as arrays."""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from math import prod, sqrt

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.errors import AlgorithmError, UserError
from gluon_ssd.ssd.network import SSD
from gluon_ssd.ssd.nodes import nodes

# GluonCV's networks say running where the built-in algorithm's say moving.
ZEROS = ("_bias", "_beta", "_moving_mean", "_running_mean")
ONES = ("_gamma", "_moving_var", "_running_var")


def initialize(network: SSD, devices: Sequence[mx.Context], *, seed: int) -> None:
    """Place random weights on `devices`, ready to be trained.

    Each parameter has a stream of its own, drawn on the host: it depends on the seed and its name alone, not on the
    device or on what else the network holds. Learning rates and weight decay get the multipliers that MXNet's Module
    would read from the graph.
    """
    attributes = network.symbol.attr_dict()
    still = {*network.symbol.list_auxiliary_states(), *fixed_gammas(network.symbol)}
    groups = _groups(network.symbol)
    for name, parameter in network.parameters.items():
        own = attributes.get(name, {})
        parameter.lr_mult = float(own.get("__lr_mult__", 1))
        # Module decays weights and gammas alone unless the graph says otherwise; gluon's Trainer would decay all.
        decays = name.endswith(("_weight", "_gamma"))
        parameter.wd_mult = float(own.get("__wd_mult__", decays))
        parameter.grad_req = "null" if name in still else "write"
        start = _start(name, parameter.shape, own, groups=groups.get(name, 1), seed=seed)
        _place(parameter, start, devices)


def restore(
    network: SSD,
    devices: Sequence[mx.Context],
    arg_params: Mapping[str, mx.nd.NDArray],
    aux_params: Mapping[str, mx.nd.NDArray],
) -> None:
    """Place these parameters on `devices` to detect with; they take no memory for gradients and cannot be trained.

    They are the network's, as `strict_loading.check` makes sure.
    """
    arrays = {**arg_params, **aux_params}
    for name, parameter in network.parameters.items():
        parameter.grad_req = "null"
        _place(parameter, arrays[name], devices)


def load(network: SSD, arg_params: Mapping[str, mx.nd.NDArray], aux_params: Mapping[str, mx.nd.NDArray]) -> list[str]:
    """Overwrite an initialized network's parameters by name; return the names that keep their start.

    Arrays that the network has no name for are left out, such as the classifier's end of an ImageNet model.

    Raises:
        UserError: An array has another shape than the network's parameter of that name.
    """
    arrays = {**arg_params, **aux_params}
    for name, parameter in network.parameters.items():
        if name in arrays:
            _check_shape(parameter, arrays[name])
            parameter.set_data(arrays[name].astype(np.float32))
    return [name for name in network.parameters if name not in arrays]


def snapshot(network: SSD) -> tuple[dict[str, mx.nd.NDArray], dict[str, mx.nd.NDArray]]:
    """Return copies in host memory of the arguments and the moving statistics, by name.

    The statistics of several devices are averaged, as MXNet's Module does, and equal ones stay as they are to the last
    bit; arguments are equal on all of them.
    """
    # BatchNorm writes its moving statistics without the engine making a reader wait for them.
    mx.nd.waitall()
    states = set(network.symbol.list_auxiliary_states())
    arg_params, aux_params = {}, {}
    for name, parameter in network.parameters.items():
        copies = [data.copyto(mx.cpu()) for data in parameter.list_data()]
        if name in states:
            aux_params[name] = _mean(copies)
        else:
            arg_params[name] = copies[0]
    return arg_params, aux_params


def freeze(network: SSD, pattern: str) -> list[str]:
    """Stop the parameters whose names match from learning; return their names.

    The pattern must match from the name's start, and an empty one freezes nothing. Moving statistics move on, unless
    nothing is left to learn.

    Raises:
        UserError: The pattern is no regular expression.
    """
    if not pattern.strip():
        return []
    expression = _compile(pattern)
    frozen = [name for name in argument_names(network) if expression.match(name)]
    for name in frozen:
        network.parameters[name].grad_req = "null"
    return frozen


def argument_names(network: SSD) -> list[str]:
    """Return the names of all parameters, without those of moving statistics."""
    states = set(network.symbol.list_auxiliary_states())
    return [name for name in network.parameters if name not in states]


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UserError(f"freeze_layer_pattern: expected a regular expression, got {pattern!r}: {error}") from error


def fixed_gammas(symbol: mx.sym.Symbol) -> set[str]:
    """Return the names of the gammas that BatchNorm takes as 1 whatever they hold, as it does by default."""
    return {
        node.inputs[1]
        for node in nodes(symbol)
        if node.operator == "BatchNorm" and node.settings.get("fix_gamma", "True") == "True"
    }


def _mean(copies: Sequence[mx.nd.NDArray]) -> mx.nd.NDArray:
    first = copies[0].asnumpy()
    if all(np.array_equal(first, other.asnumpy()) for other in copies[1:]):
        return copies[0]  # a third of the sum of three may differ in the last bit
    return mx.nd.add_n(*copies) / len(copies)


def _groups(symbol: mx.sym.Symbol) -> dict[str, int]:
    """Return into how many groups of channels, seen apart, each convolution's weight is divided."""
    return {
        node.inputs[1]: int(node.settings.get("num_group", 1))
        for node in nodes(symbol)
        if node.operator == "Convolution"
    }


def _start(
    name: str, shape: tuple[int, ...], attributes: Mapping[str, str], *, groups: int, seed: int
) -> NDArray[np.float32]:
    if "__init__" in attributes:
        return np.full(shape, _constant(name, attributes["__init__"]), np.float32)
    if name.endswith(ZEROS):
        return np.zeros(shape, np.float32)
    if name.endswith(ONES):
        return np.ones(shape, np.float32)
    if name.endswith("_weight"):
        return _xavier(shape, groups, np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(name.encode())])))
    raise AlgorithmError(f"parameter {name}: expected a name that says how it starts")


def _constant(name: str, initializer: str) -> float:
    """Return the value that a graph's initializer, such as '["constant", {"value": 20}]', stands for."""
    kind, settings = json.loads(initializer)
    values = {"zero": 0.0, "one": 1.0, "constant": settings.get("value")}
    if values.get(kind) is None:
        raise AlgorithmError(f"parameter {name}: expected to start from a constant, got {kind}")
    return float(values[kind])


def _xavier(shape: tuple[int, ...], groups: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a convolution's weights (out, in, height, width) as MXNet's default `Xavier()`: uniform, variance 1/fan.

    The fan is that of one group: a depthwise filter sees one channel and makes one, however many there are.
    """
    fan = (shape[0] / groups + shape[1]) / 2 * prod(shape[2:])
    width = sqrt(3 / fan)
    weights = rng.random(shape, np.float32)
    weights *= 2 * width  # in place: there are millions
    weights -= width
    return weights


def _check_shape(parameter: mx.gluon.Parameter, array: mx.nd.NDArray) -> None:
    if array.shape != parameter.shape:
        raise UserError(
            f"model: expected {parameter.name} of shape {parameter.shape}, got {array.shape}; "
            "check base_network and num_classes"
        )


def _place(
    parameter: mx.gluon.Parameter, values: NDArray[np.float32] | mx.nd.NDArray, devices: Sequence[mx.Context]
) -> None:
    parameter.initialize(init="zeros", ctx=list(devices), force_reinit=True)
    parameter.set_data(values if isinstance(values, mx.nd.NDArray) else mx.nd.array(values))
