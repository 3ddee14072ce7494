"""A channel of images whose objects other files give: the built-in algorithm's JSON, or COCO's, or VOC's XML."""

import logging
from collections.abc import Sequence

from gluon_ssd.data import annotation_files, coco, voc_files
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.annotated_dataset import AnnotatedDataset
from gluon_ssd.data.channel_files import ChannelFolder, shown
from gluon_ssd.data.class_names import read_class_names
from gluon_ssd.data.image_files import FolderImages
from gluon_ssd.data.pairing import JSON, VOC, Pairs, check, check_missing, pair
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)


class AnnotatedFolder(AnnotatedDataset):
    """The images of a channel with the objects that files give, in order of the images' paths."""

    @classmethod
    def open(
        cls,
        images: ChannelFolder,
        annotations: ChannelFolder,
        *,
        num_classes: int,
        label_width: int,
        shared: bool = False,
        class_names: Sequence[str] | None = None,
    ) -> "AnnotatedFolder":
        """Read the annotations of all images, check them, and log what there is.

        They are files `x/y.json` for images `x/y.jpg`, `x/y.xml` as PASCAL VOC has them, or COCO's instances files.
        `shared` says that the annotations of other images lie among them. Where names make the class ids, as in VOC's
        files, these names in order of their ids are those of a `.classes` file in either channel; failing that
        `class_names`, which another channel has; failing that the sorted names of all objects.

        Raises:
            UserError: files do not belong together, or annotations are wrong. Whether an image can be decoded shows
                later.
        """
        annotated = read_annotations(
            images, annotations, shared=shared, num_classes=num_classes, class_names=class_names
        )
        return cls.checked(
            FolderImages(images, annotated.image_files),
            annotated,
            num_classes=num_classes,
            label_width=label_width,
            annotations=annotations.channel,
        )

    def check_apart(self, other: "AnnotatedFolder") -> None:
        """Raise UserError where one annotation belongs to an image here and to another image of an equal name there."""
        index_of = {place: index for index, place in enumerate(other.places)}
        pairs = [(index, index_of[place]) for index, place in enumerate(self.places) if place in index_of]
        differing = [(index, there) for index, there in pairs if self[index].image != other[there].image]
        if differing:
            index, there = differing[0]
            raise UserError(
                f"{self.places[index]}: expected the annotation of one image, got two that it fits: "
                f"{self.where(index)} and {other.where(there)} (such annotations: {len(differing)}); rename them, or "
                "put the annotations of each channel into a folder of its name"
            )


def read_annotations(
    images: ChannelFolder,
    annotations: ChannelFolder,
    *,
    shared: bool,
    num_classes: int | None,
    class_names: Sequence[str] | None = None,
    keep_going: bool = False,
) -> Annotated:
    """Read annotations in whichever form they have, which their content tells (see `AnnotatedFolder.open`).

    Without `num_classes` any number of classes will do; `keep_going` leaves out what JSON files get wrong.

    Raises:
        UserError: files do not belong together, or are not what they should be.
    """
    pairs = pair(images, annotations)
    instances = _instances(pairs)
    if instances:
        return _read_instances(pairs, instances, num_classes)
    check(pairs, shared=shared)
    if pairs.form is not VOC:
        return annotation_files.read(pairs, keep_going=keep_going)
    return voc_files.read(pairs, num_classes=num_classes, class_names=_listed(pairs) or class_names)


def _listed(pairs: Pairs) -> Sequence[str] | None:
    """Return the class names of a `.classes` file in either channel."""
    return read_class_names(pairs.images) or read_class_names(pairs.annotations.whole)


def _instances(pairs: Pairs) -> Sequence[str]:
    """Return the annotation files that are COCO's, where none is that of a single image; log which others there are.

    Raises:
        UserError: a file is not JSON, so that nobody knows what it would have said.
    """
    if len(pairs) or pairs.form is not JSON:
        return []
    found = [file for file in pairs.single_annotations if coco.is_instances(pairs.annotations, file)]
    others = [file for file in pairs.single_annotations if file not in found]
    if found and others:
        logger.info(
            "%s channel: %d JSON files hold no boxes as COCO has them, and are left alone: %s",
            pairs.annotations.channel,
            len(others),
            shown(others),
        )
    return found


def _read_instances(pairs: Pairs, files: Sequence[str], num_classes: int | None) -> Annotated:
    images, annotations = pairs.images, pairs.annotations
    annotated = coco.read(annotations, files, pairs.single_images, num_classes=num_classes, listed=_listed(pairs))
    found = set(annotated.image_files)
    check_missing(
        f"{images.channel} channel: expected an entry in {', '.join(map(annotations.where, files))} for each image",
        [image for image in pairs.single_images if image not in found],
        len(pairs.single_images),
    )
    return annotated
