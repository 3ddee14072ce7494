"""Training images per second in bfloat16, beside float32, of the same network on the same CPU.

Whole training steps (forward, targets, losses, backward, update) on batches that lie ready. What counts is the CPU time
of a process that has one thread, so that other programs are not part of it; both precisions run by turns, each in a
process of its own, and the ratio is that of a round. A convolution's speed on a CPU with AMX, and on one with
AVX512_BF16 alone, are far apart: the first line of each process says which it is.
"""

import argparse
import logging
import os
import statistics
import subprocess
import sys
import time

import mxnet as mx
import numpy as np

from gluon_ssd.data.loading import Batch
from gluon_ssd.sagemaker import cpus
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD
from gluon_ssd.training import precision
from gluon_ssd.training.learner import Learner

CLASSES = 20
OBJECTS = 5


def main() -> None:
    """Print the table, and the median ratio of each network."""
    options = _options()
    if options.one:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        print(measure(options.networks[0], options.one, options))
        return
    print(f"{options.image_shape} pixels, batches of {options.batch}, images per second of one core")
    print(f"{'network':>16} {'float32':>9} {'bfloat16':>9} {'ratio':>6}")
    for network in options.networks:
        rounds = [
            [_in_own_process(network, kind, options) for kind in ("float32", "bfloat16")] for _ in range(options.rounds)
        ]
        for plain, lowered in rounds:
            print(f"{network:>16} {plain:9.2f} {lowered:9.2f} {lowered / plain:6.2f}")
        print(f"{network:>16} median ratio {statistics.median(lowered / plain for plain, lowered in rounds):.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["vgg-16", "resnet-50"])
    parser.add_argument("--image-shape", type=int, default=300)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=2, help="measured in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", metavar="PRECISION", help="only measure this one, once")
    return parser.parse_args()


def _in_own_process(network: str, kind: str, options: argparse.Namespace) -> float:
    command = [
        sys.executable, __file__, "--networks", network, "--one", kind, "--image-shape", str(options.image_shape),
        "--batch", str(options.batch), "--steps", str(options.steps),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return float(ended.stdout)


def measure(network: str, kind: str, options: argparse.Namespace) -> float:
    """Return the images per second of CPU time that are trained on, after a first step that is not measured."""
    precision.prepare(kind, [mx.cpu()], cpus.flags())
    learner = _learner(network, kind, options.image_shape)
    batch = _batch(options.batch, options.image_shape)
    learner.train([batch])
    started = time.process_time()
    learner.train([batch] * options.steps)
    return float(options.steps * options.batch / (time.process_time() - started))


def _learner(name: str, kind: str, image_shape: int) -> Learner:
    network = SSD(name, CLASSES, image_shape)
    weights.initialize(network, [mx.cpu()], seed=0)
    sgd = mx.optimizer.SGD(learning_rate=1e-4, momentum=0.9, wd=5e-4)
    return Learner(network, sgd, [mx.cpu()], precision=kind)


def _batch(size: int, side: int) -> Batch:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 0.5, (size, OBJECTS, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 0.5, (size, OBJECTS, 2))], axis=2)
    classes = rng.integers(0, CLASSES, (size, OBJECTS, 1))
    objects = np.concatenate([classes, boxes, np.zeros((size, OBJECTS, 1))], axis=2)
    return Batch(rng.integers(0, 256, (size, side, side, 3), dtype=np.uint8), objects.astype(np.float32))


if __name__ == "__main__":
    main()
