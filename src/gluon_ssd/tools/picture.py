"""Pictures with boxes on them: colors, lines, labels, files."""

import colorsys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.errors import UserError

LEAST_SIDE = 480  # of a picture's longer side, below which a label cannot be read
GOLDEN_RATIO = 0.618034  # of the circle of hues: neighboring classes get colors far apart
WHITE = (255, 255, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE, MARGIN, LINE = 0.5, 3, 2

Color = tuple[int, int, int]
Point = tuple[int, int]
Picture = NDArray[np.uint8]
Rows = NDArray[np.floating[Any]]


def class_color(label: int) -> Color:
    """Return the RGB color that boxes of a class have."""
    red, green, blue = colorsys.hsv_to_rgb(label * GOLDEN_RATIO % 1, 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def enlarge(image: Picture) -> Picture:
    """Return the image, a whole number of times larger where its longer side is below 480 pixels."""
    times = -(-LEAST_SIDE // max(image.shape[:2]))
    if times == 1:
        return image.copy()
    return cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)


def pixels(corners: Rows, picture: Picture) -> tuple[Point, Point]:
    """Return the first and the last pixel of a box given by its corners in fractions, within the picture."""
    height, width = picture.shape[:2]
    xmin, ymin, xmax, ymax = np.clip(corners, 0, 1).tolist()
    first = (min(round(xmin * width), width - 1), min(round(ymin * height), height - 1))
    return first, (max(round(xmax * width) - 1, first[0]), max(round(ymax * height) - 1, first[1]))


def draw_box(picture: Picture, corners: Rows, class_id: int, text: str) -> None:
    """Draw a box, given by its corners in fractions, in the color of its class, with a text at it."""
    color = class_color(class_id)
    first, last = pixels(corners, picture)
    # The line lies within the box: OpenCV would spread its width to both sides.
    for inset in range(LINE):
        near, far = (first[0] + inset, first[1] + inset), (last[0] - inset, last[1] - inset)
        cv2.rectangle(picture, near, (max(far[0], near[0]), max(far[1], near[1])), color, 1)
    _draw_label(picture, text, first, color)


def class_text(class_id: int, class_names: Mapping[int, str]) -> str:
    """Return the name of a class, or its id where it has none."""
    return class_names.get(class_id, f"class {class_id}")


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture as PNG, and the folder it goes to; raise UserError where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())
    except OSError as error:
        raise UserError(f"{path}: expected a file that can be written, got: {error}") from error


def _draw_label(picture: Picture, text: str, corner: Point, color: Color) -> None:
    """Write on a plate above a box's upper left corner, or below it where the picture ends."""
    (width, height), baseline = cv2.getTextSize(text, FONT, FONT_SCALE, 1)
    plate_width, plate_height = width + 2 * MARGIN, height + baseline + MARGIN
    left = max(min(corner[0], picture.shape[1] - plate_width), 0)
    top = corner[1] - plate_height if corner[1] >= plate_height else corner[1]
    cv2.rectangle(picture, (left, top), (left + plate_width - 1, top + plate_height - 1), color, -1)
    ink = (0, 0, 0) if _luminance(color) > 110 else WHITE  # noqa: PLR2004 - of 255: where black is easier to read
    cv2.putText(picture, text, (left + MARGIN, top + MARGIN + height), FONT, FONT_SCALE, ink, 1, cv2.LINE_AA)


def _luminance(color: Color) -> float:
    red, green, blue = color
    return 0.299 * red + 0.587 * green + 0.114 * blue
