"""Pictures of what a detector finds."""

import colorsys
import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import labels, recordio
from gluon_ssd.data.images import UnreadableImageError, decode
from gluon_ssd.data.sample import Sample
from gluon_ssd.detector import Detector
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)

LEAST_SIDE = 480  # of a picture's longer side, below which a label cannot be read
GOLDEN_RATIO = 0.618034  # of the circle of hues: neighboring classes get colors far apart
ANY_CLASS = 2**24
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


def draw(
    image: Picture, detections: Rows, class_names: Sequence[str] | None, *, threshold: float, truth: Rows | None = None
) -> Picture:
    """Draw detections on a copy of an image, which is enlarged where labels could not be read.

    Args:
        image: RGB (h, w, 3).
        detections: (k, 6) rows `class, score, xmin, ymin, xmax, ymax`, corners in fractions of the image.
        class_names: by class id; where there is none the id is shown.
        threshold: the least score that is drawn.
        truth: objects (n, 6) rows `class, corners, difficult`, drawn as thin white boxes.
    """
    picture = enlarge(image)
    for row in truth if truth is not None else ():
        cv2.rectangle(picture, *_pixels(row[1:5], picture), WHITE, 1)
    shown = detections[detections[:, 1] >= threshold]
    for row in shown[np.argsort(shown[:, 1], kind="stable")]:  # the best on top
        _draw_box(picture, row, class_names)
    return picture


def draw_detections(model: Path, records: Path, output: Path, *, count: int, threshold: float) -> list[Path]:
    """Draw what a model finds, and the truth, in the first images of a .rec file; return the pictures' paths.

    Raises:
        UserError: the count or the threshold makes no sense, the model or the records cannot be read, no image can be
            decoded, or the output folder cannot be written.
    """
    if count < 1:
        raise UserError(f"count: expected an integer of at least 1, got {count}")
    if not 0 <= threshold <= 1:
        raise UserError(f"threshold: expected a score from 0 to 1, got {threshold:g}")
    detector = Detector.read(model)
    written = []
    for number, sample in enumerate(islice(_samples(records), count)):
        path = output / f"{records.stem}_{number:05d}.png"
        try:
            image, detections = decode(sample.image), detector.detect(sample.image)
        except UnreadableImageError as error:
            logger.warning("%s, record %d: skipped: %s", records, number, error)
            continue
        _write(path, draw(image, detections, detector.class_names, threshold=threshold, truth=sample.objects))
        written.append(path)
    if not written:
        raise UserError(f"records: expected images that can be decoded, got none in {records}")
    return written


def _pixels(corners: Rows, picture: Picture) -> tuple[Point, Point]:
    """Return the first and the last pixel of a box, within the picture."""
    height, width = picture.shape[:2]
    xmin, ymin, xmax, ymax = np.clip(corners, 0, 1).tolist()
    first = (min(round(xmin * width), width - 1), min(round(ymin * height), height - 1))
    return first, (max(round(xmax * width) - 1, first[0]), max(round(ymax * height) - 1, first[1]))


def _draw_box(picture: Picture, row: Rows, class_names: Sequence[str] | None) -> None:
    label, color = int(row[0]), class_color(int(row[0]))
    first, last = _pixels(row[2:6], picture)
    # The line lies within the box: OpenCV would spread its width to both sides.
    for inset in range(LINE):
        near, far = (first[0] + inset, first[1] + inset), (last[0] - inset, last[1] - inset)
        cv2.rectangle(picture, near, (max(far[0], near[0]), max(far[1], near[1])), color, 1)
    name = class_names[label] if class_names and label < len(class_names) else f"class {label}"
    _draw_label(picture, f"{name} {row[1]:.2f}", first, color)


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


def _samples(records: Path) -> Iterator[Sample]:
    try:
        with recordio.map_file(records) as buffer:
            for frame in recordio.frames(buffer):
                label, image = recordio.unpack(recordio.read_payload(buffer, frame))
                yield Sample(image, labels.parse(label, ANY_CLASS).objects)
    except (OSError, ValueError) as error:  # RecordIOError and LabelError are ValueErrors, as is mapping an empty file
        raise UserError(f"records: expected a .rec file of detection records, got {records}: {error}") from error


def _write(path: Path, picture: Picture) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())
    except OSError as error:
        raise UserError(f"output: expected to write {path}, got: {error}") from error
