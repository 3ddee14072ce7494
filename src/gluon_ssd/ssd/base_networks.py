"""The base networks that a detector can stand on, and what each adds to them.

To add a classifier of GluonCV's model zoo, give it a line in `BASE_NETWORKS`, with the nodes of stride 16 and 32 that
predictions are made from, and one in the table of least sizes in `sagemaker/hyperparameters.py`:

    "mobilenet-0.5": _zoo_network("mobilenet0.5", taps=("relu22_fwd", "relu26_fwd")),
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import mxnet as mx

from gluon_ssd.errors import UserError
from gluon_ssd.ssd import resnet, vgg16, zoo
from gluon_ssd.ssd.anchors import anchors

ONES = (1.0, 1.0, 1.0)  # leaves pixels as they are, 0 to 255
IMAGENET_MEAN = (123.675, 116.28, 103.53)  # 0.485, 0.456 and 0.406 of 255
IMAGENET_STD = (58.395, 57.12, 57.375)  # 0.229, 0.224 and 0.225 of 255


@dataclass(frozen=True)
class Extra:
    """A feature layer behind the base network: a 1x1 convolution, then a 3x3 one with these settings."""

    filters: int
    stride: int
    pad: int


@dataclass(frozen=True)
class L2Norm:
    """A tap whose features are scaled to unit length over the channels, times a learned scale (SSD paper, 3.1)."""

    channels: int
    initial_scale: float


@dataclass(frozen=True)
class Layout:
    """The feature layers of a detector: taps of the base network by node name, then extras.

    `strides` are the pixels between the anchors of each layer for images of exactly `strides_for` pixels a side; for
    every other size the anchors are spread evenly.
    """

    taps: tuple[str, ...]
    extras: tuple[Extra, ...]
    smallest_scale: int
    norms: Mapping[str, L2Norm] = field(default_factory=dict)
    strides_for: int | None = None
    strides: tuple[int, ...] = ()

    def steps(self, image_shape: int) -> tuple[float, ...] | None:
        """Return the spacing of each layer's anchors as a fraction of the image's side, None for even spacing."""
        if image_shape != self.strides_for:
            return None
        return tuple(stride / image_shape for stride in self.strides)


@dataclass(frozen=True)
class BaseNetwork:
    """A classifier's convolutional part and how a detector is built on it.

    Attributes:
        symbol: Makes the graph, from `data`: red, green and blue (0 to 255) less `input_mean`, divided by `input_std`.
        layouts: Pairs of the least image_shape and the layout that applies from there on, in rising order.
    """

    symbol: Callable[[], mx.sym.Symbol]
    input_mean: tuple[float, float, float]
    layouts: tuple[tuple[int, Layout], ...]
    input_std: tuple[float, float, float] = ONES

    @property
    def least_image_shape(self) -> int:
        """The smallest image side that leaves every feature layer at least one cell."""
        return self.layouts[0][0]

    def layout(self, image_shape: int) -> Layout:
        """Return the layout for images of this side."""
        return [layout for least, layout in self.layouts if image_shape >= least][-1]

    def smallest_anchor(self, image_shape: int) -> float:
        """Return the side of the smallest anchor, a square, as a fraction of the image's side."""
        layout = self.layout(image_shape)
        return anchors(len(layout.taps) + len(layout.extras), layout.smallest_scale, None)[0].sizes[0]


def _layouts_from_stride_16(taps: tuple[str, str]) -> tuple[tuple[int, Layout], ...]:
    """Return what the built-in algorithm puts on resnet-50: two taps, of stride 16 and 32, and four extras."""
    extras = (Extra(512, 2, 1), Extra(256, 2, 1), Extra(256, 2, 1), Extra(128, 2, 1))
    return ((64, Layout(taps=taps, extras=extras, smallest_scale=20)),)


def _resnet(depth: int) -> BaseNetwork:
    return BaseNetwork(
        symbol=partial(resnet.symbol, resnet.DEPTHS[depth]),
        input_mean=(0.0, 0.0, 0.0),  # its first BatchNorm normalizes
        layouts=_layouts_from_stride_16(resnet.DEPTHS[depth].taps),
    )


def _zoo_network(model: str, taps: tuple[str, str]) -> BaseNetwork:
    return BaseNetwork(
        symbol=partial(zoo.symbol, model),
        input_mean=IMAGENET_MEAN,
        input_std=IMAGENET_STD,
        layouts=_layouts_from_stride_16(taps),
    )


VGG16_TAPS = ("relu4_3", "relu7")
VGG16_NORMS = {"relu4_3": L2Norm(channels=512, initial_scale=20)}

BASE_NETWORKS: Mapping[str, BaseNetwork] = {
    "vgg-16": BaseNetwork(
        symbol=vgg16.symbol,
        input_mean=(123.0, 117.0, 104.0),
        layouts=(
            (
                268,
                Layout(
                    taps=VGG16_TAPS,
                    extras=(Extra(512, 2, 1), Extra(256, 2, 1), Extra(256, 1, 0), Extra(256, 1, 0)),
                    smallest_scale=20,
                    norms=VGG16_NORMS,
                    strides_for=300,
                    strides=(8, 16, 32, 64, 100, 300),
                ),
            ),
            (
                448,
                Layout(
                    taps=VGG16_TAPS,
                    # The last extra keeps stride 1 on a 2x2 map although its anchors are spaced by the whole image, so
                    # three of its four cells lie outside. The built-in algorithm does so too: parameters must fit.
                    extras=(Extra(512, 2, 1), *[Extra(256, 2, 1)] * 3, Extra(256, 1, 1)),
                    smallest_scale=15,
                    norms=VGG16_NORMS,
                    strides_for=512,
                    strides=(8, 16, 32, 64, 128, 256, 512),
                ),
            ),
        ),
    ),
    "resnet-50": _resnet(50),
    "resnet-18": _resnet(18),
    "resnet-34": _resnet(34),
    "resnet-101": _resnet(101),
    # The taps of GluonCV's own ssd_512_mobilenet1.0 and ssd_300_mobilenet0.25.
    "mobilenet-1.0": _zoo_network("mobilenet1.0", taps=("relu22_fwd", "relu26_fwd")),
    "mobilenet-0.25": _zoo_network("mobilenet0.25", taps=("relu22_fwd", "relu26_fwd")),
    # The expansion of the unit that halves the map last, and the last layer (MobileNetV2 paper, section 6.2).
    "mobilenetv2-1.0": _zoo_network(
        "mobilenetv2_1.0", taps=("features_linearbottleneck13_relu60_relu6", "features_relu61_relu6")
    ),
}


def find(name: str, image_shape: int) -> BaseNetwork:
    """Return the base network of this name.

    Raises:
        UserError: There is none, or it cannot take images as small as `image_shape`.
    """
    if name not in BASE_NETWORKS:
        raise UserError(f"base_network: expected one of {', '.join(BASE_NETWORKS)}, got {name!r}")
    base = BASE_NETWORKS[name]
    if image_shape < base.least_image_shape:
        raise UserError(f"image_shape: expected at least {base.least_image_shape} for {name}, got {image_shape}")
    return base
