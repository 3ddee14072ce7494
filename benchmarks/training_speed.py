"""Training images per second of a whole job, beside a bare loop on the same network.

The job is the real one: entry point, RecordIO files, worker processes, full augmentation, log; its own throughput lines
count, which leave validation out. The bare loop does what no training can do without, on two random batches in turn
that never change: forward, targets, losses, backward, update. Both use the same number of threads, take the same number
of steps, and run by turns, each in a process of its own.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VALIDATION_IMAGES = 8  # not measured, so as few as make a job
WARM_UP = 2  # batches
ROUNDS = 3


def main() -> None:
    """Print the table, and the median ratio in the last line."""
    options = _options()
    if options.bare:
        print(bare_loop(options.base_network, options.image_shape, options.batch, options.steps))
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        for name, images in (("train", options.steps * options.batch), ("validation", VALIDATION_IMAGES)):
            _gluon_ssd("prepare", "scenes", "--images", str(images), "--output", str(data / f"{name}.rec"))
        rounds = [(job(data, options), bare_process(options)) for _ in range(ROUNDS)]
    print(
        f"{options.base_network} at {options.image_shape}, {options.steps} steps of {options.batch} images, "
        f"{threads()} threads, images/s"
    )
    print(f"{'round':>8} {'job':>8} {'bare':>8} {'job/bare':>9}")
    for number, (ours, bare) in enumerate(rounds, start=1):
        print(f"{number:>8} {ours:8.2f} {bare:8.2f} {ours / bare:9.3f}")
    print(f"ratio job/bare {statistics.median(ours / bare for ours, bare in rounds):.3f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-network", default="resnet-50")
    parser.add_argument("--image-shape", type=int, default=300)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20, help="measured in each round, of both")
    parser.add_argument("--bare", action="store_true", help="only run the bare loop and print its speed")
    return parser.parse_args()


def threads() -> int:
    """Return the number of threads that both use."""
    return int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0))))


def job(data: Path, options: argparse.Namespace) -> float:
    """Run a job of two epochs; return the speed of the second, since the first one includes warming up."""
    folder = data / "job"
    shutil.rmtree(folder, ignore_errors=True)
    settings = {
        "num_classes": 5,
        "base_network": options.base_network,
        "image_shape": options.image_shape,
        "mini_batch_size": options.batch,
        "epochs": 2,
    }
    hyperparameters = [f"{name}={value}" for name, value in settings.items()]
    log = _gluon_ssd(
        "train", "--train", str(data / "train.rec"), "--validation", str(data / "validation.rec"),
        "--output", str(folder), "--hyperparameter", *hyperparameters,
    )  # fmt: skip
    return float(re.findall(r"train throughput=(\S+) records/second", log)[-1])


def bare_process(options: argparse.Namespace) -> float:
    """Run the bare loop in a process of its own, as the job is; return images per second."""
    command = [
        sys.executable, __file__, "--bare", "--base-network", options.base_network,
        "--image-shape", str(options.image_shape), "--batch", str(options.batch), "--steps", str(options.steps),
    ]  # fmt: skip
    return float(_run(command))


def bare_loop(base_network: str, image_shape: int, batch_size: int, steps: int) -> float:
    """Train on two fixed batches; return images per second."""
    import mxnet as mx  # noqa: PLC0415 - the parent process needs none
    import numpy as np  # noqa: PLC0415

    from gluon_ssd.ssd import weights  # noqa: PLC0415
    from gluon_ssd.ssd.network import SSD  # noqa: PLC0415

    network = SSD(base_network, 5, image_shape)
    weights.initialize(network, [mx.cpu()], seed=0)
    trainer = mx.gluon.Trainer(network.parameters, "sgd", {"learning_rate": 1e-4, "momentum": 0.9, "wd": 5e-4})
    rng = np.random.default_rng(0)
    shape = (batch_size, image_shape, image_shape, 3)
    images = [mx.nd.array(rng.integers(0, 256, shape), dtype=np.uint8) for _ in range(2)]
    corners = np.sort(rng.uniform(0, 1, (batch_size, 3, 2, 2)), axis=2).reshape(batch_size, 3, 4)
    labels = mx.nd.array(np.concatenate([rng.integers(0, 5, (batch_size, 3, 1)), corners], axis=2))

    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            mx.nd.waitall()
            started = time.perf_counter()
        with mx.autograd.record():
            classes, boxes, anchors = network(images[step % 2])
            with mx.autograd.pause():
                offsets, mask, targets = mx.nd.contrib.MultiBoxTarget(
                    anchors, labels, classes, negative_mining_ratio=3, negative_mining_thresh=0.5
                )
            scores = mx.nd.SoftmaxOutput(
                classes, targets, multi_output=True, use_ignore=True, ignore_label=-1, normalization="valid"
            )
            distance = mx.nd.MakeLoss(mx.nd.smooth_l1(mask * (boxes - offsets), scalar=1), normalization="valid")
        mx.autograd.backward([scores, distance])
        trainer.step(1)
    mx.nd.waitall()
    return steps * batch_size / (time.perf_counter() - started)


def _gluon_ssd(*arguments: str) -> str:
    return _run([sys.executable, "-m", "gluon_ssd.cli", *arguments])


def _run(command: list[str]) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads())}
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return ended.stdout


if __name__ == "__main__":
    main()
