"""Pictures of what a detector finds."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from gluon_ssd.data import labels, recordio
from gluon_ssd.data.images import UnreadableImageError, decode
from gluon_ssd.data.sample import Sample
from gluon_ssd.detector import Detector
from gluon_ssd.errors import UserError
from gluon_ssd.tools.picture import WHITE, Picture, Rows, class_text, draw_box, enlarge, pixels, write_picture

logger = logging.getLogger(__name__)


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
    names = dict(enumerate(class_names or ()))
    for row in truth if truth is not None else ():
        cv2.rectangle(picture, *pixels(row[1:5], picture), WHITE, 1)
    shown = detections[detections[:, 1] >= threshold]
    for row in shown[np.argsort(shown[:, 1], kind="stable")]:  # the best on top
        draw_box(picture, row[2:6], int(row[0]), f"{class_text(int(row[0]), names)} {row[1]:.2f}")
    return picture


def draw_detections(model: Path, records: Path, output: Path, *, count: int, threshold: float) -> list[Path]:
    """Draw what a model finds, and the truth, in the first images of a .rec file; return the pictures' paths.

    Raises:
        UserError: the count or the threshold makes no sense, the model or the records cannot be read, no image can be
            decoded, or the output folder cannot be written.
    """
    if count < 1:
        raise UserError(f"--count: expected an integer of at least 1, got {count}")
    if not 0 <= threshold <= 1:
        raise UserError(f"--threshold: expected a score from 0 to 1, got {threshold:g}")
    detector = Detector.read(model)
    written = []
    for number, sample in enumerate(islice(_samples(records), count)):
        path = output / f"{records.stem}_{number:05d}.png"
        try:
            image, detections = decode(sample.image), detector.detect(sample.image)
        except UnreadableImageError as error:
            logger.warning("%s, record %d: skipped: %s", records, number, error)
            continue
        write_picture(path, draw(image, detections, detector.class_names, threshold=threshold, truth=sample.objects))
        written.append(path)
    if not written:
        raise UserError(f"records: expected images that can be decoded, got none in {records}")
    return written


def _samples(records: Path) -> Iterator[Sample]:
    try:
        with recordio.map_file(records) as buffer:
            for frame in recordio.frames(buffer):
                label, image = recordio.unpack(recordio.read_payload(buffer, frame))
                yield Sample(image, labels.parse(label, labels.ANY_CLASS).objects)
    except (OSError, ValueError) as error:  # RecordIOError and LabelError are ValueErrors, as is mapping an empty file
        raise UserError(f"records: expected a .rec file of detection records, got {records}: {error}") from error
