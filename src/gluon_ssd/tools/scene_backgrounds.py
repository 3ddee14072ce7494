"""Grounds for drawn scenes: a room, a meadow, or lights out of focus."""

import cv2
import numpy as np

from gluon_ssd.tools.textures import Field, blend, color, fractal, noise

Size = tuple[int, int]  # height, width


def paint_background(rng: np.random.Generator, size: Size) -> Field:
    """Paint one of the grounds, with the light falling off to one side, as float32 RGB in [0, 1]."""
    paint = (_room, _meadow, _lights)[rng.integers(3)]
    ground = paint(rng, size)
    falloff = 0.75 + 0.5 * noise(rng, size, (2, 3))
    return np.clip(ground * falloff[..., None], 0, 1)


def _room(rng: np.random.Generator, size: Size) -> Field:
    """A wall above a table whose grain runs across."""
    height, width = size
    wall = color(rng.random(), rng.uniform(0.02, 0.15), rng.uniform(0.45, 0.85))
    table = color(rng.uniform(0.04, 0.14), rng.uniform(0.1, 0.3), rng.uniform(0.35, 0.75))
    plaster = wall * (0.9 + 0.15 * fractal(rng, size, (6, 8)))[..., None]
    planks = table * (0.75 + 0.4 * fractal(rng, size, (24, 2)))[..., None]
    edge = rng.uniform(0.2, 0.6) * height + rng.uniform(-0.06, 0.06) * (np.arange(width) - width / 2)
    below = np.clip((np.arange(height)[:, None] - edge) / 3, 0, 1).astype(np.float32)
    return blend(plaster, planks, below)


def _meadow(rng: np.random.Generator, size: Size) -> Field:
    """Rough ground: grass, earth or pebbles."""
    hue = rng.choice([rng.uniform(0.2, 0.35), rng.uniform(0.05, 0.12), rng.uniform(0.5, 0.65)])
    dark, bright = color(hue, 0.25, 0.25), color(hue + rng.uniform(-0.06, 0.06), 0.2, 0.7)
    patches = fractal(rng, size, (4, 5), 5)
    blades = fractal(rng, size, (30, 60), 2)
    return blend(dark, bright, np.clip(1.6 * (0.6 * patches + 0.4 * blades) - 0.3, 0, 1))


def _lights(rng: np.random.Generator, size: Size) -> Field:
    """Discs of light out of focus before a gradient."""
    height, width = size
    hue = rng.random()
    sky, ground = color(hue, 0.15, rng.uniform(0.3, 0.7)), color(hue + rng.uniform(-0.2, 0.2), 0.2, 0.3)
    picture = blend(sky, ground, np.clip(fractal(rng, size, (2, 2), 2) * 1.4 - 0.2, 0, 1))
    for _ in range(int(rng.integers(6, 16))):
        disc = np.zeros(size, np.float32)
        center = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(disc, center, int(rng.integers(6, 32)), [1.0], -1, cv2.LINE_AA)
        disc = cv2.GaussianBlur(disc, (0, 0), rng.uniform(1.5, 6)).astype(np.float32)
        picture = blend(picture, color(hue + rng.uniform(-0.15, 0.15), 0.2, 0.95), disc * np.float32(0.45))
    return picture
