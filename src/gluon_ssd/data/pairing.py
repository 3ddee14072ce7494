"""Images and annotation files that belong together by name: `x/y.jpg` of one folder and `x/y.json` of another."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from gluon_ssd.data import unreadable
from gluon_ssd.data.channel_files import ChannelFolder, by_stem, one_form, shown
from gluon_ssd.errors import UserError
from gluon_ssd.file_kinds import IMAGES, with_suffix

logger = logging.getLogger(__name__)

_OTHER_IMAGES = (".bmp", ".gif", ".heic", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Form:
    """A form that annotation files come in: what messages call them, their suffix, how they say that nothing is there.

    `instead` is what may be there in place of a file for each image.
    `apart` are the folders that keep such files apart from their images, and so do not count as part of a name.
    """

    kind: str
    suffix: str
    background: str
    instead: str = ""
    apart: Collection[str] = ()


JSON = Form("JSON", ".json", "with empty annotations where it shows no objects", " or COCO's JSON file,")
VOC = Form("VOC XML", ".xml", "without any object where it shows none", apart=("JPEGImages", "Annotations"))


@dataclass(frozen=True)
class Pairs:
    """The files of n images and of their annotations, as paths relative to the two folders, and those left single."""

    form: Form
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

    It is a JSON file; where no JSON file fits an image, a VOC XML file. Images of another kind are told of, and so are
    annotations of the form that is not used.

    Raises:
        UserError: there are no images, no annotations, or names that fit several.
    """
    image_files = _find(images, IMAGES, "at least one image (.jpg, .jpeg or .png)")
    files = annotations.files()
    found = [(form, own) for form in (JSON, VOC) if (own := with_suffix(files, (form.suffix,)))]
    if not found:
        what = "a JSON or VOC XML file for each image, x/y.json or x/y.xml for x/y.jpg, or COCO's JSON file,"
        raise _missing(annotations, what, files)
    several = (_pair(form, images, annotations, image_files, own) for form, own in found)
    first = next(several)
    pairs = first if len(first) else next((pairs for pairs in several if len(pairs)), first)
    for form, own in found:
        if form is not pairs.form:
            logger.warning(
                "%s channel: %d %s files are not used for the %s channel, since its images are read with %s files: %s",
                annotations.channel,
                len(own),
                form.kind,
                images.channel,
                pairs.form.kind,
                shown(own),
            )
    return pairs


def _pair(
    form: Form,
    images: ChannelFolder,
    annotations: ChannelFolder,
    image_files: Sequence[str],
    annotation_files: Sequence[str],
) -> Pairs:
    image_of = by_stem(images, image_files, without=form.apart)
    annotation_of = by_stem(annotations, annotation_files, without=form.apart)
    stems = [stem for stem in image_of if stem in annotation_of]
    return Pairs(
        form,
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
    images, annotations, form = pairs.images.channel, pairs.annotations.channel, pairs.form
    if not len(pairs):
        raise UserError(
            f"{annotations} channel: expected a {form.kind} file for each image of the {images} channel, "
            f"x/y{form.suffix} for x/y.jpg,{form.instead} got none that fits: {form.kind} files "
            f"{shown(pairs.single_annotations)}; images {shown(pairs.single_images)}"
        )
    check_missing(
        f"{images} channel: expected a {form.kind} file in the {annotations} channel for each image, {form.background}",
        pairs.single_images,
        len(pairs.single_images) + len(pairs),
    )
    if pairs.single_annotations and not shared:
        logger.warning(
            "%s channel: %d %s files have no image in the %s channel and are not used: %s",
            annotations,
            len(pairs.single_annotations),
            form.kind,
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


def misnamed(pairs: Pairs, indices: Sequence[int], told: Sequence[str | None]) -> list[int]:
    """Return those of the annotations that name, as `told`, another image than the one they belong to."""
    # The folder and the suffix may have changed since; the name is what tells one image from another.
    return [
        index
        for index, name in zip(indices, told, strict=True)
        if name is not None and _stem(name) != _stem(pairs.image_files[index])
    ]


def _stem(name: str) -> str:
    return one_form(PurePosixPath(name).stem)


def warn_of_misnamed(pairs: Pairs, indices: Sequence[int]) -> None:
    """Log the first of the annotations that name other images, and how many they are."""
    if indices:
        logger.warning(
            "%s: its file names another image than %s; taken all the same, since files belong together by name "
            "(such files: %d)",
            pairs.annotation(indices[0]),
            pairs.image_files[indices[0]],
            len(indices),
        )


def _find(folder: ChannelFolder, suffixes: Sequence[str], what: str) -> Sequence[str]:
    files = folder.files()
    found = with_suffix(files, suffixes)
    if not found:
        raise _missing(folder, what, files)
    if suffixes == IMAGES:
        _warn_of_other_images(folder, files)
    return found


def _missing(folder: ChannelFolder, what: str, files: Sequence[str]) -> UserError:
    remedy = "; set ContentType to application/x-recordio" if with_suffix(files, (".rec",)) else ""
    return UserError(f"{folder.channel} channel: expected {what} in {folder.folder}, got {shown(files)}{remedy}")


def _warn_of_other_images(images: ChannelFolder, files: Sequence[str]) -> None:
    others = with_suffix(files, _OTHER_IMAGES)
    if others:
        logger.warning(
            "%s channel: expected images as JPEG or PNG, got %d of another kind, which are not used: %s",
            images.channel,
            len(others),
            shown(others),
        )
