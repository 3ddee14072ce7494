"""The things that drawn scenes show: each kind paints itself upright on a square of its own.

A painter works on coordinates u (right) and v (down) in [-1, 1] and returns float32 (size, size, 4): RGB, already
multiplied by the fourth channel, which says how much of the pixel the thing covers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gluon_ssd.tools.textures import Field, blend, color, fractal

WHITE = color(0, 0, 0.95)
Painter = Callable[[np.random.Generator, int, Field], Field]


@dataclass(frozen=True)
class Kind:
    """A class of objects: its name, how it is painted, how far it may lean to either side in degrees."""

    name: str
    paint: Painter
    lean: float


def paint_ball(rng: np.random.Generator, size: int, light: Field) -> Field:
    """Paint a beach ball: blue, yellow and white panels around a random axis, shaded as a sphere."""
    u, v = _grid(size, 1 / 0.96)
    radius = np.hypot(u, v)
    depth = np.sqrt(np.maximum(1 - radius**2, 0))
    normals = np.stack([u, v, depth], axis=-1)
    turned = normals @ np.linalg.qr(rng.normal(size=(3, 3)))[0].astype(np.float32)
    panel = np.floor((np.arctan2(turned[..., 1], turned[..., 0]) / (2 * np.pi) + 0.5) * 6).astype(int) % 6
    first, second = color(rng.uniform(0.52, 0.62), 0.85, 0.9), color(rng.uniform(0.13, 0.17), 0.85, 0.95)
    surface = np.stack([first, WHITE, second, WHITE, first, WHITE])[panel]
    surface = blend(surface, WHITE, _above(np.abs(turned[..., 2]), 0.95, size))
    facing = np.clip(normals @ light, 0, 1)
    gloss = 0.5 * facing**30
    return _cut(surface * (0.4 + 0.7 * facing)[..., None] + gloss[..., None], _above(1, radius, size))


def paint_cone(rng: np.random.Generator, size: int, light: Field) -> Field:
    """Paint a traffic cone: orange with white bands, on a square foot."""
    u, v = _grid(size)
    slope = rng.uniform(0.42, 0.58)
    along = (v + 0.92) / 1.62  # 0 at the tip, 1 at the foot
    half = 0.07 + (slope - 0.07) * np.clip(along, 0, 1)
    across = np.clip(u / half, -1, 1)
    orange = color(rng.uniform(0.0, 0.05), rng.uniform(0.85, 1), rng.uniform(0.85, 1))
    ring = along - 0.05 * np.sqrt(1 - across**2)  # rings bend downwards in front
    bands = int(rng.integers(1, 3))
    white = sum(_between(ring, start, start + 0.17, size) for start in (0.3, 0.6)[:bands])
    body = blend(orange, WHITE, np.asarray(white, np.float32)) * _round(across, light)[..., None]
    foot_half = slope + rng.uniform(0.15, 0.25)
    foot = _between(v, 0.68, 0.92, size) * _between(u, -foot_half, foot_half, size)
    cone = _between(v, -0.92, 0.74, size) * _above(half, np.abs(u), size)
    base = orange * (0.75 - 0.9 * (v - 0.68))[..., None]
    return _cut(blend(base, body, cone), np.maximum(foot, cone))


def paint_crate(rng: np.random.Generator, size: int, light: Field) -> Field:
    """Paint a wooden crate: boards in a frame with a diagonal, and its lid seen from above."""
    u, v = _grid(size)
    wide, lid = rng.uniform(0.72, 0.9), rng.uniform(-0.62, -0.42)
    wood = color(rng.uniform(0.06, 0.11), rng.uniform(0.45, 0.7), rng.uniform(0.6, 0.9))
    grain = 0.7 + 0.45 * fractal(rng, (size, size), (12, 2))
    boards = 1 - 0.6 * _between(((v - lid) * rng.integers(2, 5) / (0.9 - lid)) % 1, 0.0, 0.08, size)
    height = (v - lid) / (0.9 - lid)
    falling = rng.choice([-1, 1])
    diagonal = _above(0.16, np.abs(u / wide * falling - (2 * height - 1)), size)
    inside = _between(u, -wide + 0.2, wide - 0.2, size) * _between(v, lid + 0.2, 0.7, size)
    tone = 1 - (1 - 0.78 * boards) * inside * (1 - diagonal)
    edge = 1 - 0.5 * _between(_ridge(inside), 0.2, 0.8, size)
    side = 0.8 + 0.25 * float(light[2]) + 0.15 * u * light[0]
    front = _between(u, -wide, wide, size) * _between(v, lid, 0.9, size)
    depth = (lid - v) / (lid + 0.9)  # 0 at the lid's near edge, 1 at its far one
    top = _between(v, -0.9, lid, size) * _above(wide * (1 - 0.22 * depth), np.abs(u), size)
    shade = np.where(v > lid, tone * edge * side, 1.12 - 0.35 * _between((u * 2.5) % 1, 0, 0.07, size))
    return _cut(wood * (grain * shade)[..., None], np.maximum(front, top))


def paint_leaf(rng: np.random.Generator, size: int, light: Field) -> Field:
    """Paint a leaf with a toothed edge, veins and a stalk."""
    u, v = _grid(size)
    u = u - rng.uniform(-0.15, 0.15) * (1 - v**2)  # the midrib bends
    along = np.clip((v + 0.95) / 1.55, 0, 1)  # 0 at the tip, 1 at the stalk
    teeth = 0.035 * np.abs((along * rng.integers(7, 12)) % 1 - 0.5)
    half = rng.uniform(0.95, 1.3) * along**0.8 * (1 - along) ** 0.55 + teeth * (along < 1)
    hue = rng.uniform(0.24, 0.36)
    young, old = color(hue, 0.75, 0.75), color(hue - 0.06, 0.8, 0.5)
    surface = blend(young, old, fractal(rng, (size, size), (3, 3)))
    rib = np.exp(-((u / 0.025) ** 2))
    veins = np.exp(-(((((v + 0.75 * np.abs(u)) * 4.5) % 1 - 0.5) / 0.09) ** 2)) * 0.6
    surface = blend(surface, color(hue, 0.35, 0.9), np.maximum(rib, veins) * 0.75)
    fold = 0.95 + 0.35 * np.where(u > 0, light[0], -light[0])
    blade = _above(half, np.abs(u), size) * _between(v, -0.95, 0.6, size)
    stalk = _above(0.035, np.abs(u), size) * _between(v, 0.5, 0.95, size)
    return _cut(surface * fold[..., None], np.maximum(blade, stalk))


def paint_mug(rng: np.random.Generator, size: int, light: Field) -> Field:
    """Paint a purple mug with a handle, a painted stripe and something to drink."""
    u, v = _grid(size)
    glaze = color(rng.uniform(0.76, 0.88), rng.uniform(0.35, 0.7), rng.uniform(0.6, 0.95))
    stripe = color(rng.random(), 0.7, rng.uniform(0.3, 0.9))
    half, rim = rng.uniform(0.5, 0.6), rng.uniform(0.14, 0.2)
    across = (u + 0.25) / half
    bow = rim * np.sqrt(np.maximum(1 - across**2, 0))
    body = _above(1, np.abs(across), size) * _between(v, -0.65, 0.72 + bow, size)
    middle = rng.uniform(-0.2, 0.4)
    painted = _between(v - bow, middle - 0.12, middle + 0.12, size)
    outside = blend(glaze, stripe, painted) * _round(np.clip(across, -1, 1), light)[..., None]
    mouth = np.hypot(across, (v + 0.65) / rim)
    drink = color(rng.uniform(0.03, 0.1), 0.8, rng.uniform(0.15, 0.4))
    inside = blend(glaze * np.float32(1.05), drink, _above(0.86, mouth, size))
    ring = np.hypot((u - 0.3) / 0.6, (v - 0.02) / 0.5)
    handle = _between(ring, 0.66, 1.0, size) * _above(u, -0.25 + half * 0.9, size)
    grip = glaze * (1.05 - 1.3 * np.abs(ring - 0.8))[..., None]
    opening = _above(1, mouth, size)
    surface = blend(blend(grip, outside, body), inside, opening)
    return _cut(surface, np.maximum.reduce([body, handle, opening]))


KINDS = (
    Kind("ball", paint_ball, 0),
    Kind("cone", paint_cone, 15),
    Kind("crate", paint_crate, 10),
    Kind("leaf", paint_leaf, 30),
    Kind("mug", paint_mug, 10),
)


def _grid(size: int, reach: float = 1.0) -> tuple[Field, Field]:
    """Return u and v of every pixel's center, from -reach to reach."""
    steps = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) * np.float32(reach)
    u, v = np.meshgrid(steps, steps)
    return u, v


def _above(high: Field | float, low: Field | float, size: int) -> Field:
    """Return 1 where `high` exceeds `low`, 0 where it does not, and a ramp about a pixel wide between."""
    ramp: Field = np.clip((np.asarray(high, np.float32) - low) * (size / 3) + 0.5, 0, 1)
    return ramp


def _between(field: Field, low: Field | float, high: Field | float, size: int) -> Field:
    return _above(field, low, size) * _above(high, field, size)


def _ridge(mask: Field) -> Field:
    """Return 1 where a soft mask passes from 0 to 1."""
    return 4 * mask * (1 - mask)


def _round(across: Field, light: Field) -> Field:
    """Return the brightness of an upright round wall; `across` runs from -1 at its left edge to 1."""
    depth = np.sqrt(1 - across**2)
    facing = np.clip(across * light[0] + depth * light[2], 0, 1)
    brightness: Field = 0.45 + 0.6 * facing + 0.35 * facing**24
    return brightness


def _cut(surface: Field, cover: Field) -> Field:
    picture: Field = np.dstack([np.clip(surface, 0, 1), np.ones_like(cover)]) * cover[..., None]
    return picture.astype(np.float32, copy=False)
