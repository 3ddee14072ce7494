import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model
from numpy.typing import NDArray

from gluon_ssd.ssd import resnet

EPSILON = 2e-5  # of all BatchNorms of MXNet's published classifiers; GluonCV's own is 1e-5


def parameters_in_order(symbol: mx.sym.Symbol) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter and moving statistic by its name, in the order in which the graph takes them."""
    arguments, _, states = symbol.infer_shape(data=(1, 3, 64, 64))
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    return {name: shape for name, shape in zip(names, arguments + states, strict=True) if name != "data"}


def kinds_and_shapes(symbol: mx.sym.Symbol) -> list[tuple[str, tuple[int, ...]]]:
    return [(name.rsplit("_", 1)[1], shape) for name, shape in parameters_in_order(symbol).items()]


def gluoncvs(depth: int) -> mx.sym.Symbol:
    """GluonCV's network up to the last unit's sum: without the BatchNorm behind it, and without the classifier."""
    features = mx.sym.Variable("data")
    for layer in list(get_model(f"resnet{depth}_v2", norm_kwargs={"epsilon": EPSILON}).features)[:-4]:
        features = layer(features)
    return features


def run(symbol: mx.sym.Symbol) -> NDArray[np.float32]:
    """The output for one image, with weights drawn in the order of the graph's own list."""
    rng = np.random.default_rng(3)
    values = {
        name: mx.nd.array(rng.uniform(0.5, 1, shape) if name.endswith("_var") else rng.uniform(-0.1, 0.1, shape))
        for name, shape in parameters_in_order(symbol).items()
    }
    states = {name: values.pop(name) for name in symbol.list_auxiliary_states()}
    values["data"] = mx.nd.array(rng.uniform(-1, 1, (1, 3, 64, 64)))
    executor = symbol.bind(mx.cpu(), values, aux_states=states, grad_req="null")
    return np.asarray(executor.forward(is_train=False)[0].asnumpy(), np.float32)


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
def test_parameters_are_those_of_gluoncvs_network_in_the_same_order(depth: int) -> None:
    assert kinds_and_shapes(resnet.symbol(resnet.DEPTHS[depth])) == kinds_and_shapes(gluoncvs(depth))


@pytest.mark.parametrize("depth", [18, 50])
def test_the_network_computes_what_gluoncvs_does(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")  # its fused operators round differently
    ours, theirs = run(resnet.symbol(resnet.DEPTHS[depth])), run(gluoncvs(depth))
    assert 1e-3 < ours.std() < 1e3
    np.testing.assert_array_equal(ours, theirs)


def test_a_basic_unit_is_named_as_in_the_published_classifiers() -> None:
    names = resnet.symbol(resnet.DEPTHS[18]).list_arguments()
    assert [name for name in names if name.startswith("stage2_unit1_")] == [
        "stage2_unit1_bn1_gamma",
        "stage2_unit1_bn1_beta",
        "stage2_unit1_conv1_weight",
        "stage2_unit1_bn2_gamma",
        "stage2_unit1_bn2_beta",
        "stage2_unit1_conv2_weight",
        "stage2_unit1_sc_weight",
    ]


@pytest.mark.parametrize(
    ("depth", "stages"), [(18, (2, 3, 4)), (34, (2, 3, 4)), (50, (1, 2, 3, 4)), (101, (1, 2, 3, 4))]
)
def test_a_shortcut_is_projected_where_the_channels_change_alone(depth: int, stages: tuple[int, ...]) -> None:
    names = resnet.symbol(resnet.DEPTHS[depth]).list_arguments()
    assert [name for name in names if "_sc_" in name] == [f"stage{stage}_unit1_sc_weight" for stage in stages]
