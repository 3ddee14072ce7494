"""ResNet-50 with pre-activation (He et al. 2016, "Identity Mappings in Deep Residual Networks")."""

from itertools import count

import mxnet as mx

STAGES = ((3, 256), (4, 512), (6, 1024), (3, 2048))  # (units, filters)
BATCH_NORM = {"eps": 2e-5, "momentum": 0.9}
CONVOLUTION = {"no_bias": True, "workspace": 256}


def symbol() -> mx.sym.Symbol:
    """Return the graph from `data` (B, 3, S, S) to `_plus15` (B, 2048, S/32, S/32).

    Every unit's sum is a node `_plus{number}`, as MXNet named it in the published classifier.
    """
    features = _stem()
    numbers = count()
    for stage, (units, filters) in enumerate(STAGES, start=1):
        for unit in range(1, units + 1):
            stride = 2 if unit == 1 and stage > 1 else 1
            branch, shortcut = _unit(features, f"stage{stage}_unit{unit}", filters, stride=stride, project=unit == 1)
            features = mx.sym.elemwise_add(branch, shortcut, name=f"_plus{next(numbers)}")
    return features


def _stem() -> mx.sym.Symbol:
    data = mx.sym.identity(mx.sym.Variable("data"), name="id")
    features = mx.sym.BatchNorm(data, name="bn_data", fix_gamma=True, **BATCH_NORM)
    features = _convolve(features, "conv0", num_filter=64, kernel=(7, 7), stride=(2, 2), pad=(3, 3))
    features = _activate(features, "bn0", "relu0")
    return mx.sym.Pooling(features, name="pooling0", pool_type="max", kernel=(3, 3), stride=(2, 2), pad=(1, 1))


def _unit(
    features: mx.sym.Symbol, name: str, filters: int, *, stride: int, project: bool
) -> tuple[mx.sym.Symbol, mx.sym.Symbol]:
    strides = (stride, stride)
    first = _activate(features, f"{name}_bn1", f"{name}_relu1")
    branch = _convolve(first, f"{name}_conv1", num_filter=filters // 4, kernel=(1, 1), stride=(1, 1), pad=(0, 0))
    branch = _activate(branch, f"{name}_bn2", f"{name}_relu2")
    branch = _convolve(branch, f"{name}_conv2", num_filter=filters // 4, kernel=(3, 3), stride=strides, pad=(1, 1))
    branch = _activate(branch, f"{name}_bn3", f"{name}_relu3")
    branch = _convolve(branch, f"{name}_conv3", num_filter=filters, kernel=(1, 1), stride=(1, 1), pad=(0, 0))
    if not project:
        return branch, features
    return branch, _convolve(first, f"{name}_sc", num_filter=filters, kernel=(1, 1), stride=strides)


def _activate(features: mx.sym.Symbol, norm: str, relu: str) -> mx.sym.Symbol:
    features = mx.sym.BatchNorm(features, name=norm, fix_gamma=False, **BATCH_NORM)
    return mx.sym.Activation(features, name=relu, act_type="relu")


def _convolve(features: mx.sym.Symbol, name: str, **settings: object) -> mx.sym.Symbol:
    return mx.sym.Convolution(features, name=name, **settings, **CONVOLUTION)
