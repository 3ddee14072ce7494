"""What each base network costs: parameters, multiply-adds, size of the artifact, and images per second.

Speed is that of whole training steps (forward, targets, losses, backward, update) and of detection with its non-maximum
suppression, on batches that lie ready. What counts is the CPU time of a process that has one thread, so that other
programs are not part of it; networks run by turns, and every ratio is to resnet-50 in the same round. Multiply-adds
are those of all convolutions of the detector for one image.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import mxnet as mx
import numpy as np

from gluon_ssd import artifact
from gluon_ssd.data.loading import Batch
from gluon_ssd.description import Description
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.base_networks import BASE_NETWORKS
from gluon_ssd.ssd.network import SSD
from gluon_ssd.ssd.nodes import nodes
from gluon_ssd.training.learner import Learner

PEER = "resnet-50"
CLASSES = 20
OBJECTS = 5


@dataclass(frozen=True)
class Speed:
    """Images per second of CPU time."""

    training: float
    detecting: float


@dataclass(frozen=True)
class Size:
    """What a detector for 20 classes holds and does for one image."""

    parameters: int
    multiply_adds: int
    anchors: int
    artifact_bytes: int


def main() -> None:
    """Print the table: medians of the rounds."""
    options = _options()
    if options.one:
        print(json.dumps(asdict(measure(options.one, options.image_shape, options.batch, options.steps))))
        return
    names = [name for name in BASE_NETWORKS if BASE_NETWORKS[name].least_image_shape <= options.image_shape]
    rounds = [{name: _in_own_process(name, options) for name in names} for _ in range(options.rounds)]
    print(f"{options.image_shape} pixels, batches of {options.batch}, images per second of one core, median of")
    print(f"{options.rounds} rounds; in parentheses relative to {PEER}")
    print(f"{'network':>16} {'M param.':>9} {'G mult-add':>11} {'anchors':>8} {'MB':>6}", end=" ")
    print(f"{'training':>15} {'detecting':>15}")
    for name in names:
        size = sizes(name, options.image_shape)
        print(
            f"{name:>16} {size.parameters / 1e6:9.1f} {size.multiply_adds / 1e9:11.2f} {size.anchors:8} "
            f"{size.artifact_bytes / 1e6:6.1f} {_speed(rounds, name, 'training')} {_speed(rounds, name, 'detecting')}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image-shape", type=int, default=300)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=2, help="measured in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", metavar="NETWORK", help="only measure this network once and print it as JSON")
    return parser.parse_args()


def _in_own_process(name: str, options: argparse.Namespace) -> Speed:
    command = [
        sys.executable, __file__, "--one", name, "--image-shape", str(options.image_shape),
        "--batch", str(options.batch), "--steps", str(options.steps),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return Speed(**json.loads(ended.stdout))


def _speed(rounds: list[dict[str, Speed]], name: str, what: str) -> str:
    """Return the median speed and its ratio to the peer's."""
    speeds = [getattr(speed[name], what) for speed in rounds]
    ratios = [getattr(speed[name], what) / getattr(speed[PEER], what) for speed in rounds]
    return f"{statistics.median(speeds):7.2f} ({statistics.median(ratios):5.2f})"


def measure(name: str, image_shape: int, batch_size: int, steps: int) -> Speed:
    """Train and detect on random images, after one step of each to warm up."""
    network = SSD(name, CLASSES, image_shape)
    weights.initialize(network, [mx.cpu()], seed=0)
    learner = Learner(network, mx.optimizer.create("sgd", learning_rate=1e-5, momentum=0.9), [mx.cpu()])
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch_size, image_shape, image_shape, 3), dtype=np.uint8)
    corners = np.sort(rng.uniform(0, 1, (batch_size, OBJECTS, 2, 2)), axis=2).reshape(batch_size, OBJECTS, 4)
    classes = rng.integers(0, CLASSES, (batch_size, OBJECTS, 1))
    batch = Batch(images, np.concatenate([classes, corners], axis=2).astype(np.float32))

    seconds = []
    for act in (
        lambda count: learner.train([batch] * count),
        lambda count: [learner.detect(images, nms_threshold=0.45, nms_topk=400) for _ in range(count)],
    ):
        act(1)
        started = time.process_time()
        act(steps)
        seconds.append(time.process_time() - started)
    return Speed(*(steps * batch_size / spent for spent in seconds))


def sizes(name: str, image_shape: int) -> Size:
    """Count what a detector holds, by its graph and by an artifact of it."""
    network = SSD(name, CLASSES, image_shape)
    weights.initialize(network, [mx.cpu()], seed=0)
    arg_params, aux_params = weights.snapshot(network)
    anchors = network.symbol.infer_shape(data=(1, 3, image_shape, image_shape))[1][2][1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tar.gz"
        symbol = network.training_symbol(nms_threshold=0.45, nms_topk=400)
        description = Description(name, CLASSES, image_shape, network.input_mean, network.input_std)
        artifact.write(
            path.parent / "model", symbol, arg_params, aux_params, hyperparameters={}, description=description
        )
        artifact.archive(path.parent / "model", path)
        size = path.stat().st_size
    return Size(sum(array.size for array in arg_params.values()), multiply_adds(network), anchors, size)


def multiply_adds(network: SSD) -> int:
    """Return the multiply-adds of all convolutions for one image: a filter's values, at each value of the output."""
    internals = network.symbol.get_internals()
    inputs = {"data": (1, 3, network.image_shape, network.image_shape)}
    shapes = dict(zip(internals.list_outputs(), internals.infer_shape(**inputs)[1], strict=True))
    return sum(
        prod(shapes[f"{node.name}_output"]) * prod(shapes[node.inputs[1]][1:])
        for node in nodes(network.symbol)
        if node.operator == "Convolution"
    )


if __name__ == "__main__":
    main()
