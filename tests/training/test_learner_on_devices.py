"""A batch dealt out to several devices, beside what follows from the gradients of each device's part alone.

Devices are not expected to learn what one device would of the whole batch: each divides its loss by its own anchors,
and normalizes by the statistics of its own images, as the built-in algorithm's do. So the reference takes the
gradients of each part from the built-in's graph, on one device, and makes SGD's steps along their mean in numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD
from gluon_ssd.training import optimizer
from gluon_ssd.training.learner import Learner

SIDE, CLASSES, STEPS = 64, 2, 3
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 5e-4

Arrays = dict[str, NDArray[np.float32]]
pytestmark = pytest.mark.usefixtures("unfused")


@dataclass
class Batch:
    images: NDArray[np.uint8]
    objects: NDArray[np.float32]

    def part(self, first: int, count: int) -> "Batch":
        return Batch(self.images[first : first + count], self.objects[first : first + count])


@pytest.fixture(name="unfused")
def _unfused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")  # its fused operators round differently


def random_batch(rng: np.random.Generator, size: int) -> Batch:
    images = rng.integers(0, 256, (size, SIDE, SIDE, 3), dtype=np.uint8)
    corners = rng.uniform(0, 0.4, (size, 2, 2))
    objects = np.concatenate(
        [rng.integers(0, CLASSES, (size, 2, 1)), corners, corners + rng.uniform(0.2, 0.6, (size, 2, 2))], axis=2
    )
    objects[::2, 1] = -1  # parts have different numbers of objects, and so of anchors that count
    return Batch(images, np.concatenate([objects, np.zeros((size, 2, 1))], axis=2).astype(np.float32))


def random_batches(size: int) -> list[Batch]:
    rng = np.random.default_rng(2)
    return [random_batch(rng, size) for _ in range(STEPS)]


def untrained(devices: Sequence[mx.Context]) -> SSD:
    network = SSD("resnet-18", CLASSES, SIDE)  # of few layers, or rounding would grow in them
    weights.initialize(network, devices, seed=3)
    return network


def state(network: SSD) -> tuple[Arrays, Arrays]:
    arg_params, aux_params = (
        {name: array.asnumpy() for name, array in arrays.items()} for arrays in weights.snapshot(network)
    )
    return arg_params, aux_params


def learn(batches: Sequence[Batch], devices: int) -> tuple[Arrays, Arrays]:
    contexts = [mx.cpu(index) for index in range(devices)]
    network = untrained(contexts)
    sgd = optimizer.create("sgd", learning_rate=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    Learner(network, sgd, contexts).train(batches)
    return state(network)


class OneDevice:
    """The built-in's graph on one device, which keeps moving statistics of its own."""

    def __init__(self, network: SSD, part: Batch) -> None:
        self._mean = np.array(network.input_mean, np.float32)
        symbol = network.training_symbol(nms_threshold=0.45, nms_topk=400)
        shape = (len(part.images), 3, SIDE, SIDE)
        self._executor = symbol.simple_bind(mx.cpu(), grad_req="write", data=shape, label=part.objects.shape)
        _, aux_params = state(network)
        self.statistics = aux_params

    def gradients(self, parameters: Arrays, part: Batch) -> Arrays:
        data = (part.images.astype(np.float32) - self._mean).transpose(0, 3, 1, 2)
        given = {"data": data, "label": part.objects, **parameters}
        self._executor.copy_params_from(
            {name: mx.nd.array(array) for name, array in given.items()},
            {name: mx.nd.array(array) for name, array in self.statistics.items()},
        )
        self._executor.forward(is_train=True)
        self._executor.backward()
        mx.nd.waitall()
        self.statistics = {name: array.asnumpy() for name, array in self._executor.aux_dict.items()}
        return {name: self._executor.grad_dict[name].asnumpy() for name in parameters}


def expected(batches: Sequence[Batch], sizes: Sequence[int]) -> tuple[Arrays, Arrays]:
    """Return the parameters and moving statistics after SGD's steps on parts of these sizes, one for each device."""
    network = untrained([mx.cpu()])
    attributes = network.symbol.attr_dict()
    parameters, _ = state(network)
    del parameters["bn_data_gamma"]  # BatchNorm takes it as 1
    velocity = {name: np.zeros_like(array) for name, array in parameters.items()}
    firsts = [sum(sizes[:index]) for index in range(len(sizes))]
    devices = [OneDevice(network, batches[0].part(0, size)) for size in sizes]
    for batch in batches:
        of_parts = [
            device.gradients(parameters, batch.part(first, size))
            for device, first, size in zip(devices, firsts, sizes, strict=True)
        ]
        for name, array in parameters.items():
            gradient = sum(gradients[name] for gradients in of_parts) / np.float32(len(sizes))
            rate = np.float32(LEARNING_RATE * float(attributes.get(name, {}).get("__lr_mult__", 1)))
            decay = np.float32(WEIGHT_DECAY if name.endswith(("_weight", "_gamma")) else 0)
            velocity[name] = np.float32(MOMENTUM) * velocity[name] - rate * (gradient + decay * array)
        parameters = {name: array + velocity[name] for name, array in parameters.items()}
    every = [device.statistics for device in devices]
    return parameters, {name: np.mean([statistics[name] for statistics in every], axis=0) for name in every[0]}


def assert_near(ours: tuple[Arrays, Arrays], theirs: tuple[Arrays, Arrays], *, part: float) -> None:
    """Compare by how far each array has moved: parameters may be apart by `part` of it, statistics by a hundredth."""
    for mine, yours, start, allowed in zip(ours, theirs, state(untrained([mx.cpu()])), (part, part / 100), strict=True):
        for name, array in yours.items():
            moved, apart = np.linalg.norm(array - start[name]), np.linalg.norm(array - mine[name])
            assert apart <= allowed * moved, (name, apart / moved)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("devices", "sizes"),
    [(1, [6]), (2, [3, 3]), (3, [2, 2, 2]), (3, [2, 2, 1]), (3, [1, 1])],
    ids=["6 on 1", "6 on 2", "6 on 3", "5 on 3", "2 on 3"],
)
def test_devices_step_along_the_mean_of_the_gradients_of_their_parts(devices: int, sizes: list[int]) -> None:
    # The moving statistics are the mean over the devices that had images.
    batches = random_batches(sum(sizes))
    assert_near(learn(batches, devices), expected(batches, sizes), part=1e-3)


@pytest.mark.slow
def test_where_all_parts_of_a_batch_are_alike_three_devices_learn_as_one_does() -> None:
    batches = [
        Batch(*(np.concatenate([array] * 3) for array in (batch.images, batch.objects))) for batch in random_batches(2)
    ]
    assert_near(learn(batches, 3), learn(batches, 1), part=2e-3)


def test_all_devices_have_the_mean_of_the_moving_statistics_after_a_pass() -> None:
    devices = [mx.cpu(0), mx.cpu(1)]
    network = untrained(devices)
    Learner(network, mx.optimizer.SGD(learning_rate=1e-12), devices).train(random_batches(4)[:1])
    first, second = (data.asnumpy() for data in network.parameters["bn_data_moving_mean"].list_data())
    pixels = random_batches(4)[0].images.mean(axis=(0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(first, 0.1 * (pixels - network.input_mean), rtol=1e-5)
    np.testing.assert_array_equal(first, second)
