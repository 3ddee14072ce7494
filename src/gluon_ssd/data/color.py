"""Random changes of color: hue, lightness, saturation and contrast."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

# The greatest changes of hue, lightness and saturation, in OpenCV's units (hue has 180, the others 256), and contrast.
_GREATEST = (18, 32, 32, 0.5)
_PROBABILITY = 0.5  # of each change
_ABOVE_HUE = 255 - 180  # what OpenCV's 8 bits hold beyond the greatest hue
_LEAST_CONTRAST = 1e-3  # less is not worth a pass over the image


@dataclass(frozen=True)
class ColorChange:
    """What to add to hue, lightness and saturation, and the share by which to raise every value; zeros do nothing."""

    hue: int = 0
    lightness: int = 0
    saturation: int = 0
    contrast: float = 0.0


NO_CHANGE = ColorChange()
NUMBERS: Final = 8
"""How many random numbers a change takes."""


def draw(numbers: NDArray[np.float64]) -> list[ColorChange]:
    """Draw changes of color by random numbers (n, NUMBERS), as the built-in algorithm's iterator does.

    Each part of a change comes with probability 1/2, evenly spread.
    """
    changes = (2 * numbers[:, :4] - 1) * (numbers[:, 4:] < _PROBABILITY) * _GREATEST
    return [
        ColorChange(int(hue), int(light), int(saturation), contrast)
        for hue, light, saturation, contrast in changes.tolist()
    ]


def apply(image: NDArray[np.uint8], change: ColorChange) -> NDArray[np.uint8]:
    """Return the uint8 RGB image with its colors changed; values stay in their range, hue does not wrap round."""
    shifts = (change.hue, change.lightness, change.saturation)
    if any(shifts):
        shifted = _shift(cv2.cvtColor(image, cv2.COLOR_RGB2HLS), shifts)
        image = cv2.cvtColor(shifted, cv2.COLOR_HLS2RGB).astype(np.uint8, copy=False)
    if abs(change.contrast) > _LEAST_CONTRAST:
        image = cv2.convertScaleAbs(image, alpha=1 + change.contrast).astype(np.uint8, copy=False)
    return image


def _shift(hls: MatLike, shifts: tuple[int, int, int]) -> MatLike:
    """Add to hue, lightness and saturation, each of which stops at its limits."""
    rises, falls = np.maximum(shifts, 0), np.maximum(np.negative(shifts), 0)
    if shifts[0] > 0:
        # Up to the limit of 8 bits, where OpenCV stops, and back down: so hue stops at its own.
        rises[0] += _ABOVE_HUE
        falls[0] += _ABOVE_HUE
    # With numbers of 0 and more OpenCV takes an eighth of the time.
    for change, numbers in ((cv2.add, rises), (cv2.subtract, falls)):
        if numbers.any():
            hls = change(hls, np.append(numbers, 0.0))
    return hls
