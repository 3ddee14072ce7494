from collections.abc import Callable

import mxnet as mx
import numpy as np
import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.ssd import strict_loading, weights
from gluon_ssd.ssd.network import SSD

Arrays = dict[str, mx.nd.NDArray]


@pytest.fixture(scope="module")
def network() -> SSD:
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    return network


@pytest.fixture(scope="module")
def snapshot(network: SSD) -> tuple[Arrays, Arrays]:
    return weights.snapshot(network)


def add(arrays: Arrays, name: str, array: mx.nd.NDArray) -> None:
    arrays[name] = array


def drop(arrays: Arrays, *names: str) -> None:
    for name in names:
        del arrays[name]


def spoil(arrays: Arrays, name: str, value: float) -> None:
    arrays[name] = arrays[name].copy()
    arrays[name][-1] = value


CHANGES: dict[str, tuple[Callable[[Arrays, Arrays], None], str]] = {
    "one missing": (
        lambda arg, _: add(arg, "x", arg.pop("conv0_weight")),
        "expected a parameter arg:conv0_weight, got none; expected no parameter arg:x, got one",
    ),
    "two missing": (
        lambda arg, _: drop(arg, "bn0_gamma", "_plus12_loc_pred_conv_bias"),
        "expected a parameter arg:bn0_gamma, got none (2 such in all)",
    ),
    "statistic missing": (
        lambda _, aux: aux.clear(),
        "expected a parameter aux:bn0_moving_mean, got none (100 such in",
    ),
    "surplus": (lambda arg, _: add(arg, "fc1_bias", mx.nd.ones(9)), "expected no parameter arg:fc1_bias, got one"),
    "argument among statistics": (
        lambda arg, aux: add(aux, "bn0_beta", arg.pop("bn0_beta")),
        "expected a parameter arg:bn0_beta, got none; expected no parameter aux:bn0_beta, got one",
    ),
    "other shape": (
        lambda arg, _: add(arg, "bn0_beta", mx.nd.ones((64, 1))),
        "expected arg:bn0_beta of shape (64,), got (64, 1)",
    ),
    "NaN": (lambda arg, _: spoil(arg, "conv0_weight", np.nan), "expected finite numbers in arg:conv0_weight, got NaN"),
    "infinity": (
        lambda _, aux: spoil(aux, "bn0_moving_var", -np.inf),
        "expected finite numbers in aux:bn0_moving_var, got NaN or infinity",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_arrays_that_are_not_the_networks_are_refused(network: SSD, snapshot: tuple[Arrays, Arrays], name: str) -> None:
    change, message = CHANGES[name]
    arg_params, aux_params = (dict(arrays) for arrays in snapshot)
    change(arg_params, aux_params)
    with pytest.raises(UserError) as caught:
        strict_loading.check(network, arg_params, aux_params)
    assert str(caught.value).startswith(message)


def test_its_own_parameters_are_taken(network: SSD, snapshot: tuple[Arrays, Arrays]) -> None:
    strict_loading.check(network, *snapshot)


def test_class_heads_of_other_classes_are_left_out_where_they_start_anew(snapshot: tuple[Arrays, Arrays]) -> None:
    arg_params = strict_loading.without_class_heads(snapshot[0])
    assert len(snapshot[0]) - len(arg_params) == 12  # weight and bias of six layers
    assert "_plus12_loc_pred_conv_weight" in arg_params
    strict_loading.check(SSD("resnet-50", 7, 64), arg_params, snapshot[1], class_heads=False)
    with pytest.raises(UserError, match=r"^expected a parameter arg:_plus12_cls_pred_conv_weight, got none \(12 such"):
        strict_loading.check(SSD("resnet-50", 7, 64), arg_params, snapshot[1])
