"""Gradient descent: one pass over the batches at a time."""

import math
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.errors import UserError
from gluon_ssd.ssd import targets, weights
from gluon_ssd.ssd.loss import MultiBoxLoss, multibox_loss
from gluon_ssd.ssd.mixed_precision import MixedPrecision
from gluon_ssd.ssd.network import SSD, found
from gluon_ssd.training import moving_statistics
from gluon_ssd.training.loss_scaling import DynamicallyScaled, Unscaled, Update
from gluon_ssd.training.precision import FLOAT16, FLOAT32
from gluon_ssd.training.workers import ALONE, Workers, all_say

STEPS_IN_FLIGHT = 2  # keeps the devices busy while the host prepares the next batch, and bounds their memory


class Batch(Protocol):
    """Images uint8 (B, S, S, 3) RGB, and objects (B, M, 5 or more): class and corners, padded with -1."""

    @property
    def images(self) -> NDArray[np.uint8]:
        """The pixels."""

    @property
    def objects(self) -> NDArray[np.float32]:
        """What is on them."""


@dataclass(frozen=True)
class Losses:
    """A pass's losses, per anchor that counted, and its size; NaN where no anchor did."""

    cross_entropy: float
    smooth_l1: float
    batches: int
    examples: int
    seconds: float


class Share(NamedTuple):
    """What one device gets of a batch; the objects stay on the host."""

    images: mx.nd.NDArray
    objects: NDArray[np.float32]


class Learner:
    """Trains a network whose parameters `weights.initialize` has placed on `devices`.

    Where all of them are frozen nothing changes, not even moving statistics: a pass only measures the losses.
    `precision` is that of training alone; detections are always those of float32, as whoever loads the model gets them.
    """

    def __init__(
        self,
        network: SSD,
        optimizer: mx.optimizer.Optimizer,
        devices: Sequence[mx.Context],
        workers: Workers = ALONE,
        precision: str = FLOAT32,
    ) -> None:
        self.network = network
        self.devices = tuple(devices)
        # With its first step a trainer gives all devices what the first one has. Moving statistics stay out of it: by
        # then they are those of the first one's images.
        arguments = {name: network.parameters[name] for name in weights.argument_names(network)}
        self.trainer = workers.trainer(arguments, optimizer)
        self._learning = [parameter for parameter in arguments.values() if parameter.grad_req != "null"]
        self._predict = network if precision == FLOAT32 else MixedPrecision(network, precision)
        self._updater: Update = (
            DynamicallyScaled(self.trainer, self._learning) if precision == FLOAT16 else Unscaled(self.trainer)
        )
        self._workers = workers
        self._statistics = [network.parameters[name] for name in network.symbol.list_auxiliary_states()]
        self._used = 0  # of the devices: as many as have had a share
        self._used_elsewhere: int | None = None  # of the other workers' devices, which the first step tells

    def train(self, batches: Iterable[Batch], *, epoch: int = 0) -> Losses:
        """Take one step for each batch.

        Raises:
            UserError: The loss is infinite or not a number; `epoch` is for that message.
        """
        started = time.monotonic()
        in_flight: deque[tuple[int, list[mx.nd.NDArray]]] = deque()
        total = np.zeros(3)
        steps = examples = 0
        for steps, batch in enumerate(batches, start=1):
            examples += len(batch.images)
            in_flight.append((steps, self.step(batch)))
            if len(in_flight) > STEPS_IN_FLIGHT:
                total += _read(*in_flight.popleft(), epoch)
        for step, sums in in_flight:
            total += _read(step, sums, epoch)
        mx.nd.waitall()  # the last backward pass and update are part of the time
        seconds = time.monotonic() - started
        if self._learning:
            moving_statistics.average(self._statistics, self.devices[: max(self._used, 1)], self._workers)
        cross_entropy, smooth_l1, kept = total.tolist()
        kept = kept or math.nan
        return Losses(cross_entropy / kept, smooth_l1 / kept, steps, examples, seconds)

    def step(self, batch: Batch) -> list[mx.nd.NDArray]:
        """Take one step; return each device's sums (see `MultiBoxLoss`), not yet waited for."""
        shares = self._split(batch)
        if not self._learning:
            return [self._loss(share).sums for share in shares]
        with mx.autograd.record():
            losses = [self._loss(share) for share in shares]
        mx.autograd.backward([head for loss in losses for head in loss.heads])
        self._used = max(self._used, len(shares))
        self._update(len(shares))
        return [loss.sums for loss in losses]

    def detect(self, images: NDArray[np.uint8], *, nms_threshold: float, nms_topk: int) -> list[NDArray[np.float32]]:
        """Return for each image its objects (k, 6): class, score and corners, best first; all devices take part."""
        shares = [
            _on(device, part)
            for part, device in zip(np.array_split(images, len(self.devices)), self.devices, strict=True)
            if len(part)
        ]
        answers = [self.network.detect(share, nms_threshold=nms_threshold, nms_topk=nms_topk) for share in shares]
        # Waits for the devices, after all of them have been given their work.
        return [found(rows) for answer in answers for rows in answer.asnumpy()]

    def _split(self, batch: Batch) -> list[Share]:
        """Deal the batch out as evenly as it goes; a batch smaller than the number of devices leaves some without."""
        cuts = np.array_split(np.arange(len(batch.images)), len(self.devices))
        parts = [slice(int(cut[0]), int(cut[-1]) + 1) for cut in cuts if len(cut)]
        return [
            Share(_on(device, batch.images[part]), batch.objects[part])
            for part, device in zip(parts, self.devices, strict=False)
        ]

    def _loss(self, share: Share) -> MultiBoxLoss:
        classes, boxes, anchors = self._predict(share.images)
        assigned = targets.assign(classes, anchors, share.objects)
        return multibox_loss(classes, boxes, assigned, scale=self._updater.scale)

    def _update(self, devices_used: int) -> None:
        """Change the parameters by the mean gradient of the devices that had a share, those of other workers too."""
        idle = self.devices[devices_used:]
        for parameter in self._learning:
            for device in idle:
                parameter.grad(device)[:] = 0  # the last step's is still there, and would be added
                # What autograd notes when it has written one: without it the trainer would leave this copy as it is.
                parameter.data(device)._fresh_grad = True  # noqa: SLF001 - nothing public says so
        if self._used_elsewhere is None:
            self._used_elsewhere = _elsewhere(self._workers, devices_used)
        self._updater.step(devices_used + self._used_elsewhere)


def _elsewhere(workers: Workers, here: int) -> int:
    """Count the other workers' devices whose gradients come together with ours; batches are all of the same size."""
    return int(sum(all_say(workers, here))) - here if workers.in_step else 0


def _on(device: mx.Context, images: NDArray[np.uint8]) -> mx.nd.NDArray:
    # MXNet takes the memory over as it is, six times faster than it copies; only another device needs a copy.
    return mx.nd.from_numpy(images).as_in_context(device)


def _read(step: int, sums: list[mx.nd.NDArray], epoch: int) -> NDArray[np.float64]:
    # The one place where training waits for the devices, for a step whose successors are already queued.
    total: NDArray[np.float64] = np.sum([part.asnumpy() for part in sums], axis=0, dtype=np.float64)
    if not np.isfinite(total).all():
        loss = total[~np.isfinite(total)][0]
        raise UserError(
            f"training: expected a finite loss, got {loss} in epoch {epoch}, batch {step}; lower learning_rate"
        )
    return total
