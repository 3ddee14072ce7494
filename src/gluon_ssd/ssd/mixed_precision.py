"""A detector that computes in 16 bits what gains by it, and all else in float32."""

import warnings

import mxnet as mx
import numpy as np
from mxnet.contrib import amp

from gluon_ssd.ssd.network import SSD
from gluon_ssd.ssd.nodes import nodes


class MixedPrecision:
    """Predicts as `network` does, with the very parameters of it, in float32, but convolves in a 16-bit type.

    MXNet's AMP says which operators take that type, which take float32, and which take what they are given. It changes
    a copy of the graph, so that nothing else of this process sees the 16 bits, least of all what is saved. Predictions
    and the gradients of parameters are float32; anchors are those of `network` to the last bit.
    """

    def __init__(self, network: SSD, kind: str) -> None:
        """Make the copy; `kind` is `bfloat16`, on CPUs, or `float16`, on GPUs."""
        self._network = network
        symbol = mixed(network.symbol, kind, network.image_shape)
        parameters = mx.gluon.ParameterDict()
        parameters.update(network.parameters)
        with warnings.catch_warnings():
            # A cast does not tell what it casts from, so that MXNet takes parameters as float32, which they are.
            warnings.filterwarnings("ignore", "Cannot decide type for the following arguments")
            self._block = mx.gluon.SymbolBlock(symbol, [mx.sym.Variable("data", dtype=np.float32)], params=parameters)
        self._block.hybridize(static_alloc=True)

    def __call__(self, images: mx.nd.NDArray) -> tuple[mx.nd.NDArray, mx.nd.NDArray, mx.nd.NDArray]:
        """Predict as `SSD.__call__` does."""
        classes, boxes, anchors = self._block(self._network.normalize(images))
        return classes, boxes, anchors


def mixed(symbol: mx.sym.Symbol, kind: str, image_shape: int) -> mx.sym.Symbol:
    """Return a copy of a detector's graph with casts to the 16-bit type `kind`, and to float32 for its outputs."""
    in_float32 = [*_priors(symbol), *_convolutions_of_a_pixel(symbol, image_shape)]
    converted = amp.convert_symbol(symbol, target_dtype=kind, excluded_sym_names=in_float32)
    return mx.sym.Group([mx.sym.amp_cast(output, dtype="float32") for output in converted])


def _priors(symbol: mx.sym.Symbol) -> list[str]:
    # Anchors hang on the shape of the features alone, but MultiBoxPrior answers in their type, and knows no bfloat16.
    return [node.name for node in nodes(symbol) if node.operator == "_contrib_MultiBoxPrior"]


def _convolutions_of_a_pixel(symbol: mx.sym.Symbol, image_shape: int) -> list[str]:
    """Return the names of the convolutions whose input has one pixel, as the last of a detector for small images.

    Of the weights beside such a pixel, which see padding alone, oneDNN 2.4 leaves the gradient in bfloat16 unwritten,
    so that it may be anything, or not a number.
    """
    internals = symbol.get_internals()
    _, shapes, _ = internals.infer_shape(data=(1, 3, image_shape, image_shape))
    shape_of = dict(zip(internals.list_outputs(), shapes, strict=True))
    return [
        node.name
        for node in nodes(symbol)
        if node.operator == "Convolution" and shape_of.get(f"{node.inputs[0]}_output", ())[2:] == (1, 1)
    ]
