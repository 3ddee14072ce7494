"""What every anchor of a batch should have predicted (SSD paper, section 2.2: matching and hard negatives)."""

from typing import NamedTuple

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.ssd.graph import VARIANCES

IGNORED = -1  # the class of an anchor that the loss leaves out
LEAST_NEGATIVES = 3  # in an image without objects: what a single matched anchor would have brought along


class Targets(NamedTuple):
    """Boxes and their mask (B, N * 4), as offsets from the anchors; classes (B, N), 0 the background, -1 ignored."""

    boxes: mx.nd.NDArray
    mask: mx.nd.NDArray
    classes: mx.nd.NDArray


def assign(class_predictions: mx.nd.NDArray, anchors: mx.nd.NDArray, objects: NDArray[np.float32]) -> Targets:
    """Match anchors with objects, and choose the negatives that are hardest for these predictions.

    Class predictions are (B, C + 1, N), anchors (1, N, 4), and objects (B, M, 5 or more) rows of class and corners,
    padded with -1. Images with objects get what MXNet's MultiBoxTarget gives them in the built-in algorithm: objects
    matched at an overlap of 0.5, three negatives for each match. MultiBoxTarget ignores an image without objects;
    here it gets as many negatives as the batch's other images have on average, at least `LEAST_NEGATIVES`.
    """
    with mx.autograd.pause():
        label = mx.nd.array(objects[:, :, :5], ctx=class_predictions.context)
        targets = Targets(
            *mx.nd.contrib.MultiBoxTarget(
                anchors,
                label,
                class_predictions,
                overlap_threshold=0.5,
                ignore_label=IGNORED,
                negative_mining_ratio=3,
                minimum_negative_samples=0,
                negative_mining_thresh=0.5,
                variances=VARIANCES,
            )
        )
        empty = objects[:, 0, 0] == IGNORED  # known on the host, so that nothing here waits for the device
        if not empty.any():
            return targets
        return targets._replace(classes=_with_background(targets.classes, class_predictions, empty))


def _with_background(
    classes: mx.nd.NDArray, class_predictions: mx.nd.NDArray, empty: NDArray[np.bool_]
) -> mx.nd.NDArray:
    """Turn the hardest anchors of the `empty` images from ignored into background."""
    others = max(int((~empty).sum()), 1)
    wanted = mx.nd.round((classes == 0).sum() / others)
    wanted = mx.nd.maximum(wanted, LEAST_NEGATIVES)
    background = mx.nd.softmax(class_predictions, axis=1).slice_axis(axis=1, begin=0, end=1).squeeze(axis=1)  # (B, N)
    rank = mx.nd.argsort(mx.nd.argsort(background, axis=1), axis=1)
    without_objects = mx.nd.array(empty, ctx=classes.context).expand_dims(axis=1)
    chosen = mx.nd.broadcast_mul(without_objects, mx.nd.broadcast_lesser(rank, wanted.reshape((1, 1))))
    return mx.nd.where(chosen, mx.nd.zeros_like(classes), classes)
