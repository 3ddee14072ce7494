"""Layers of a scene, the nearest last: float32 (h, w, 4), RGB multiplied by the cover, and the cover in [0, 1]."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.tools.textures import Field

LEAST_VISIBLE = 0.9  # of an object, where nearer ones cover it

Mask = NDArray[np.bool_]
Window = tuple[int, int, int, int]  # xmin, ymin, xmax, ymax, the latter two excluded


def visible_masks(layers: list[Field]) -> list[Mask]:
    """Return for each layer the pixels that show it, which no nearer layer covers."""
    covered = np.zeros(layers[0].shape[:2], np.bool_)
    masks: list[Mask] = []
    for layer in reversed(layers):
        masks.insert(0, _mask(layer) & ~covered)
        covered |= _mask(layer)
    return masks


def all_show(layers: list[Field]) -> bool:
    """Tell whether enough of every layer shows to know it by."""
    shown = zip(layers, visible_masks(layers), strict=True)
    return all(mask.sum() >= LEAST_VISIBLE * _mask(layer).sum() for layer, mask in shown)


def bounds(mask: Mask) -> Window:
    """Return the smallest window that holds a mask which is not empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def lay(picture: Field, layer: Field, light: Field) -> Field:
    """Lay a layer on a picture (h, w, 3), with the shadow that it throws away from the light."""
    height, width = picture.shape[:2]
    cover = layer[..., 3]
    shift = np.array([[1, 0, -12 * light[0]], [0, 1, -8 * light[1]]], np.float32)
    shadow = cv2.GaussianBlur(cv2.warpAffine(cover, shift, (width, height)), (0, 0), 5)
    darkened = picture * (1 - 0.5 * shadow)[..., None]
    laid: Field = darkened * (1 - cover)[..., None] + layer[..., :3]
    return laid.astype(np.float32, copy=False)


def _mask(layer: Field) -> Mask:
    mask: Mask = layer[..., 3] > 0.5  # noqa: PLR2004 - a pixel shows what covers more than half of it
    return mask
