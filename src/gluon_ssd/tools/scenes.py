"""Drawn scenes that look like photographs, to try the program on: a few things on some ground, and their boxes."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import UserError
from gluon_ssd.tools.prepared_image import PreparedImage
from gluon_ssd.tools.record_files import write_record_files
from gluon_ssd.tools.scene_backgrounds import paint_background
from gluon_ssd.tools.scene_layers import all_show, bounds, lay, visible_masks
from gluon_ssd.tools.scene_objects import KINDS, Kind
from gluon_ssd.tools.textures import Field

HEIGHT, WIDTH = 240, 320
CLASS_NAMES = tuple(kind.name for kind in KINDS)
LEAST_OBJECTS, MOST_OBJECTS = 2, 4
SIDES = (0.42, 0.6)  # of an object's longer side, in heights of the image
PLACE_TRIALS = 20
PAINTED_SIZE = 192  # of an object before it is reduced, so that its edges come out smooth
JPEG_QUALITY = 90


def write_scenes(output: Path, *, images: int, seed: int) -> None:
    """Write scenes as a .rec file with .idx, .lst and .classes files beside it.

    Equal seeds give equal files, scene i of a shorter file being scene i of a longer one; other seeds other scenes.

    Raises:
        UserError: there are to be no images, the seed is negative, or the output cannot be written.
    """
    if images < 1:
        raise UserError(f"--images: expected at least 1, got {images}")
    if seed < 0:
        raise UserError(f"--seed: expected at least 0, got {seed}")
    with write_record_files(output, CLASS_NAMES) as files:
        for number in tqdm(range(images), desc=f"scenes to {output.name}", unit=" images", disable=None):
            picture, objects = paint_scene(np.random.default_rng([seed, number]))
            sample = Sample(_encode(picture), objects)
            files.add(PreparedImage(f"scene_{number:05d}.jpg", sample, (WIDTH, HEIGHT)))


def paint_scene(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a scene, uint8 RGB (240, 320, 3), and its objects: rows of class, corners as fractions, difficult (0)."""
    light = _draw_light(rng)
    picture = paint_background(rng, (HEIGHT, WIDTH))
    labels, layers = _place_objects(rng, light)
    for layer in layers:
        picture = lay(picture, layer, light)
    windows = np.array([bounds(mask) for mask in visible_masks(layers)])
    objects = np.column_stack([labels, windows / (WIDTH, HEIGHT, WIDTH, HEIGHT), np.zeros(len(labels))])
    return _expose(rng, picture), objects.astype(np.float32)


def _encode(picture: NDArray[np.uint8]) -> bytes:
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])


def _draw_light(rng: np.random.Generator) -> Field:
    """Return the direction to the light: right, down, towards us; it comes from above."""
    direction = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-0.8, -0.3), rng.uniform(0.5, 0.9)], np.float32)
    return direction / np.linalg.norm(direction)


def _place_objects(rng: np.random.Generator, light: Field) -> tuple[list[int], list[Field]]:
    """Return the labels of two to four objects, and for each a layer (240, 320, 4), the nearest last."""
    labels: list[int] = []
    layers: list[Field] = []
    for _ in range(int(rng.integers(LEAST_OBJECTS, MOST_OBJECTS + 1))):
        label = int(rng.integers(len(KINDS)))
        cutout = _cut_out(rng, KINDS[label], light)
        for _ in range(PLACE_TRIALS):
            layer = _place(rng, cutout)
            if all_show([*layers, layer]):
                labels.append(label)
                layers.append(layer)
                break
    return labels, layers


def _cut_out(rng: np.random.Generator, kind: Kind, light: Field) -> Field:
    """Return an object, leaning and in its final size, on the smallest rectangle that holds it."""
    painted = kind.paint(rng, PAINTED_SIZE, light)
    turned = cv2.warpAffine(painted, _draw_turn(rng, kind.lean), (2 * PAINTED_SIZE, 2 * PAINTED_SIZE))
    xmin, ymin, xmax, ymax = bounds(turned[..., 3] > 0)
    tight = turned[ymin:ymax, xmin:xmax]
    scale = rng.uniform(*SIDES) * HEIGHT / max(tight.shape[:2])
    return cv2.resize(tight, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)


def _draw_turn(rng: np.random.Generator, lean: float) -> NDArray[np.float64]:
    """Return the affine map (2, 3) that turns the painted square, makes it narrower or wider, and centers it."""
    angle = np.radians(rng.uniform(-lean, lean))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * (rng.uniform(0.85, 1.1), 1)
    offset = PAINTED_SIZE - turn @ np.full(2, PAINTED_SIZE / 2)
    return np.column_stack([turn, offset])


def _place(rng: np.random.Generator, cutout: Field) -> Field:
    height, width = cutout.shape[:2]
    top, left = rng.integers(HEIGHT - height + 1), rng.integers(WIDTH - width + 1)
    layer = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    layer[top : top + height, left : left + width] = cutout
    return layer


def _expose(rng: np.random.Generator, picture: Field) -> NDArray[np.uint8]:
    """Take the photograph: vignette, exposure, tint, a lens that is not quite sharp, and a sensor that is noisy."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    vignette = 1 - rng.uniform(0.05, 0.3) * (x**2 + y**2) / 2
    tint = rng.uniform(0.92, 1.08, 3) * rng.uniform(0.85, 1.15)
    exposed = cv2.GaussianBlur(picture * vignette[..., None] * tint, (0, 0), rng.uniform(0.4, 0.9))
    noisy = exposed + rng.normal(0, rng.uniform(0.005, 0.02), exposed.shape)
    developed: NDArray[np.uint8] = (np.clip(noisy, 0, 1) * 255).round().astype(np.uint8)
    return developed
