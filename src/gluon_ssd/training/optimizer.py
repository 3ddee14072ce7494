"""The optimizers of the built-in algorithm, with the meaning that it gives their settings."""

from collections.abc import Sequence
from itertools import pairwise

import mxnet as mx

from gluon_ssd.errors import UserError

OPTIMIZERS = ("sgd", "adam", "rmsprop", "adadelta")
RMSPROP_DIVISOR = 10


def schedule(
    learning_rate: float, factor: float, epochs: Sequence[int], *, updates_per_epoch: int, begin_epoch: int
) -> tuple[float, mx.lr_scheduler.MultiFactorScheduler | None]:
    """Return the rate to start with and what multiplies it by `factor` after each of `epochs`; None if nothing will.

    A job that starts at `begin_epoch` has the epochs before it behind it: their factors are in the first rate, and
    updates count from there. A factor of 1 or more means no schedule. An epoch too short for one update counts as one,
    since `num_training_samples` may be wrong without failing the job.

    Raises:
        UserError: The epochs are not positive and rising.
    """
    if any(later <= earlier for earlier, later in pairwise([0, *epochs])):
        raise UserError(f"lr_scheduler_step: expected rising positive epochs, got {', '.join(map(str, epochs))}")
    if factor >= 1:
        return learning_rate, None
    for epoch in epochs:
        if begin_epoch >= epoch:
            learning_rate *= factor
    updates = max(updates_per_epoch, 1)
    steps = [updates * (epoch - begin_epoch) for epoch in epochs if epoch > begin_epoch]
    if not steps:
        return learning_rate, None
    return learning_rate, mx.lr_scheduler.MultiFactorScheduler(step=steps, factor=factor, base_lr=learning_rate)


def create(
    name: str,
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    scheduler: mx.lr_scheduler.LRScheduler | None = None,
    batch_per_device: float = 1,
) -> mx.optimizer.Optimizer:
    """Return the optimizer `name`, one of `OPTIMIZERS`.

    Momentum is sgd's alone, weight decay sgd's and rmsprop's; rmsprop takes a tenth of the learning rate. adadelta
    takes nothing at all, not even the schedule; the built-in algorithm left its gradients to MXNet's Module, which
    divides them by the batch, where the others' are divided by the devices alone: hence `batch_per_device`, since the
    trainer divides by the devices.
    """
    if name == "sgd":
        return mx.optimizer.SGD(learning_rate=learning_rate, momentum=momentum, wd=weight_decay, lr_scheduler=scheduler)
    if name == "adam":
        return mx.optimizer.Adam(learning_rate=learning_rate, lr_scheduler=scheduler)
    if name == "rmsprop":
        rate = learning_rate / RMSPROP_DIVISOR
        if scheduler is not None:
            scheduler.base_lr = rate  # or MXNet prints that it does so itself
        return mx.optimizer.RMSProp(learning_rate=rate, wd=weight_decay, lr_scheduler=scheduler)
    if name == "adadelta":
        return mx.optimizer.AdaDelta(rescale_grad=1 / batch_per_device)
    raise UserError(f"optimizer: expected one of {', '.join(OPTIMIZERS)}, got {name!r}")
