from pathlib import Path

import gluoncv
import mxnet as mx
import numpy as np
import pytest

import imagenet_zoo as zoo
from gluon_ssd.imagenet import zoo_model
from gluon_ssd.ssd.network import SSD

SIDE = 64


@pytest.mark.parametrize(
    ("base_network", "model", "old_form"),
    [
        ("mobilenet-0.25", "mobilenet0.25", True),
        ("mobilenet-1.0", "mobilenet1.0", False),
        ("mobilenetv2-1.0", "mobilenetv2_1.0", True),
    ],
)
def test_features_are_those_that_gluoncv_gets_from_its_normalized_pixels(
    tmp_path: Path, base_network: str, model: str, *, old_form: bool
) -> None:
    gluoncv.model_zoo.get_model(model)  # moves the numbers of later layers
    classifier = gluoncv.model_zoo.get_model(model)
    zoo.randomize(classifier, SIDE)
    zoo.save(classifier, tmp_path / "file.params", old_form=old_form)
    images = zoo.pixels(SIDE)

    network = SSD(base_network, 2, SIDE)
    ours = zoo.taps(network, zoo_model.read(model, tmp_path / "file.params", network), images)
    theirs = their_last_features(classifier, images)
    assert theirs.std() > 0.1
    np.testing.assert_allclose(ours[1], theirs, rtol=0, atol=2e-5 * abs(theirs).max())


def their_last_features(classifier: mx.gluon.Block, images: zoo.Images) -> zoo.Array:
    """What GluonCV's network gives before its pooling of the whole map."""
    features = zoo.normalized(images)
    for layer in classifier.features:
        if isinstance(layer, mx.gluon.nn.GlobalAvgPool2D):
            break
        features = layer(features)
    values: zoo.Array = features.asnumpy()
    return values
