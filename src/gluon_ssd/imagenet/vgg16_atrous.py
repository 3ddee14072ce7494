"""GluonCV's `vgg16_atrous`, whose convolutions become those of `vgg-16`."""

from pathlib import Path

import mxnet as mx
import numpy as np

from gluon_ssd.ssd import vgg16, zoo
from gluon_ssd.ssd.base_networks import IMAGENET_MEAN
from gluon_ssd.ssd.network import SSD


def read(path: Path, network: SSD) -> dict[str, mx.nd.NDArray]:
    """Read such a file, in either of the forms that Gluon has written.

    GluonCV's network takes normalized pixels and undoes the division first thing, so that it sees pixels less
    IMAGENET_MEAN. By how much the network's own mean is another goes into the first bias: exact but for the outermost
    pixels, since beyond the edge there are zeros, which stand for either mean.
    """
    with zoo.quiet_without_pytorch():
        from gluoncv.model_zoo.ssd.vgg_atrous import vgg16_atrous_300  # noqa: PLC0415 - other files need not wait for it
    extractor = vgg16_atrous_300()
    extractor.load_parameters(str(path), ctx=mx.cpu(), allow_missing=True)  # as GluonCV does: it may lack the extras
    convolutions = [layer for stage in extractor.stages for layer in stage if isinstance(layer, mx.gluon.nn.Conv2D)]
    names = [name.removesuffix("_weight") for name in vgg16.symbol().list_arguments() if name.endswith("_weight")]
    arrays: dict[str, mx.nd.NDArray] = {}
    for name, convolution in zip(names, convolutions, strict=True):
        arrays |= {f"{name}_weight": convolution.weight.data(), f"{name}_bias": convolution.bias.data()}
    arrays["conv1_1_bias"] = arrays["conv1_1_bias"] + _of_mean(arrays["conv1_1_weight"], network)
    return arrays


def _of_mean(weight: mx.nd.NDArray, network: SSD) -> mx.nd.NDArray:
    """Return what filters (out, 3, height, width) make of the difference between the two means."""
    difference = np.array(network.input_mean) - IMAGENET_MEAN
    return mx.nd.array(weight.asnumpy().sum(axis=(2, 3), dtype=np.float64) @ difference)
