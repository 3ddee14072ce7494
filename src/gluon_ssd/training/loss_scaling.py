"""How a step changes the parameters: plainly, or by gradients of a loss that was scaled so that float16 holds them."""

from typing import Protocol

import mxnet as mx
from mxnet.contrib.amp.loss_scaler import LossScaler


class Update(Protocol):
    """Changes parameters by the gradients of a loss that was multiplied by `scale`."""

    @property
    def scale(self) -> float:
        """What the next step's loss is to be multiplied by."""

    def step(self, devices: int) -> None:
        """Change the parameters by the mean of the gradients of this many devices, those of other workers too."""


class Unscaled:
    """For a loss as it is."""

    scale = 1.0

    def __init__(self, trainer: mx.gluon.Trainer) -> None:
        self._trainer = trainer

    def step(self, devices: int) -> None:
        """Change the parameters by the mean of the gradients of this many devices."""
        self._trainer.step(devices)


class DynamicallyScaled:
    """Skips a step whose gradients overflow float16 and takes a smaller scale, and after 2,000 good steps a larger one.

    That is MXNet's AMP's, as its `LossScaler` has it (Micikevicius et al., "Mixed Precision Training", 3.2). It is
    the sum of the gradients of all devices of all workers that is looked at, which all of them get: all skip, or none.
    So the trainer must not leave the update to its store.
    """

    def __init__(self, trainer: mx.gluon.Trainer, parameters: list[mx.gluon.Parameter]) -> None:
        self._trainer = trainer
        self._parameters = parameters
        self._scaler = LossScaler()

    @property
    def scale(self) -> float:
        """What the next step's loss is to be multiplied by."""
        return float(self._scaler.loss_scale)

    def step(self, devices: int) -> None:
        """Change the parameters by the mean of the gradients of this many devices, unless one is not finite."""
        scale = self.scale  # which the scaler may change as it looks
        self._trainer.allreduce_grads()
        if not self._scaler.has_overflow(self._parameters):
            self._trainer.update(devices * scale)
