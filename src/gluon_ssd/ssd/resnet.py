"""ResNet with pre-activation (He et al. 2016, "Identity Mappings in Deep Residual Networks").

Names are those of MXNet's published classifiers. As in GluonCV's `resnet{depth}_v2`, a unit projects its shortcut only
where the number of channels changes, so that a classifier's weights fit in order.
"""

from dataclasses import dataclass
from itertools import accumulate, count

import mxnet as mx

FIRST_FILTERS = 64
BATCH_NORM = {"eps": 2e-5, "momentum": 0.9}
CONVOLUTION = {"no_bias": True, "workspace": 256}


@dataclass(frozen=True)
class Depth:
    """The units of each of the four stages; units of the first stage have `filters` channels, doubled stage by stage.

    Bottleneck units have three convolutions, of which the middle one has a quarter of the channels; basic units two.
    """

    units: tuple[int, int, int, int]
    filters: int
    bottleneck: bool

    @property
    def taps(self) -> tuple[str, str]:
        """The names of the sums that stages 3 and 4 end in, of stride 16 and 32."""
        *_, third, fourth = accumulate(self.units)
        return f"_plus{third - 1}", f"_plus{fourth - 1}"


DEPTHS = {
    18: Depth((2, 2, 2, 2), 64, bottleneck=False),
    34: Depth((3, 4, 6, 3), 64, bottleneck=False),
    50: Depth((3, 4, 6, 3), 256, bottleneck=True),
    101: Depth((3, 4, 23, 3), 256, bottleneck=True),
}


def symbol(depth: Depth) -> mx.sym.Symbol:
    """Return the graph from `data` (B, 3, S, S) to the last stage's sum (B, 8 * filters, S/32, S/32).

    Every unit's sum is a node `_plus{number}`, as MXNet named it in the published classifier.
    """
    features = _stem()
    numbers = count()
    channels = FIRST_FILTERS
    for stage, units in enumerate(depth.units):
        filters = depth.filters * 2**stage
        for unit in range(units):
            name = f"stage{stage + 1}_unit{unit + 1}"
            stride = 2 if unit == 0 and stage > 0 else 1
            first = _activate(features, name, 1)
            branch = (_bottleneck if depth.bottleneck else _basic)(first, name, filters, stride)
            shortcut = features if filters == channels else _project(first, name, filters, stride)
            features = mx.sym.elemwise_add(branch, shortcut, name=f"_plus{next(numbers)}")
            channels = filters
    return features


def _stem() -> mx.sym.Symbol:
    data = mx.sym.identity(mx.sym.Variable("data"), name="id")
    features = mx.sym.BatchNorm(data, name="bn_data", fix_gamma=True, **BATCH_NORM)
    features = _convolve(features, "conv0", FIRST_FILTERS, kernel=(7, 7), stride=(2, 2), pad=(3, 3))
    features = mx.sym.BatchNorm(features, name="bn0", fix_gamma=False, **BATCH_NORM)
    features = mx.sym.Activation(features, name="relu0", act_type="relu")
    return mx.sym.Pooling(features, name="pooling0", pool_type="max", kernel=(3, 3), stride=(2, 2), pad=(1, 1))


def _basic(first: mx.sym.Symbol, unit: str, filters: int, stride: int) -> mx.sym.Symbol:
    branch = _convolve(first, f"{unit}_conv1", filters, kernel=(3, 3), stride=(stride, stride), pad=(1, 1))
    branch = _activate(branch, unit, 2)
    return _convolve(branch, f"{unit}_conv2", filters, kernel=(3, 3), stride=(1, 1), pad=(1, 1))


def _bottleneck(first: mx.sym.Symbol, unit: str, filters: int, stride: int) -> mx.sym.Symbol:
    branch = _convolve(first, f"{unit}_conv1", filters // 4, kernel=(1, 1), stride=(1, 1), pad=(0, 0))
    branch = _activate(branch, unit, 2)
    branch = _convolve(branch, f"{unit}_conv2", filters // 4, kernel=(3, 3), stride=(stride, stride), pad=(1, 1))
    branch = _activate(branch, unit, 3)
    return _convolve(branch, f"{unit}_conv3", filters, kernel=(1, 1), stride=(1, 1), pad=(0, 0))


def _project(first: mx.sym.Symbol, unit: str, filters: int, stride: int) -> mx.sym.Symbol:
    return _convolve(first, f"{unit}_sc", filters, kernel=(1, 1), stride=(stride, stride))


def _activate(features: mx.sym.Symbol, unit: str, number: int) -> mx.sym.Symbol:
    features = mx.sym.BatchNorm(features, name=f"{unit}_bn{number}", fix_gamma=False, **BATCH_NORM)
    return mx.sym.Activation(features, name=f"{unit}_relu{number}", act_type="relu")


def _convolve(features: mx.sym.Symbol, name: str, filters: int, **settings: tuple[int, int]) -> mx.sym.Symbol:
    return mx.sym.Convolution(features, name=name, num_filter=filters, **settings, **CONVOLUTION)
