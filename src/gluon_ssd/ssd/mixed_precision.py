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
        symbol = mixed(network.symbol, kind)
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


def mixed(symbol: mx.sym.Symbol, kind: str) -> mx.sym.Symbol:
    """Return a copy of a detector's graph with casts to the 16-bit type `kind`, and to float32 for its outputs."""
    # Anchors hang on the shape of the features alone, but MultiBoxPrior answers in their type, and knows no bfloat16.
    priors = [node.name for node in nodes(symbol) if node.operator == "_contrib_MultiBoxPrior"]
    converted = amp.convert_symbol(symbol, target_dtype=kind, excluded_sym_names=priors)
    return mx.sym.Group([mx.sym.amp_cast(output, dtype="float32") for output in converted])
