from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo.ssd.vgg_atrous import vgg16_atrous_300

import imagenet_zoo as zoo
from gluon_ssd.imagenet import vgg16_atrous
from gluon_ssd.ssd.network import SSD

SIDE = 272  # all poolings halve it evenly: GluonCV's round up, ours only the third
GLUONCV_MEAN = (123.675, 116.28, 103.53)


@pytest.fixture(scope="module")
def extractor() -> mx.gluon.Block:
    block = vgg16_atrous_300(prefix="vgg16_")
    zoo.randomize(block, 300)
    return block


def largest_difference(extractor: mx.gluon.Block, path: Path, network: SSD) -> list[float]:
    """How far our taps are from GluonCV's, as a fraction of the largest feature."""
    images = zoo.pixels(SIDE)[:1]
    fourth = zoo.normalized(images) * extractor.init_scale.data()
    for number, stage in enumerate(extractor.stages[:4]):
        if number:
            fourth = mx.nd.Pooling(fourth, pool_type="max", kernel=(2, 2), stride=(2, 2))
        fourth = stage(fourth)
    theirs = [fourth.asnumpy(), extractor(zoo.normalized(images))[1].asnumpy()]
    ours = zoo.taps(network, vgg16_atrous.read(path, network), images)
    assert [features.shape for features in ours] == [(1, 512, 34, 34), (1, 1024, 17, 17)]
    return [float(abs(our - their).max() / abs(their).max()) for our, their in zip(ours, theirs, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("old_form", [False, True])
def test_features_are_those_of_gluoncv_with_its_mean(
    extractor: mx.gluon.Block, tmp_path: Path, *, old_form: bool
) -> None:
    zoo.save(extractor, tmp_path / "file.params", old_form=old_form)
    network = SSD("vgg-16", 2, SIDE, input_mean=GLUONCV_MEAN)
    assert max(largest_difference(extractor, tmp_path / "file.params", network)) < 1e-5


@pytest.mark.slow
def test_with_our_mean_features_differ_by_the_outermost_pixels_alone(extractor: mx.gluon.Block, tmp_path: Path) -> None:
    zoo.save(extractor, tmp_path / "file.params")
    assert max(largest_difference(extractor, tmp_path / "file.params", SSD("vgg-16", 2, SIDE))) < 5e-4


def test_the_first_bias_makes_up_for_the_other_mean(extractor: mx.gluon.Block, tmp_path: Path) -> None:
    zoo.save(extractor, tmp_path / "file.params")
    arrays = vgg16_atrous.read(tmp_path / "file.params", SSD("vgg-16", 2, SIDE))
    first = extractor.stages[0][0]
    weight = first.weight.data().asnumpy()
    np.testing.assert_array_equal(arrays["conv1_1_weight"].asnumpy(), weight)
    # (123, 117, 104) less GluonCV's mean
    made_up = weight[:, 0].sum((1, 2)) * -0.675 + weight[:, 1].sum((1, 2)) * 0.72 + weight[:, 2].sum((1, 2)) * 0.47
    assert abs(made_up).max() > 0.5
    np.testing.assert_allclose(arrays["conv1_1_bias"].asnumpy(), first.bias.data().asnumpy() + made_up, atol=1e-5)
