"""Smooth random fields and colors, of which drawn scenes are made."""

import colorsys

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> Field:
    """Return a smooth field in [0, 1] of `size` (height, width) that varies over a grid of `cells` (rows, columns)."""
    grid = rng.random(cells, dtype=np.float32)
    field = cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(field, 0, 1).astype(np.float32)


def fractal(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int], octaves: int = 4) -> Field:
    """Return a field in [0, 1] with ever finer and fainter detail."""
    field = np.zeros(size, np.float32)
    weights = [0.5**octave for octave in range(octaves)]
    for octave, weight in enumerate(weights):
        field += weight * noise(rng, size, (cells[0] << octave, cells[1] << octave))
    return field / np.float32(sum(weights))


def color(hue: float, saturation: float, value: float) -> Field:
    """Return an RGB color of shape (3,); the hue, in [0, 1], wraps round."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), np.float32)


def blend(low: Field, high: Field, weight: Field) -> Field:
    """Mix two colors (3,), or pictures (h, w, 3), by a field (h, w) that is 0 where only `low` shows."""
    share = weight[..., None]
    return (low * (1 - share) + high * share).astype(np.float32, copy=False)
