"""Whether arrays are the parameters of a network: each of them, no other, of its shape and finite."""

from collections.abc import Mapping, Sequence

import mxnet as mx
import numpy as np

from gluon_ssd.errors import UserError
from gluon_ssd.ssd.network import SSD

_CLASS_HEAD = "_cls_pred_conv_"


def without_class_heads(arrays: Mapping[str, mx.nd.NDArray]) -> dict[str, mx.nd.NDArray]:
    """Return the parameters that do not depend on which classes there are."""
    return {name: array for name, array in arrays.items() if _CLASS_HEAD not in name}


def check(
    network: SSD,
    arg_params: Mapping[str, mx.nd.NDArray],
    aux_params: Mapping[str, mx.nd.NDArray],
    *,
    class_heads: bool = True,
) -> None:
    """Raise a UserError that holds every mistake unless these are the network's parameters.

    Args:
        network: the one that they are for.
        arg_params: those that learn.
        aux_params: the moving statistics.
        class_heads: whether those of the class heads must be among them.
    """
    states = set(network.symbol.list_auxiliary_states())
    arguments = {name: parameter for name, parameter in network.parameters.items() if name not in states}
    if not class_heads:
        arguments = without_class_heads(arguments)
    expected = {"arg": arguments, "aux": {name: network.parameters[name] for name in sorted(states)}}
    given = {"arg": arg_params, "aux": aux_params}
    mistakes = [mistake for kind in given for mistake in _mistakes(kind, expected[kind], given[kind])]
    if mistakes:
        raise UserError("; ".join(mistakes))


def _mistakes(
    kind: str, expected: Mapping[str, mx.gluon.Parameter], given: Mapping[str, mx.nd.NDArray]
) -> Sequence[str]:
    missing = [name for name in expected if name not in given]
    surplus = [name for name in given if name not in expected]
    both = [name for name in expected if name in given]
    reshaped = [name for name in both if given[name].shape != expected[name].shape]
    broken = [name for name in both if not np.isfinite(given[name].asnumpy()).all()]
    mistakes = []
    if missing:
        mistakes.append(f"expected a parameter {kind}:{missing[0]}, got none{_in_all(missing)}")
    if surplus:
        mistakes.append(f"expected no parameter {kind}:{surplus[0]}, got one{_in_all(surplus)}")
    if reshaped:
        shapes = f"of shape {expected[reshaped[0]].shape}, got {given[reshaped[0]].shape}"
        mistakes.append(f"expected {kind}:{reshaped[0]} {shapes}{_in_all(reshaped)}")
    if broken:
        mistakes.append(f"expected finite numbers in {kind}:{broken[0]}, got NaN or infinity{_in_all(broken)}")
    return mistakes


def _in_all(names: Sequence[str]) -> str:
    return f" ({len(names)} such in all)" if len(names) > 1 else ""
