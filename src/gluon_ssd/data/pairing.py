"""Images and annotation files that belong together by name: `x/y.jpg` of one folder and `x/y.json` of another."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gluon_ssd.data import unreadable
from gluon_ssd.data.channel_files import ChannelFolder, by_stem, shown, with_suffix
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_ANNOTATIONS = (".json",)
_OTHER_IMAGES = (".bmp", ".gif", ".heic", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Pairs:
    """The files of n images and of their annotations, as paths relative to the two folders, and those left single."""

    images: ChannelFolder
    annotations: ChannelFolder
    image_files: Sequence[str]
    annotation_files: Sequence[str]
    single_images: Sequence[str]
    single_annotations: Sequence[str]

    def __len__(self) -> int:
        return len(self.image_files)

    def annotation(self, index: int) -> str:
        """Say where an image's annotation is: `train_annotation channel, x/y.json`."""
        return self.annotations.where(self.annotation_files[index])


def pair(images: ChannelFolder, annotations: ChannelFolder) -> Pairs:
    """Find the annotation of each image, in order of the images' paths; there may be none that fits.

    Images of another kind are told of.

    Raises:
        UserError: there are no images, no annotations, or names that fit several.
    """
    image_of = _find(images, IMAGE_SUFFIXES, "at least one image (.jpg, .jpeg or .png)")
    annotation_of = _find(annotations, _ANNOTATIONS, "a JSON file for each image, x/y.json for x/y.jpg,")
    stems = [stem for stem in image_of if stem in annotation_of]
    return Pairs(
        images,
        annotations,
        image_files=[image_of[stem] for stem in stems],
        annotation_files=[annotation_of[stem] for stem in stems],
        single_images=[image for stem, image in image_of.items() if stem not in annotation_of],
        single_annotations=[file for stem, file in annotation_of.items() if stem not in image_of],
    )


def check(pairs: Pairs, *, shared: bool) -> None:
    """Judge what is single: images without annotation, and annotations without image.

    Where annotations are `shared` with the images of another channel, those without are no surprise.

    Raises:
        UserError: nothing fits, or too many images have no annotation.
    """
    images, annotations = pairs.images.channel, pairs.annotations.channel
    if not len(pairs):
        raise UserError(
            f"{annotations} channel: expected a JSON file for each image of the {images} channel, x/y.json for "
            f"x/y.jpg, got none that fits: JSON files {shown(pairs.single_annotations)}; "
            f"images {shown(pairs.single_images)}"
        )
    check_missing(
        f"{images} channel: expected a JSON file in the {annotations} channel for each image, with empty annotations "
        "where it shows no objects",
        pairs.single_images,
        len(pairs.single_images) + len(pairs),
    )
    if pairs.single_annotations and not shared:
        logger.warning(
            "%s channel: %d JSON files have no image in the %s channel and are not used: %s",
            annotations,
            len(pairs.single_annotations),
            images,
            shown(pairs.single_annotations),
        )


def check_missing(expectation: str, missing: Sequence[str], total: int) -> None:
    """Warn of images that no one annotated; too many of them, counted as unreadable ones are, are a UserError."""
    if not missing:
        return
    message = f"{expectation}, got none for {len(missing):,} of {total:,} images"
    limit = unreadable.allowed(total)
    if len(missing) > limit:
        raise UserError(f"{message}, of which at most {limit:,} may be left out: {shown(missing)}")
    logger.warning("%s, which are left out: %s", message, shown(missing))


def _find(folder: ChannelFolder, suffixes: Sequence[str], what: str) -> Mapping[str, str]:
    files = folder.files()
    found = with_suffix(files, suffixes)
    if not found:
        raise UserError(f"{folder.channel} channel: expected {what} in {folder.folder}, got {shown(files)}")
    if suffixes == IMAGE_SUFFIXES:
        _warn_of_other_images(folder, files)
    return by_stem(folder, found)


def _warn_of_other_images(images: ChannelFolder, files: Sequence[str]) -> None:
    others = with_suffix(files, _OTHER_IMAGES)
    if others:
        logger.warning(
            "%s channel: expected images as JPEG or PNG, got %d of another kind, which are not used: %s",
            images.channel,
            len(others),
            shown(others),
        )
