"""The moving statistics of BatchNorm, which each device keeps of its own images."""

from collections.abc import Sequence

import mxnet as mx
import numpy as np

from gluon_ssd.training.workers import Workers


def average(statistics: Sequence[mx.gluon.Parameter], devices: Sequence[mx.Context], workers: Workers) -> None:
    """Give all devices of all workers the mean of what `devices` of each have, those that had images.

    So it does not matter which of them detects, and MXNet's Module too keeps the mean. Training does not look at them,
    and the mean of what becomes of them is the same with and without it. Each worker must call this, and waits for the
    others.
    """
    if not statistics:
        return
    mx.nd.waitall()  # BatchNorm writes them without the engine making a reader wait
    own = [np.stack([one.data(device).asnumpy().ravel() for device in devices]) for one in statistics]
    means = workers.gather(np.concatenate(own, axis=1).mean(axis=0, dtype=np.float64)).mean(axis=0)
    ends = np.cumsum([parts.shape[1] for parts in own])
    for one, mean in zip(statistics, np.split(means, ends), strict=False):
        one.set_data(mx.nd.array(mean.reshape(one.shape)))
