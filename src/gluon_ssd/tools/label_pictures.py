"""Pictures of images with the boxes that their labels give, those with suspicious ones first."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path

from gluon_ssd.data.images import UnreadableImageError, decode
from gluon_ssd.errors import UserError
from gluon_ssd.tools.label_source import LabelSource
from gluon_ssd.tools.picture import Picture, class_text, draw_box, enlarge, write_picture
from gluon_ssd.tools.suspicious_labels import Suspicion

logger = logging.getLogger(__name__)

_LONGEST_NAME = 100


def draw_labels(source: LabelSource, suspicions: Sequence[Suspicion], output: Path, *, count: int) -> list[Path]:
    """Draw images with their boxes, the first of each suspicion, the second of each, and so on, then others.

    Returns:
        The paths of at most `count` pictures, at least 1, in the order of their names.

    Raises:
        UserError: no image can be decoded, or the output folder cannot be written.
    """
    doubts, named = _doubts(suspicions), _names(suspicions)
    written: list[Path] = []
    for image in _order(source.table.images, suspicions, count):
        if image in source.elsewhere:
            continue
        try:
            picture = draw_image(source, image, doubts)
        except UnreadableImageError as error:
            logger.warning("%s: skipped: %s", source.where(image), error)
            continue
        kind = named.get(image, "plain").replace(" ", "_")
        written.append(output / f"{len(written):03d}_{kind}_{_file_name(source.where(image))}.png")
        write_picture(written[-1], picture)
        if len(written) == count:
            break
    if not written:
        in_s3 = " but in S3, from where they are not fetched; download them and look there" if source.elsewhere else ""
        raise UserError(f"draw: expected images that can be decoded, got none{in_s3}")
    return written


def draw_image(source: LabelSource, image: int, doubts: Mapping[int, str]) -> Picture:
    """Return an image with all its boxes, the doubtful on top; `doubts` are words to add to a box, by its row."""
    picture = enlarge(decode(source.read(image)))
    table = source.table
    rows = range(table.begins[image], table.begins[image + 1])
    for row in sorted(rows, key=lambda row: row in doubts):
        words = [class_text(int(table.ids[row]), source.class_names), *([doubts[row]] if row in doubts else [])]
        draw_box(picture, table.rows[row, 1:5], int(table.ids[row]), ", ".join(words))
    return picture


def _order(images: int, suspicions: Sequence[Suspicion], count: int) -> Iterator[int]:
    """Yield each image once: in turn the next of each suspicion, then some from all over, then all others."""
    in_turn = chain.from_iterable(zip_longest(*(suspicion.images for suspicion in suspicions)))
    spread = range(0, images, max(images // count, 1))
    seen = set()
    for image in chain((image for image in in_turn if image is not None), spread, range(images)):
        if image not in seen:
            seen.add(image)
            yield image


def _doubts(suspicions: Sequence[Suspicion]) -> dict[int, str]:
    words: dict[int, list[str]] = defaultdict(list)
    for suspicion in suspicions:
        for row in suspicion.rows:
            if row >= 0:
                words[row].append(suspicion.name)
    return {row: ", ".join(names) for row, names in words.items()}


def _names(suspicions: Sequence[Suspicion]) -> dict[int, str]:
    """Return the first suspicion of each image."""
    return {image: suspicion.name for suspicion in reversed(suspicions) for image in suspicion.images}


def _file_name(where: str) -> str:
    """Return the place of an image without its channel, as a part of a file name."""
    place = where.partition(" channel, ")[2]
    return re.sub(r"[^\w.-]+", "_", place)[-_LONGEST_NAME:]
