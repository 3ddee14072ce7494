"""The detector: a graph, its parameters on one or more devices, and what goes in and comes out."""

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.errors import UserError
from gluon_ssd.ssd import graph
from gluon_ssd.ssd.base_networks import ONES, find


class SSD:
    """A single shot detector for square images of `image_shape` pixels a side.

    It has no parameters until `weights.initialize` or `weights.restore` places them on devices.

    Attributes:
        parameters: Each parameter and moving statistic by its name in the graph.
        input_mean: What is subtracted from red, green and blue (0 to 255); by default what its base network expects.
        input_std: What they are then divided by (0 to 255); by default what its base network expects.
    """

    def __init__(
        self,
        base_network: str,
        num_classes: int,
        image_shape: int,
        *,
        input_mean: tuple[float, float, float] | None = None,
        input_std: tuple[float, float, float] | None = None,
    ) -> None:
        if num_classes < 1:
            raise UserError(f"num_classes: expected at least 1, got {num_classes}")
        self.base_network = base_network
        self.num_classes = num_classes
        self.image_shape = image_shape
        base = find(base_network, image_shape)
        self.input_mean = base.input_mean if input_mean is None else input_mean
        self.input_std = base.input_std if input_std is None else input_std
        self._heads = graph.heads(base_network, num_classes, image_shape)
        self._block = mx.gluon.SymbolBlock(list(self._heads), [mx.sym.Variable("data", dtype=np.float32)])
        # Not static_shape: the last batch of a validation pass may be smaller.
        self._block.hybridize(static_alloc=True)
        self.parameters = dict(self._block.collect_params().items())
        self._set_shapes()

    def __call__(self, images: mx.nd.NDArray) -> tuple[mx.nd.NDArray, mx.nd.NDArray, mx.nd.NDArray]:
        """Predict, on the device that holds `images`, uint8 (B, S, S, 3) RGB.

        Returns class predictions (B, C + 1, N), the background first and not yet normalized; box offsets (B, N * 4);
        and the anchors (1, N, 4), corners as fractions of the image.
        """
        classes, boxes, anchors = self._block(self.normalize(images))
        return classes, boxes, anchors

    def detect(self, images: mx.nd.NDArray, *, nms_threshold: float, nms_topk: int) -> mx.nd.NDArray:
        """Return what is in uint8 images (B, S, S, 3): float32 (B, N, 6), best first.

        Rows are class, score, xmin, ymin, xmax, ymax as fractions of the image; class -1 where there is none.
        """
        classes, boxes, anchors = self(images)
        # The operator of the built-in algorithm's deploy graph: mx.nd.softmax differs in the last digit.
        scores = mx.nd.SoftmaxActivation(classes, mode="channel")
        return mx.nd.contrib.MultiBoxDetection(
            scores,
            boxes,
            anchors,
            threshold=graph.LEAST_SCORE,
            clip=True,
            variances=graph.VARIANCES,
            nms_threshold=nms_threshold,
            nms_topk=nms_topk,
            force_suppress=False,
        )

    def training_symbol(self, *, nms_threshold: float, nms_topk: int) -> mx.sym.Symbol:
        """Return the graph that the built-in algorithm saves; see `graph.training_graph`."""
        return graph.training_graph(self._heads, nms_threshold=nms_threshold, nms_topk=nms_topk)

    def deploy_symbol(self, *, nms_threshold: float, nms_topk: int) -> mx.sym.Symbol:
        """Return the graph that only detects; see `graph.deploy_graph`."""
        return graph.deploy_graph(self._heads, nms_threshold=nms_threshold, nms_topk=nms_topk)

    @property
    def symbol(self) -> mx.sym.Symbol:
        """The three predictions as one graph; its attributes say how each parameter starts and learns."""
        return mx.sym.Group(list(self._heads))

    def _set_shapes(self) -> None:
        symbol = self.symbol
        arguments, _, states = symbol.infer_shape(data=(1, 3, self.image_shape, self.image_shape))
        names = symbol.list_arguments() + symbol.list_auxiliary_states()
        for name, shape in zip(names, arguments + states, strict=True):
            if name != "data":
                self.parameters[name].shape = shape

    def normalize(self, images: mx.nd.NDArray) -> mx.nd.NDArray:
        """Turn uint8 (B, S, S, 3) into float32 (B, 3, S, S) about zero."""
        pixels = images.astype(np.float32)
        if any(self.input_mean):
            pixels = mx.nd.broadcast_sub(pixels, _per_channel(self.input_mean, images.context))
        if self.input_std != ONES:
            pixels = mx.nd.broadcast_div(pixels, _per_channel(self.input_std, images.context))
        return pixels.transpose((0, 3, 1, 2))


def _per_channel(values: tuple[float, float, float], device: mx.Context) -> mx.nd.NDArray:
    return mx.nd.array(values, ctx=device).reshape((1, 1, 1, 3))


def found(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows (k, 6) of one image's detections (N, 6) that hold an object, best score first."""
    kept = rows[rows[:, 0] >= 0]
    best_first: NDArray[np.float32] = kept[np.argsort(-kept[:, 1], kind="stable")]
    return best_first
