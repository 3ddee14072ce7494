"""VGG-16 with its fully connected layers turned into convolutions, as the SSD paper uses it (section 3)."""

import mxnet as mx

# (convolutions, filters, pooling) of each group. Only the third pooling rounds up.
HALVE: dict[str, object] = {"kernel": (2, 2), "stride": (2, 2)}
GROUPS: tuple[tuple[int, int, dict[str, object]], ...] = (
    (2, 64, HALVE),
    (2, 128, HALVE),
    (3, 256, HALVE | {"pooling_convention": "full"}),
    (3, 512, HALVE),
    (3, 512, {"kernel": (3, 3), "stride": (1, 1), "pad": (1, 1)}),
)


def symbol() -> mx.sym.Symbol:
    """Return the graph from `data` (B, 3, S, S) to `relu7` (B, 1024, S/16, S/16)."""
    features = mx.sym.Variable("data")
    for group, (convolutions, filters, pooling) in enumerate(GROUPS, start=1):
        for layer in range(1, convolutions + 1):
            features = _convolve(features, f"conv{group}_{layer}", kernel=(3, 3), pad=(1, 1), num_filter=filters)
        features = mx.sym.Pooling(features, name=f"pool{group}", pool_type="max", **pooling)
    features = _convolve(features, "fc6", kernel=(3, 3), pad=(6, 6), dilate=(6, 6), num_filter=1024)
    return _convolve(features, "fc7", kernel=(1, 1), pad=(0, 0), num_filter=1024)


def _convolve(features: mx.sym.Symbol, name: str, **settings: object) -> mx.sym.Symbol:
    features = mx.sym.Convolution(features, name=name, **settings)
    number = name.removeprefix("conv").removeprefix("fc")
    return mx.sym.Activation(features, name=f"relu{number}", act_type="relu")
