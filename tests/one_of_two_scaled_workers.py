"""One of two processes that take scaled steps together: `python one_of_two_scaled_workers.py RANK PORT OUTPUT`.

The gradient of the loss is 1 everywhere, but that the second worker's overflows in the second step. Writes the scales
before each step and the parameter after all.
"""

import os
import sys
from pathlib import Path

import mxnet as mx
import numpy as np

from gluon_ssd.deadline import Deadline
from gluon_ssd.training import kvstore_workers
from gluon_ssd.training.kvstore_workers import Meeting
from gluon_ssd.training.loss_scaling import DynamicallyScaled


def main(rank: int, port: int, output: Path) -> None:
    meeting = Meeting("127.0.0.1", port, 2, rank, "127.0.0.1")
    with kvstore_workers.join(
        "dist_sync", meeting, deadline=Deadline.after(60), stopped=lambda: False, on_lost=_end
    ) as workers:
        weight = mx.gluon.Parameter("weight", shape=(2,))
        weight.initialize(init="zeros", ctx=mx.cpu())
        update = DynamicallyScaled(workers.trainer({"weight": weight}, mx.optimizer.SGD(learning_rate=1.0)), [weight])
        scales = []
        for step in range(3):
            scales.append(update.scale)
            weight.grad()[:] = np.inf if (rank, step) == (1, 1) else update.scale
            weight.data()._fresh_grad = True  # noqa: SLF001 - as autograd does
            update.step(2)
        np.savez(output, scales=[*scales, update.scale], weight=weight.data().asnumpy())


def _end(reason: str) -> None:
    sys.stdout.write(f"{reason}\n")
    sys.stdout.flush()
    os._exit(3)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
