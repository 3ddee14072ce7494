"""The reference is MXNet's Module, which the built-in algorithm trains with, on the graph that it trains."""

from collections.abc import Iterator
from dataclasses import dataclass

import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from bfloat16_here import needs_bfloat16
from gluon_ssd.errors import UserError
from gluon_ssd.ssd import targets, weights
from gluon_ssd.ssd.loss import multibox_loss
from gluon_ssd.ssd.network import SSD, found
from gluon_ssd.training import optimizer
from gluon_ssd.training.learner import Learner

Parameters = dict[str, mx.nd.NDArray]
SGD = {"learning_rate": 1e-3, "momentum": 0.9}


@dataclass
class Batch:
    images: NDArray[np.uint8]
    objects: NDArray[np.float32]


def batches(count: int, *, size: int, image_shape: int, classes: int = 3) -> list[Batch]:
    rng = np.random.default_rng(11)
    return [Batch(_images(rng, size, image_shape), _objects(rng, size, classes)) for _ in range(count)]


def _images(rng: np.random.Generator, size: int, side: int) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (size, side, side, 3), dtype=np.uint8)


def _objects(rng: np.random.Generator, size: int, classes: int) -> NDArray[np.float32]:
    rows = np.full((size, 3, 6), -1, np.float32)
    for image in range(size):
        for row in range(1 + image % 3):
            corner, extent = rng.uniform(0, 0.5, 2), rng.uniform(0.1, 0.5, 2)
            rows[image, row] = [rng.integers(0, classes), *corner, *(corner + extent), 0]
    return rows


def learner(network: SSD, devices: list[mx.Context], *, learning_rate: float = 1e-3) -> Learner:
    sgd = optimizer.create("sgd", learning_rate=learning_rate, momentum=0.9, weight_decay=5e-4)
    return Learner(network, sgd, devices)


def train_with_module(
    network: SSD, start: tuple[Parameters, Parameters], frozen: list[str], given: list[Batch]
) -> tuple[Parameters, Parameters]:
    """Take the same steps as the built-in algorithm's ancestor does."""
    symbol = network.training_symbol(nms_threshold=0.45, nms_topk=400)
    module = mx.mod.Module(symbol, data_names=["data"], label_names=["label"], fixed_param_names=frozen or None)
    shape = (len(given[0].images), 3, network.image_shape, network.image_shape)
    module.bind(data_shapes=[("data", shape)], label_shapes=[("label", given[0].objects.shape)])
    module.set_params(*start)
    module.init_optimizer(kvstore=None, optimizer="sgd", optimizer_params=SGD | {"wd": 5e-4, "rescale_grad": 1.0})
    for batch in given:
        pixels = batch.images.astype(np.float32) - np.array(network.input_mean, np.float32)
        data, label = mx.nd.array(pixels.transpose(0, 3, 1, 2)), mx.nd.array(batch.objects)
        module.forward(mx.io.DataBatch([data], [label]), is_train=True)
        module.backward()
        module.update()
    mx.nd.waitall()
    arg_params, aux_params = module.get_params()
    return arg_params, aux_params


def assert_equal(ours: Parameters, theirs: Parameters) -> None:
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array.asnumpy(), theirs[name].asnumpy(), err_msg=name)


def compare_with_module(network: SSD, given: list[Batch], *, pattern: str) -> set[str]:
    """Take these steps both ways; return which parameters moved."""
    weights.initialize(network, [mx.cpu()], seed=3)
    frozen = weights.freeze(network, pattern)
    start = weights.snapshot(network)
    learner(network, [mx.cpu()]).train(given)
    ours, theirs = weights.snapshot(network), train_with_module(network, start, frozen, given)
    if "bn_data_gamma" in ours[0]:
        # Nothing reads it, since BatchNorm has fix_gamma there. Module decays it all the same; here it stays 1.
        assert ours[0].pop("bn_data_gamma").asnumpy().tolist() == [1, 1, 1]
        theirs[0].pop("bn_data_gamma")
    assert_equal(ours[0], theirs[0])
    assert_equal(ours[1], theirs[1])
    return {name for name in ours[0] if (ours[0][name] != start[0][name]).sum().asscalar()}


def test_resnet_50_learns_bit_for_bit_as_with_module_and_frozen_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")  # its fused operators round differently
    given = batches(3, size=2, image_shape=64)
    moved = compare_with_module(SSD("resnet-50", 3, 64), given, pattern="^(conv0|stage1_).*")
    assert len(moved) > 100
    assert not any(name.startswith(("conv0", "stage1_")) for name in moved)
    assert moved >= {"bn0_gamma", "stage2_unit1_conv1_weight", "_plus12_cls_pred_conv_bias"}


@pytest.mark.slow
def test_vgg_16_learns_bit_for_bit_as_with_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")
    moved = compare_with_module(SSD("vgg-16", 3, 268), batches(3, size=1, image_shape=268), pattern="")
    assert moved >= {"conv1_1_weight", "conv1_1_bias", "relu4_3_scale", "relu7_cls_pred_conv_bias"}


@pytest.fixture(scope="module")
def network() -> SSD:
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    return network


def test_losses_are_means_over_the_anchors_that_count(network: SSD) -> None:
    weights.initialize(network, [mx.cpu()], seed=1)
    given = batches(1, size=2, image_shape=64, classes=2)[0]
    with mx.autograd.record():  # for BatchNorm, which trains on the batch's own statistics
        classes, boxes, anchors = network(mx.nd.array(given.images, dtype=np.uint8))
        loss = multibox_loss(classes, boxes, targets.assign(classes, anchors, given.objects))
    cross_entropy, smooth_l1, kept = loss.sums.asnumpy()
    # A rate of next to nothing, so that every step sees the same network.
    losses = learner(network, [mx.cpu()], learning_rate=1e-12).train([given] * 4)
    assert losses.cross_entropy == pytest.approx(cross_entropy / kept, rel=1e-4)
    assert losses.smooth_l1 == pytest.approx(smooth_l1 / kept, rel=1e-4)
    assert (losses.batches, losses.examples) == (4, 8)
    assert losses.seconds > 0


def test_a_device_without_a_share_of_a_small_batch_keeps_in_step(network: SSD) -> None:
    given = batches(2, size=2, image_shape=64, classes=2)
    alone = Batch(given[1].images[:1], given[1].objects[:1])
    devices = [mx.cpu(0), mx.cpu(1)]
    weights.initialize(network, devices, seed=1)
    pair = learner(network, devices)
    pair.train(given[:1])
    before = network.parameters["conv0_weight"].data(devices[1]).asnumpy()
    pair.train([alone])
    learning = [parameter for parameter in network.parameters.values() if parameter.grad_req != "null"]
    assert len(learning) == 192
    for parameter in learning:
        first, second = (parameter.data(device).asnumpy() for device in devices)
        np.testing.assert_array_equal(first, second, err_msg=parameter.name)
    assert (network.parameters["conv0_weight"].data(devices[1]).asnumpy() != before).mean() > 0.9


@needs_bfloat16
def test_devices_that_train_in_bfloat16_keep_in_step_and_detect_in_float32() -> None:
    small, devices = SSD("resnet-18", 2, 64), [mx.cpu(0), mx.cpu(1)]
    given = batches(2, size=4, image_shape=64, classes=2)
    ends = []
    for precision in ("float32", "bfloat16"):
        weights.initialize(small, devices, seed=1)
        sgd = optimizer.create("sgd", learning_rate=1e-3, momentum=0.9, weight_decay=5e-4)
        trained = Learner(small, sgd, devices, precision=precision)
        losses = trained.train(given)
        first, second = (small.parameters["conv0_weight"].data(device).asnumpy() for device in devices)
        np.testing.assert_array_equal(first, second)
        ends.append((losses.cross_entropy, first))
    assert ends[0][0] != ends[1][0]
    assert ends[0][0] == pytest.approx(ends[1][0], rel=0.02)
    assert (ends[0][1] != ends[1][1]).any()
    alone = small.detect(mx.nd.array(given[0].images[:2], dtype=np.uint8), nms_threshold=0.45, nms_topk=400)
    detections = trained.detect(given[0].images, nms_threshold=0.45, nms_topk=400)
    for rows, expected in zip(detections[:2], alone.asnumpy(), strict=True):
        np.testing.assert_array_equal(rows, found(expected))


@pytest.mark.parametrize("devices", [[mx.cpu()], [mx.cpu(0), mx.cpu(1)]], ids=["one device", "two devices"])
def test_with_all_frozen_a_pass_measures_the_losses_and_changes_nothing(
    network: SSD, devices: list[mx.Context]
) -> None:
    weights.initialize(network, devices, seed=1)
    network.parameters["bn_data_gamma"].set_data(mx.nd.full(3, 0.9))  # BatchNorm sets it to 1 where it learns
    weights.freeze(network, ".*")
    before = weights.snapshot(network)
    losses = learner(network, devices).train(batches(2, size=2, image_shape=64, classes=2))
    assert losses.cross_entropy > 0
    assert losses.examples == 4
    for old, new in zip(before, weights.snapshot(network), strict=True):
        assert_equal(old, new)


def test_frozen_parameters_neither_learn_nor_decay_on_two_devices(network: SSD) -> None:
    devices = [mx.cpu(0), mx.cpu(1)]
    weights.initialize(network, devices, seed=1)
    frozen = weights.freeze(network, "(?!_plus12_cls_pred_conv_weight|bn_data_gamma)")
    before = weights.snapshot(network)[0]
    learner(network, devices).train(batches(2, size=2, image_shape=64, classes=2))
    after = weights.snapshot(network)[0]
    moved = {name for name in after if (after[name] != before[name]).sum().asscalar()}
    assert len(frozen) == 191
    assert moved == {"_plus12_cls_pred_conv_weight"}


def test_a_loss_that_is_not_finite_ends_the_job_within_three_batches(network: SSD) -> None:
    weights.initialize(network, [mx.cpu()], seed=1)
    taken: list[int] = []
    endless = _counted(batches(1, size=1, image_shape=64, classes=2)[0], taken)
    with pytest.raises(UserError, match=r"^training: expected a finite loss, got (nan|inf) in epoch 4, batch 2; lower"):
        learner(network, [mx.cpu()], learning_rate=1e30).train(endless, epoch=4)
    assert len(taken) == 4


def _counted(batch: Batch, taken: list[int]) -> Iterator[Batch]:
    while True:
        taken.append(1)
        yield batch


def test_a_pass_without_batches_has_no_loss(network: SSD) -> None:
    losses = learner(network, [mx.cpu()]).train([])
    assert np.isnan([losses.cross_entropy, losses.smooth_l1]).all()
    assert (losses.batches, losses.examples) == (0, 0)


def test_detections_come_in_the_order_of_the_images_whatever_the_devices(network: SSD) -> None:
    devices = [mx.cpu(0), mx.cpu(1)]
    weights.initialize(network, devices, seed=1)
    images = batches(1, size=3, image_shape=64)[0].images
    detections = learner(network, devices).detect(images, nms_threshold=0.45, nms_topk=400)
    assert len(detections) == 3
    for image, rows in zip(images, detections, strict=True):
        alone = network.detect(mx.nd.array(image[np.newaxis], dtype=np.uint8), nms_threshold=0.45, nms_topk=400)
        np.testing.assert_allclose(rows, found(alone.asnumpy()[0]), atol=1e-4)
