"""Random changes of color: hue, lightness, saturation and contrast."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

_HUE, _LIGHTNESS, _SATURATION = 18, 32, 32  # greatest change, in OpenCV's units: hue has 180, the others 256
_CONTRAST = 0.5
_PROBABILITY = 0.5  # of each change
_LIMITS = (180, 255, 255)
_LEAST_CONTRAST = 1e-3  # less is not worth a pass over the image


@dataclass(frozen=True)
class ColorChange:
    """What to add to hue, lightness and saturation, and the share by which to raise every value; zeros do nothing."""

    hue: int = 0
    lightness: int = 0
    saturation: int = 0
    contrast: float = 0.0


NO_CHANGE = ColorChange()


def draw(rng: Generator) -> ColorChange:
    """Draw a change of color as the built-in algorithm's iterator does: each with probability 1/2, evenly spread."""
    changes = rng.uniform(-1, 1, 4) * (rng.random(4) < _PROBABILITY)
    hue, lightness, saturation, contrast = (changes * (_HUE, _LIGHTNESS, _SATURATION, _CONTRAST)).tolist()
    return ColorChange(int(hue), int(lightness), int(saturation), contrast)


def apply(image: NDArray[np.uint8], change: ColorChange) -> NDArray[np.uint8]:
    """Return the uint8 RGB image with its colors changed; values stay in their range, hue does not wrap round."""
    shifts = (change.hue, change.lightness, change.saturation)
    if any(shifts):
        table = np.stack(
            [np.clip(np.arange(256) + shift, 0, limit) for shift, limit in zip(shifts, _LIMITS, strict=True)],
            axis=-1,
        )
        shifted = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HLS), table[None].astype(np.uint8))
        image = cv2.cvtColor(shifted, cv2.COLOR_HLS2RGB).astype(np.uint8, copy=False)
    if abs(change.contrast) > _LEAST_CONTRAST:
        image = cv2.convertScaleAbs(image, alpha=1 + change.contrast).astype(np.uint8, copy=False)
    return image
