import itertools
from math import sqrt

import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.ssd import graph
from gluon_ssd.ssd.anchors import anchors


def test_six_layers_have_the_sizes_of_the_built_in_algorithm() -> None:
    assert [layer.sizes for layer in anchors(6, 20, None)] == [
        (0.1, 0.141421),
        (0.2, 0.272029),
        (0.37, 0.44699),
        (0.54, 0.619193),
        (0.71, 0.790443),
        (0.88, 0.961249),
    ]


def test_seven_layers_have_the_sizes_of_the_built_in_algorithm() -> None:
    assert [layer.sizes for layer in anchors(7, 15, None)] == [
        (0.07, 0.10247),
        (0.15, 0.212132),
        (0.3, 0.367423),
        (0.45, 0.519615),
        (0.6, 0.67082),
        (0.75, 0.821584),
        (0.9, 0.972111),
    ]


def test_only_the_layers_between_the_first_and_the_last_two_have_boxes_of_ratio_three() -> None:
    assert [layer.per_cell for layer in anchors(6, 20, None)] == [4, 6, 6, 6, 4, 4]
    assert [layer.per_cell for layer in anchors(7, 15, None)] == [4, 6, 6, 6, 6, 4, 4]


# Cells a side of each layer, and the pixels between them where they are not spread evenly.
CASES = {
    "vgg-16 300": ("vgg-16", 300, (38, 19, 10, 5, 3, 1), (8, 16, 32, 64, 100, 300)),
    "vgg-16 512": ("vgg-16", 512, (64, 32, 16, 8, 4, 2, 2), (8, 16, 32, 64, 128, 256, 512)),
    "vgg-16 333": ("vgg-16", 333, (42, 21, 11, 6, 4, 2), None),
    "resnet-50 300": ("resnet-50", 300, (19, 10, 5, 3, 2, 1), None),
    "resnet-50 512": ("resnet-50", 512, (32, 16, 8, 4, 2, 1), None),
}
COUNTS = {"vgg-16 300": 8732, "vgg-16 512": 24576, "resnet-50 300": 2268, "resnet-50 512": 6132}


@pytest.mark.parametrize("case", CASES)
def test_anchors_are_where_plain_arithmetic_puts_them(case: str) -> None:
    base_network, image_shape, cells, strides = CASES[case]
    computed = _computed(base_network, image_shape)
    expected = _expected(image_shape, cells, strides)
    assert len(expected) == COUNTS.get(case, len(expected))
    np.testing.assert_allclose(computed, expected, atol=3e-7)


def test_the_last_layer_of_vgg_16_at_512_has_cells_outside_the_image() -> None:
    last_cell = _computed("vgg-16", 512)[-4]
    np.testing.assert_allclose(last_cell, [1.05, 1.05, 1.95, 1.95], atol=1e-6)


def _computed(base_network: str, image_shape: int) -> NDArray[np.float32]:
    """Evaluate the MultiBoxPrior of each layer of the graph, on maps of the right shape instead of the real ones."""
    symbol = graph.heads(base_network, 1, image_shape).anchors
    layers = [node for node in symbol.get_internals() if node.name.endswith("_anchors") and node.attr("sizes")]
    return np.concatenate([_prior(layer, image_shape) for layer in layers])


def _prior(layer: mx.sym.Symbol, image_shape: int) -> NDArray[np.float32]:
    shape = layer.get_children().infer_shape(data=(1, 3, image_shape, image_shape))[1][0]
    settings = {key: layer.attr(key) for key in ("sizes", "ratios", "steps", "clip")}
    boxes: NDArray[np.float32] = mx.nd.contrib.MultiBoxPrior(mx.nd.zeros(shape), **settings)[0].asnumpy()
    return boxes


def _expected(image_shape: int, cells: tuple[int, ...], strides: tuple[int, ...] | None) -> NDArray[np.float64]:
    lowest = 15 if len(cells) == 7 else 20
    rise = 15 if len(cells) == 7 else 17
    scales = [lowest // 2, *(lowest + rise * k for k in range(len(cells)))]
    boxes = []
    for k, side in enumerate(cells):
        small, square = scales[k] / 100, sqrt(scales[k] * scales[k + 1]) / 100
        shapes = [
            (small, small),
            (square, square),
            (small * sqrt(2), small / sqrt(2)),
            (small / sqrt(2), small * sqrt(2)),
        ]
        if 0 < k < len(cells) - 2:
            shapes += [(small * sqrt(3), small / sqrt(3)), (small / sqrt(3), small * sqrt(3))]
        step = strides[k] / image_shape if strides else 1 / side
        for row, column in itertools.product(range(side), repeat=2):
            x, y = (column + 0.5) * step, (row + 0.5) * step
            boxes += [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for w, h in shapes]
    return np.array(boxes)
