"""What a model finds in images: a table for people, JSON lines for programs, and pictures."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from gluon_ssd import file_kinds
from gluon_ssd.data.counted import counted
from gluon_ssd.data.images import UnreadableImageError, decode
from gluon_ssd.detector import Detector
from gluon_ssd.errors import UserError
from gluon_ssd.tools.draw import draw
from gluon_ssd.tools.picture import class_text, write_picture
from gluon_ssd.tools.written_aside import expect_new

logger = logging.getLogger(__name__)

_NAME_WIDTH = 20


@dataclass(frozen=True, eq=False)
class Prediction:
    """An image (h, w, 3), RGB, and the objects (k, 6) found in it: class, score, corners in fractions, best first."""

    path: Path
    pixels: NDArray[np.uint8]
    objects: NDArray[np.float32]

    def as_text(self, class_names: Sequence[str] | None) -> str:
        """Return a line for the image and one for each object, its corners in pixels."""
        height, width = self.pixels.shape[:2]
        names = dict(enumerate(class_names or ()))
        lines = [f"{self.path}: {width} x {height}, {counted(len(self.objects), 'object')}"]
        for class_id, score, *corners in self.objects.tolist():
            box = " ".join(f"{part * side:7.1f}" for part, side in zip(corners, (width, height) * 2, strict=True))
            lines.append(f"  {class_text(int(class_id), names):<{_NAME_WIDTH}} {score:.3f} {box}")
        return "\n".join(lines)

    def as_json(self) -> str:
        """Return the built-in algorithm's reply, corners in fractions of the image, and the image's path."""
        return json.dumps({"image": str(self.path), "prediction": self.objects.tolist()})


def find_images(given: Sequence[Path]) -> list[Path]:
    """Return the images that are given, and those in folders that are, in order of their names.

    Raises:
        UserError: there is nothing at a path, or a folder without an image.
    """
    return [image for path in given for image in (_images_in(path) if path.is_dir() else [_expect_file(path)])]


def picture_names(images: Sequence[Path], output: Path) -> Mapping[Path, Path]:
    """Return which picture in the folder `output` each image becomes: of its name, or with a number after it.

    Raises:
        UserError: one would take the place of an image, or of a picture that is there already.
    """
    taken: dict[Path, Path] = {}
    for image in dict.fromkeys(images):
        path, number = output / f"{image.stem}.png", 2
        while path in taken.values():
            path, number = output / f"{image.stem}_{number}.png", number + 1
        taken[image] = path
    originals = {image.resolve() for image in images}
    replaced = [path for path in taken.values() if path.resolve() in originals]
    if replaced:
        raise UserError(f"--draw {output}: expected a folder without the images, got one with {replaced[0]}")
    for path in taken.values():
        expect_new(path, option="--draw")
    return taken


def predict(detector: Detector, images: Sequence[Path], *, threshold: float) -> Iterator[Prediction]:
    """Yield what is found in each image with at least this score; an image that cannot be read is told of at the end.

    Raises:
        UserError: an image could not be read; after all others.
    """
    unreadable = 0
    for path in tqdm(images, desc="detecting", unit=" images", leave=False, disable=None):
        try:
            pixels = decode(path.read_bytes())
        except (OSError, UnreadableImageError) as error:
            logger.warning("%s: left out: %s", path, error)
            unreadable += 1
            continue
        objects = detector.detect_pixels(pixels)
        yield Prediction(path, pixels, objects[objects[:, 1] >= threshold])
    if unreadable:
        raise UserError(f"images: expected JPEG or PNG images, got {unreadable} of {len(images)} that cannot be read")


def draw_prediction(prediction: Prediction, path: Path, class_names: Sequence[str] | None) -> None:
    """Write a picture of an image with the objects found in it; raise UserError where that cannot be."""
    write_picture(path, draw(prediction.pixels, prediction.objects, class_names, threshold=0))


def _images_in(folder: Path) -> list[Path]:
    try:
        names = sorted(file_kinds.with_suffix(file_kinds.visible(folder), file_kinds.IMAGES))
    except OSError as error:
        raise UserError(f"{folder}: expected a folder that can be read, got: {error}") from error
    if not names:
        raise UserError(f"{folder}: expected JPEG or PNG images, got a folder without any")
    return [folder / name for name in names]


def _expect_file(path: Path) -> Path:
    if not path.exists():
        raise UserError(f"{path}: expected an image or a folder of images, got nothing there")
    return path
