"""A process that trains together with others like it: `python one_of_several_workers.py RANK COUNT KIND PORT OUTPUT`.
Or alone, on several devices: `python one_of_several_workers.py alone DEVICES OUTPUT`.
Or as one of those that `mpirun` or `horovodrun` has started: `python one_of_several_workers.py horovod OUTPUT`.

It takes three steps of SGD on its part of each batch, and writes its parameters and what it heard from the others.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.deadline import Deadline
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD
from gluon_ssd.training import horovod_workers, kvstore_workers, optimizer
from gluon_ssd.training.kvstore_workers import Meeting
from gluon_ssd.training.learner import Learner
from gluon_ssd.training.workers import ALONE, Workers, any_of, every_table, first_says

SIDE, CLASSES, STEPS = 64, 2, 3
LEARNING_RATE = 1e-3
BATCH = 4  # of all workers together
LARGE = 8_000_000  # values of a parameter


@dataclass
class Batch:
    images: NDArray[np.uint8]
    objects: NDArray[np.float32]


def batches(*, halves_alike: bool = False) -> list[Batch]:
    """The batches of all workers; with `halves_alike` the second half of each repeats the first."""
    rng = np.random.default_rng(11)
    made = []
    for _ in range(STEPS):
        images = rng.integers(0, 256, (BATCH, SIDE, SIDE, 3), dtype=np.uint8)
        corners = rng.uniform(0, 0.4, (BATCH, 2, 2))
        sizes = rng.uniform(0.2, 0.6, (BATCH, 2, 2))
        classes = rng.integers(0, CLASSES, (BATCH, 2, 1))
        objects = np.concatenate([classes, corners, corners + sizes, np.zeros((BATCH, 2, 1))], axis=2)
        batch = Batch(images, objects.astype(np.float32))
        made.append(
            Batch(*(np.concatenate([part[:2], part[:2]]) for part in (images, batch.objects)))
            if halves_alike
            else batch
        )
    return made


def untrained(devices: list[mx.Context], seed: int = 3) -> SSD:
    """The network that all workers start from; small, and of few layers, or rounding would grow in them."""
    network = SSD("resnet-18", CLASSES, SIDE)
    weights.initialize(network, devices, seed=seed)
    return network


def start() -> dict[str, NDArray[np.float32]]:
    """Return the parameters that they start from."""
    return parameters_of(untrained([mx.cpu()]))


def parameters_of(network: SSD) -> dict[str, NDArray[np.float32]]:
    """Return what the artifact would hold: parameters and moving statistics."""
    return {name: array.asnumpy() for arrays in weights.snapshot(network) for name, array in arrays.items()}


def train(
    workers: Workers,
    devices: list[mx.Context],
    *,
    halves_alike: bool = False,
    optimizer_name: str = "sgd",
    seed: int = 3,
) -> dict[str, NDArray[np.float32]]:
    """Take three steps on this worker's part of the batches; return the parameters that learn."""
    network = untrained(devices, seed)
    rate, schedule = optimizer.schedule(LEARNING_RATE, 0.1, (2,), updates_per_epoch=1, begin_epoch=0)
    size = BATCH // workers.count
    chosen = optimizer.create(
        optimizer_name,
        learning_rate=rate,
        momentum=0.9,
        weight_decay=5e-4,
        scheduler=schedule,
        batch_per_device=size / len(devices),
    )
    learner = Learner(network, chosen, devices, workers)
    part = slice(workers.rank * size, (workers.rank + 1) * size)
    learner.train([Batch(batch.images[part], batch.objects[part]) for batch in batches(halves_alike=halves_alike)])
    return parameters_of(network)


def step_of_a_large_parameter(workers: Workers) -> dict[str, NDArray[np.float32]]:
    """Take the first step of a single parameter, which takes a while to be sent; its gradient is 1 + rank."""
    parameter = mx.gluon.Parameter("large", shape=(LARGE,), init="ones")
    parameter.initialize()
    with mx.autograd.record():
        loss = (parameter.data() * (1 + workers.rank)).sum()
    loss.backward()
    workers.trainer({"large": parameter}, mx.optimizer.SGD(learning_rate=0.5)).step(workers.count)
    return {"large": parameter.data().asnumpy()}


def main(rank: int, count: int, kind: str, port: int, output: Path) -> None:
    meeting = Meeting("127.0.0.1", port, count, rank, "127.0.0.1")
    deadline = Deadline.after(60)
    with kvstore_workers.join(kind, meeting, deadline=deadline, stopped=lambda: False, on_lost=_end) as workers:
        talk_and_train(workers, output)


def talk_and_train(workers: Workers, output: Path) -> None:
    said = np.array([np.pi * (workers.rank + 1), 1e9 + workers.rank])
    heard = [workers.gather(said * float(number)) for number in range(1, 4)]
    first = 4000 * workers.rank
    every = every_table(workers, [np.full((length, 2), length) for length in range(first, first + 2)], columns=2)
    told = [
        any_of(workers, asked=False),
        any_of(workers, asked=workers.rank == 1),
        first_says(workers, workers.rank + 5.5),
    ]
    devices = [mx.cpu(index) for index in range(3 if "idle" in output.name else 1)]
    parameters = (
        step_of_a_large_parameter(workers)
        if "large" in output.name
        else train(
            workers,
            devices,
            halves_alike="alike" in output.name,
            optimizer_name=_optimizer_of(output),
            seed=workers.rank if "unlike_starts" in output.name else 3,
        )
    )
    np.savez(
        output,
        heard=np.array(heard),
        told=told,
        lengths=[len(table) for table in every],
        rows=np.concatenate(every),
        **parameters,
    )


def main_of_horovod(output: Path) -> None:
    """Train as one of several ranks; `output` is where the first one writes, the others beside it."""
    with horovod_workers.join() as workers:
        talk_and_train(workers, output.with_name(f"{output.stem}{workers.rank}.npz"))


def _optimizer_of(output: Path) -> str:
    return "adadelta" if "adadelta" in output.name else "sgd"


def _end(reason: str) -> None:
    sys.stdout.write(f"{reason}\n")
    sys.stdout.flush()
    os._exit(3)


def main_alone(devices: int, output: Path) -> None:
    """Train on all of the batches on some devices of this process."""
    contexts = [mx.cpu(index) for index in range(devices)]
    alike = "alike" in output.name
    np.savez(output, **train(ALONE, contexts, halves_alike=alike, optimizer_name=_optimizer_of(output)))


if __name__ == "__main__":
    if sys.argv[1] == "alone":
        main_alone(int(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1] == "horovod":
        main_of_horovod(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
