"""Gluon's classifiers `resnetN_v2`, whose parameters become those of `resnet-N`, with equal features."""

from collections.abc import Iterator
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet.gluon.model_zoo import vision

from gluon_ssd.ssd.base_networks import IMAGENET_MEAN, IMAGENET_STD
from gluon_ssd.ssd.network import SSD
from gluon_ssd.ssd.resnet import BATCH_NORM

_FIRST_STAGE = 5  # in `features`, behind two normalizations, a convolution, an activation and a pooling
_STAGES = 4
_EPSILON = 1e-5  # of Gluon's BatchNorm
_UNIT = {name: name for name in ("bn1", "conv1", "bn2", "conv2", "bn3", "conv3")} | {"downsample": "sc"}
_KINDS = {"running_mean": "moving_mean", "running_var": "moving_var"}


def read(path: Path, network: SSD) -> dict[str, mx.nd.NDArray]:
    """Read such a file, in either of the forms that Gluon has written, for `resnet-18`, `resnet-50` and so on.

    The network computes the same from its pixels as the classifier does from its own: `bn_data` takes over the
    classifier's normalization of pixels, and every gamma makes up for a greater epsilon.
    """
    classifier = vision.get_resnet(2, int(network.base_network.removeprefix("resnet-")))
    classifier.load_parameters(str(path), ctx=mx.cpu())
    arrays = {
        f"{name}_{_kind(layer, parameter)}": parameter.data()
        for name, layer in _layers(classifier.features)
        for parameter in layer.params.values()
    }
    for name in [name.removesuffix("_gamma") for name in arrays if name.endswith("_gamma")]:
        if name == "bn_data":
            arrays |= _of_pixels(arrays["bn_data_moving_mean"], arrays["bn_data_moving_var"], network)
        else:
            arrays[f"{name}_gamma"] = _made_up_for_epsilon(arrays[f"{name}_gamma"], arrays[f"{name}_moving_var"])
    return arrays


def _layers(features: mx.gluon.nn.HybridSequential) -> Iterator[tuple[str, mx.gluon.HybridBlock]]:
    """Yield the layers that have parameters, and their names here; not the last normalization, of the classifier."""
    yield from zip(("bn_data", "conv0", "bn0"), features[:3], strict=True)
    for stage in range(_STAGES):
        for unit, layers in enumerate(features[_FIRST_STAGE + stage], start=1):
            for theirs, ours in _UNIT.items():
                layer = getattr(layers, theirs, None)  # a basic unit has no third; most have no projection
                if layer is not None:
                    yield f"stage{stage + 1}_unit{unit}_{ours}", layer


def _kind(layer: mx.gluon.HybridBlock, parameter: mx.gluon.Parameter) -> str:
    kind: str = parameter.name.removeprefix(layer.prefix)
    return _KINDS.get(kind, kind)


def _of_pixels(mean: mx.nd.NDArray, variance: mx.nd.NDArray, network: SSD) -> dict[str, mx.nd.NDArray]:
    """Return the statistics of `bn_data` for pixels less the network's mean, from those of normalized pixels."""
    deviation = np.array(IMAGENET_STD)
    means = mean.asnumpy() * deviation + IMAGENET_MEAN - network.input_mean
    # In double precision: its gamma is 1 always, so that epsilon has to be made up for here.
    variances = (variance.asnumpy().astype(np.float64) + _EPSILON) * deviation**2 - BATCH_NORM["eps"]
    return {"bn_data_moving_mean": mx.nd.array(means), "bn_data_moving_var": mx.nd.array(variances)}


def _made_up_for_epsilon(gamma: mx.nd.NDArray, variance: mx.nd.NDArray) -> mx.nd.NDArray:
    """Return the gamma that gives with our epsilon what this one gives with Gluon's, for this variance.

    In the gamma, not in the variance, it also holds for the batches that are trained on, which vary about as much.
    """
    variances = variance.asnumpy().astype(np.float64)
    factor = np.sqrt((variances + BATCH_NORM["eps"]) / (variances + _EPSILON))
    return mx.nd.array(gamma.asnumpy() * factor)
