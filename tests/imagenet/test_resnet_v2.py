from pathlib import Path

import gluoncv
import mxnet as mx
import numpy as np
import pytest

import imagenet_zoo as zoo
from gluon_ssd.imagenet import resnet_v2
from gluon_ssd.ssd.network import SSD

SIDE = 64


def their_taps(classifier: mx.gluon.Block, images: mx.nd.NDArray) -> zoo.Features:
    """What the third and the fourth stage of GluonCV's network give."""
    features = images
    for layer in classifier.features[:8]:
        features = layer(features)
    return [features.asnumpy(), classifier.features[8](features).asnumpy()]


def converted(path: Path, base_network: str = "resnet-18") -> tuple[SSD, dict[str, mx.nd.NDArray]]:
    network = SSD(base_network, 2, SIDE)
    return network, resnet_v2.read(path, network)


@pytest.mark.parametrize(
    ("depth", "channels", "old_form"),
    [(50, 2048, False), (18, 512, True), (34, 512, False), (101, 2048, True)],
)
def test_features_are_those_that_gluoncv_gets_from_its_normalized_pixels(
    tmp_path: Path, depth: int, channels: int, *, old_form: bool
) -> None:
    classifier = gluoncv.model_zoo.get_model(f"resnet{depth}_v2")
    zoo.randomize(classifier, SIDE)
    zoo.save(classifier, tmp_path / "file.params", old_form=old_form)
    images = zoo.pixels(SIDE)

    ours = zoo.taps(*converted(tmp_path / "file.params", f"resnet-{depth}"), images)
    theirs = their_taps(classifier, zoo.normalized(images))
    assert [features.shape for features in ours] == [(2, channels // 2, 4, 4), (2, channels, 2, 2)]
    for our_tap, their_tap in zip(ours, theirs, strict=True):
        assert their_tap.std() > 0.1
        np.testing.assert_allclose(our_tap, their_tap, rtol=0, atol=2e-5 * abs(their_tap).max())


def test_the_statistics_of_normalized_pixels_become_those_of_pixels(tmp_path: Path) -> None:
    classifier = gluoncv.model_zoo.get_model("resnet18_v2")
    zoo.randomize(classifier, SIDE)
    classifier.features[0].running_mean.set_data(mx.nd.array([0, 1, -1]))
    classifier.features[0].running_var.set_data(mx.nd.array([1, 4, 0.25]))
    zoo.save(classifier, tmp_path / "file.params")

    _, arrays = converted(tmp_path / "file.params")
    # For 255 * .485, 255 * (.456 + .224) and 255 * (.406 - .225).
    np.testing.assert_allclose(arrays["bn_data_moving_mean"].asnumpy(), [123.675, 173.4, 46.155], rtol=1e-6)
    # For (255 * .229)^2, (255 * .224)^2 * 4 and (255 * .225)^2 / 4; the epsilons do not show.
    np.testing.assert_allclose(arrays["bn_data_moving_var"].asnumpy(), [3409.976, 13050.778, 822.973], rtol=1e-4)


def test_the_mean_that_pixels_lack_already_is_taken_off(tmp_path: Path) -> None:
    classifier = gluoncv.model_zoo.get_model("resnet18_v2")
    zoo.randomize(classifier, SIDE)
    classifier.features[0].running_mean.set_data(mx.nd.array([0, 1, -1]))
    zoo.save(classifier, tmp_path / "file.params")

    arrays = resnet_v2.read(tmp_path / "file.params", SSD("resnet-18", 2, SIDE, input_mean=(123.0, 117.0, 104.0)))
    np.testing.assert_allclose(arrays["bn_data_moving_mean"].asnumpy(), [0.675, 56.4, -57.845], rtol=1e-4)


def test_a_greater_epsilon_is_made_up_for_where_the_variance_is_small(tmp_path: Path) -> None:
    classifier = gluoncv.model_zoo.get_model("resnet18_v2")
    zoo.randomize(classifier, SIDE)
    classifier.features[2].gamma.set_data(mx.nd.full(64, 3))
    classifier.features[2].running_var.set_data(mx.nd.array([0, 1e-6, 1e-5, 1] * 16))
    zoo.save(classifier, tmp_path / "file.params")

    _, arrays = converted(tmp_path / "file.params")
    # 3 * sqrt((v + 2e-5) / (v + 1e-5)): sqrt(2), sqrt(21 / 11), sqrt(3 / 2), 1
    expected = [4.242641, 4.145096, 3.674235, 3.000015] * 16
    np.testing.assert_allclose(arrays["bn0_gamma"].asnumpy(), expected, rtol=1e-6)
    np.testing.assert_array_equal(arrays["bn0_moving_var"].asnumpy(), np.array([0, 1e-6, 1e-5, 1] * 16, np.float32))
