"""The loss of the SSD paper (section 2.2), with the operators and the normalization of the built-in algorithm."""

from typing import NamedTuple

import mxnet as mx

from gluon_ssd.ssd.targets import Targets

TINY = 1e-18  # keeps the logarithm finite where a probability underflows


class MultiBoxLoss(NamedTuple):
    """What a step needs of its loss.

    `heads` go to `autograd.backward`; their gradients are divided by the anchors kept, and by the box values that are
    off, on this device. `sums` (3,) is for the log: cross entropy and smooth L1, both undivided, and anchors kept.
    """

    heads: list[mx.nd.NDArray]
    sums: mx.nd.NDArray


def multibox_loss(
    class_predictions: mx.nd.NDArray, box_predictions: mx.nd.NDArray, targets: Targets, *, scale: float = 1.0
) -> MultiBoxLoss:
    """Compare predictions (B, C + 1, N) and (B, N * 4) with their targets; call under `autograd.record`.

    SoftmaxOutput and MakeLoss take no gradient from above: they start it, as in the built-in algorithm's graph, so
    that learning rates mean the same. The gradients, not the sums, are multiplied by `scale`.
    """
    probabilities = mx.nd.SoftmaxOutput(
        class_predictions,
        targets.classes,
        ignore_label=-1,
        use_ignore=True,
        multi_output=True,
        normalization="valid",
        grad_scale=scale,
    )
    error = mx.nd.smooth_l1(targets.mask * (box_predictions - targets.boxes), scalar=1.0)
    box_loss = mx.nd.MakeLoss(error, normalization="valid", grad_scale=scale)
    with mx.autograd.pause():
        return MultiBoxLoss([probabilities, box_loss], _sums(probabilities, box_loss, targets.classes))


def _sums(probabilities: mx.nd.NDArray, box_loss: mx.nd.NDArray, classes: mx.nd.NDArray) -> mx.nd.NDArray:
    kept = classes >= 0
    # pick() clips the ignored anchors' -1 to class 0; they are masked out.
    correct = mx.nd.pick(probabilities, classes, axis=1)
    cross_entropy = -(mx.nd.log(correct + TINY) * kept).sum()
    return mx.nd.concat(cross_entropy, box_loss.sum(), kept.sum(), dim=0)
