"""The default boxes of each feature layer: their sizes, aspect ratios and spacing (SSD paper, section 2.2)."""

from dataclasses import dataclass
from math import sqrt

LARGEST_SCALE = 90  # percent of the image's side, for the last feature layer
FEW_RATIOS = (1.0, 2.0, 1 / 2)
MANY_RATIOS = (1.0, 2.0, 1 / 2, 3.0, 1 / 3)


@dataclass(frozen=True)
class Anchors:
    """The boxes around every cell of one feature layer, as fractions of the image's side.

    There is a square of each size, and a box of the first size at each ratio but 1. A `step` of None spaces the cells
    evenly over the image.
    """

    sizes: tuple[float, float]
    ratios: tuple[float, ...]
    step: float | None

    @property
    def per_cell(self) -> int:
        """How many boxes each cell has."""
        return len(self.sizes) + len(self.ratios) - 1


def anchors(layers: int, smallest_scale: int, steps: tuple[float, ...] | None) -> list[Anchors]:
    """Return the boxes of each of `layers` feature layers, finest first.

    `smallest_scale` is the size in percent of the second layer's boxes; the first layer has half of it, and the others
    rise to `LARGEST_SCALE`. `steps` are fractions of the image's side.
    """
    scales = _scales(layers, smallest_scale)
    return [
        Anchors(_sizes(scales[k], scales[k + 1]), _ratios(k, layers), None if steps is None else steps[k])
        for k in range(layers)
    ]


def _scales(layers: int, smallest: int) -> list[int]:
    rise = (LARGEST_SCALE - smallest) // (layers - 2)
    return [smallest // 2, *(smallest + k * rise for k in range(layers))]


def _sizes(scale: int, next_scale: int) -> tuple[float, float]:
    # The built-in algorithm's symbol files print the second size with six digits, so that is the trained geometry.
    between = sqrt(scale / 100 * next_scale / 100)
    return scale / 100, float(f"{between:.6g}")


def _ratios(layer: int, layers: int) -> tuple[float, ...]:
    outermost = layer == 0 or layer >= layers - 2
    return FEW_RATIOS if outermost else MANY_RATIOS
