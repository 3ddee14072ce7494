"""Images and annotation files that belong together by name: `x/y.jpg` of one folder and `x/y.json` of another."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gluon_ssd.data import unreadable
from gluon_ssd.data.channel_files import ChannelFolder, by_stem, shown, with_suffix
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)

_IMAGES = (".jpg", ".jpeg", ".png")
_ANNOTATIONS = (".json",)


@dataclass(frozen=True)
class Pairs:
    """The files of n images and of their annotations, as paths relative to the two folders."""

    images: ChannelFolder
    annotations: ChannelFolder
    image_files: Sequence[str]
    annotation_files: Sequence[str]

    def __len__(self) -> int:
        return len(self.image_files)

    def image(self, index: int) -> str:
        """Say where an image is: `train channel, x/y.jpg`."""
        return self.images.where(self.image_files[index])

    def annotation(self, index: int) -> str:
        """Say where an image's annotation is: `train_annotation channel, x/y.json`."""
        return self.annotations.where(self.annotation_files[index])


def pair(images: ChannelFolder, annotations: ChannelFolder, *, shared: bool) -> Pairs:
    """Find the annotation of each image, in order of the images' paths.

    A few images may have none: they are left out, with a warning. So are annotations without an image; where they are
    `shared` with the images of another channel, these are no surprise.

    Raises:
        UserError: there are no images, no annotations, none that fit, or too many images without.
    """
    image_of = _find(images, _IMAGES, "at least one image (.jpg, .jpeg or .png)")
    annotation_of = _find(annotations, _ANNOTATIONS, "a JSON file for each image, x/y.json for x/y.jpg,")
    stems = [stem for stem in image_of if stem in annotation_of]
    if not stems:
        raise UserError(
            f"{annotations.channel} channel: expected a JSON file for each image of the {images.channel} channel, "
            f"x/y.json for x/y.jpg, got none that fits: JSON files {shown([*annotation_of.values()])}; "
            f"images {shown([*image_of.values()])}"
        )
    _judge_missing(
        images, annotations, [image for stem, image in image_of.items() if stem not in annotation_of], len(image_of)
    )
    if not shared:
        _warn_of_unused(images, annotations, [file for stem, file in annotation_of.items() if stem not in image_of])
    return Pairs(images, annotations, [image_of[stem] for stem in stems], [annotation_of[stem] for stem in stems])


def _find(folder: ChannelFolder, suffixes: Sequence[str], what: str) -> Mapping[str, str]:
    files = folder.files()
    found = with_suffix(files, suffixes)
    if not found:
        raise UserError(f"{folder.channel} channel: expected {what} in {folder.folder}, got {shown(files)}")
    return by_stem(folder, found)


def _judge_missing(images: ChannelFolder, annotations: ChannelFolder, missing: Sequence[str], total: int) -> None:
    """Warn of images that no one annotated; too many of them, counted as unreadable ones are, fail the job."""
    if not missing:
        return
    message = (
        f"{images.channel} channel: expected a JSON file in the {annotations.channel} channel for each image, with "
        f"empty annotations where it shows no objects, got none for {len(missing):,} of {total:,} images"
    )
    limit = unreadable.allowed(total)
    if len(missing) > limit:
        raise UserError(f"{message}, of which at most {limit:,} may be left out: {shown(missing)}")
    logger.warning("%s, which are left out: %s", message, shown(missing))


def _warn_of_unused(images: ChannelFolder, annotations: ChannelFolder, unused: Sequence[str]) -> None:
    if unused:
        logger.warning(
            "%s channel: %d JSON files have no image in the %s channel and are not used: %s",
            annotations.channel,
            len(unused),
            images.channel,
            shown(unused),
        )
