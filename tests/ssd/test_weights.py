import mxnet as mx
import numpy as np
import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD

CPUS = [mx.cpu(0), mx.cpu(1)]


@pytest.fixture(scope="module")
def network() -> SSD:
    """A detector that tests leave as it is."""
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    return network


@pytest.fixture
def fresh() -> SSD:
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    return network


@pytest.fixture(scope="module")
def vgg16() -> SSD:
    network = SSD("vgg-16", 20, 300)
    weights.initialize(network, [mx.cpu()], seed=1)
    return network


def test_twenty_biases_learn_twice_as_fast(network: SSD, vgg16: SSD) -> None:
    for detector in (network, vgg16):
        fast = [name for name, parameter in detector.parameters.items() if parameter.lr_mult == 2]
        assert len(fast) == 20
        assert all(name.endswith(("_pred_conv_bias", "x1_conv_bias", "x3_conv_bias")) for name in fast)
        assert {parameter.lr_mult for parameter in detector.parameters.values()} == {1, 2}


def test_weights_and_gammas_alone_decay(vgg16: SSD, network: SSD) -> None:
    decay = {name: parameter.wd_mult for name, parameter in (vgg16.parameters | network.parameters).items()}
    assert decay.pop("relu4_3_scale") == 0.1
    assert decay == {name: float(name.endswith(("_weight", "_gamma"))) for name in decay}


def test_weights_start_uniform_with_the_width_of_xavier(vgg16: SSD) -> None:
    values = vgg16.parameters["fc6_weight"].data().asnumpy()  # (1024, 512, 3, 3)
    width = (3 / ((1024 * 9 + 512 * 9) / 2)) ** 0.5
    assert abs(values).max() <= width
    assert abs(values).max() > 0.999 * width
    assert values.std() == pytest.approx(width / 3**0.5, rel=1e-3)
    assert values.mean() == pytest.approx(0, abs=1e-4)


def test_depthwise_weights_start_with_the_width_of_one_channel() -> None:
    mobilenet = SSD("mobilenet-1.0", 2, 64)
    weights.initialize(mobilenet, [mx.cpu()], seed=1)
    values = mobilenet.parameters["conv1_weight"].data().asnumpy()
    assert values.shape == (32, 1, 3, 3)
    assert abs(values).max() == pytest.approx((3 / 9) ** 0.5, rel=0.02)
    assert values.std() == pytest.approx(1 / 3, rel=0.1)


@pytest.mark.parametrize("base_network", ["mobilenet-0.25", "mobilenetv2-1.0"])
def test_networks_of_gluoncv_follow_the_same_rules(base_network: str) -> None:
    detector = SSD(base_network, 2, 64)
    weights.initialize(detector, [mx.cpu()], seed=1)
    for name, parameter in detector.parameters.items():
        assert parameter.wd_mult == name.endswith(("_weight", "_gamma")), name
        assert parameter.grad_req == ("null" if name.endswith(("_running_mean", "_running_var")) else "write"), name
        if not name.endswith("_weight"):
            start = 1 if name.endswith(("_gamma", "_running_var")) else 0
            assert set(parameter.data().asnumpy().ravel().tolist()) == {start}, name
    assert len([name for name, parameter in detector.parameters.items() if parameter.lr_mult == 2]) == 20


def test_one_pattern_freezes_the_whole_base_network_of_gluoncv() -> None:
    for base_network, count in (("mobilenet-0.25", 81), ("mobilenetv2-1.0", 156)):
        detector = SSD(base_network, 2, 64)
        weights.initialize(detector, [mx.cpu()], seed=1)
        weights.freeze(detector, r".*(conv|batchnorm)\d")
        learning = [name for name, parameter in detector.parameters.items() if parameter.grad_req == "write"]
        assert len(learning) == 40
        assert all("_pred_conv_" in name or name.startswith("multi_feat_") for name in learning)
        assert len(detector.parameters) - len(detector.symbol.list_auxiliary_states()) == count + 40


def test_everything_but_weights_starts_from_a_constant(vgg16: SSD, network: SSD) -> None:
    parameters = vgg16.parameters | network.parameters
    start = {
        name: set(parameter.data().asnumpy().ravel().tolist())
        for name, parameter in parameters.items()
        if not name.endswith("_weight")
    }
    assert start.pop("relu4_3_scale") == {20}
    for name, values in start.items():
        assert values == ({1} if name.endswith(("_gamma", "_moving_var")) else {0}), name
    assert vgg16.parameters["relu4_3_scale"].shape == (1, 512, 1, 1)


def test_the_same_seed_gives_the_same_weights_on_any_device(network: SSD) -> None:
    first = network.parameters["conv0_weight"].data().asnumpy()
    mx.nd.random.uniform(shape=3).wait_to_read()  # moves MXNet's own generator
    other = SSD("resnet-50", 5, 128)  # other heads, other order
    weights.initialize(other, CPUS, seed=1)
    for device in CPUS:
        np.testing.assert_array_equal(other.parameters["conv0_weight"].data(device).asnumpy(), first)


def test_another_seed_gives_other_weights(network: SSD) -> None:
    other = SSD("resnet-50", 2, 64)
    weights.initialize(other, [mx.cpu()], seed=2)
    first, second = (detector.parameters["conv0_weight"].data().asnumpy() for detector in (network, other))
    assert (first != second).mean() > 0.9


def test_two_parameters_of_one_shape_start_differently(network: SSD) -> None:
    first, second = (network.parameters[f"stage1_unit{unit}_conv1_weight"].data().asnumpy() for unit in (2, 3))
    assert first.shape == second.shape
    assert (first != second).mean() > 0.9


def test_the_gamma_that_batch_norm_ignores_does_not_learn(network: SSD) -> None:
    kept = {name for name, parameter in network.parameters.items() if parameter.grad_req == "null"}
    states = {name for name in network.parameters if "_moving_" in name}
    assert kept == states | {"bn_data_gamma"}


def test_freezing_matches_names_from_their_start(fresh: SSD) -> None:
    frozen = weights.freeze(fresh, "conv0|stage1_unit1_conv")
    assert frozen == [
        "conv0_weight",
        "stage1_unit1_conv1_weight",
        "stage1_unit1_conv2_weight",
        "stage1_unit1_conv3_weight",
    ]
    assert all(fresh.parameters[name].grad_req == "null" for name in frozen)
    assert fresh.parameters["multi_feat_2_conv_1x1_conv_weight"].grad_req == "write"
    assert weights.freeze(fresh, "conv1|_weight") == []  # many names have either, further in


def test_batch_norm_ignores_its_gamma_unless_it_says_otherwise() -> None:
    symbol = mx.sym.Variable("data")
    for name, settings in {"silent": {}, "fixed": {"fix_gamma": True}, "learned": {"fix_gamma": False}}.items():
        symbol = mx.sym.BatchNorm(symbol, name=name, **settings)
    assert weights.fixed_gammas(symbol) == {"silent_gamma", "fixed_gamma"}


def test_the_pattern_of_the_documentation_freezes_eight_parameters_of_vgg_16_and_none_of_resnet_50(
    vgg16: SSD, network: SSD
) -> None:
    assert len(weights.freeze(vgg16, "^(conv1_|conv2_).*")) == 8
    assert weights.freeze(network, "^(conv1_|conv2_).*") == []


def test_an_empty_pattern_freezes_nothing(network: SSD) -> None:
    assert weights.freeze(network, " ") == []


def test_everything_may_be_frozen(fresh: SSD) -> None:
    assert weights.freeze(fresh, ".*") == weights.argument_names(fresh)
    assert len(weights.argument_names(fresh)) == 193
    assert {parameter.grad_req for parameter in fresh.parameters.values()} == {"null"}


def test_a_pattern_that_is_no_regular_expression_is_refused(network: SSD) -> None:
    with pytest.raises(UserError, match=r"^freeze_layer_pattern: expected a regular expression, got '\(conv'"):
        weights.freeze(network, "(conv")


def test_a_snapshot_loads_into_another_network(network: SSD) -> None:
    arg_params, aux_params = weights.snapshot(network)
    assert (len(arg_params), len(aux_params)) == (193, 100)
    aux_params["bn0_moving_mean"][:] = 7
    other = SSD("resnet-50", 2, 64)
    weights.initialize(other, [mx.cpu()], seed=9)
    assert weights.load(other, arg_params, aux_params) == []
    assert other.parameters["bn0_moving_mean"].data().asnumpy().tolist() == [7] * 64
    for name, array in arg_params.items():
        np.testing.assert_array_equal(other.parameters[name].data().asnumpy(), array.asnumpy(), err_msg=name)


def test_loading_tells_what_it_had_nothing_for_and_ignores_the_rest(fresh: SSD) -> None:
    arg_params = {"conv0_weight": mx.nd.ones((64, 3, 7, 7)), "fc1_bias": mx.nd.ones(1000)}
    kept = weights.load(fresh, arg_params, {})
    assert "conv0_weight" not in kept
    assert len(kept) == 292
    assert fresh.parameters["conv0_weight"].data().asnumpy().min() == 1


def test_weights_for_another_number_of_classes_are_refused(network: SSD) -> None:
    heads = {"_plus12_cls_pred_conv_bias": mx.nd.zeros(84)}
    message = r"^model: expected _plus12_cls_pred_conv_bias of shape \(12,\), got \(84,\); check base_network and"
    with pytest.raises(UserError, match=message):
        weights.load(network, heads, {})


def test_restored_parameters_take_no_memory_for_gradients(network: SSD) -> None:
    other = SSD("resnet-50", 2, 64)
    weights.restore(other, [mx.cpu()], *weights.snapshot(network))
    assert {parameter.grad_req for parameter in other.parameters.values()} == {"null"}


def test_a_snapshot_averages_the_moving_statistics_of_all_devices() -> None:
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, CPUS, seed=1)
    mean = network.parameters["bn0_moving_mean"]
    mean.data(CPUS[0])[:] = 1
    mean.data(CPUS[1])[:] = 4
    assert weights.snapshot(network)[1]["bn0_moving_mean"].asnumpy().tolist() == [2.5] * 64


def test_statistics_that_are_equal_on_all_devices_stay_so_to_the_last_bit() -> None:
    devices = [mx.cpu(index) for index in range(3)]
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, devices, seed=1)
    values = np.random.default_rng(1).random(64, np.float32)
    assert (np.float32(values + values + values) / np.float32(3) != values).any()
    network.parameters["bn0_moving_mean"].set_data(mx.nd.array(values))
    np.testing.assert_array_equal(weights.snapshot(network)[1]["bn0_moving_mean"].asnumpy(), values)
