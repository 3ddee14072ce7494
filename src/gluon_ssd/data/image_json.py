"""A channel of images whose objects JSON files give."""

from gluon_ssd.data import annotation_files, coco
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.annotated_dataset import AnnotatedDataset
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.image_files import FolderImages
from gluon_ssd.data.pairing import check, check_missing, pair
from gluon_ssd.errors import UserError


class ImageJsonDataset(AnnotatedDataset):
    """The images of a channel with the objects that JSON files give, in order of the images' paths."""

    @classmethod
    def open(
        cls,
        images: ChannelFolder,
        annotations: ChannelFolder,
        *,
        num_classes: int,
        label_width: int,
        shared: bool = False,
    ) -> "ImageJsonDataset":
        """Read the annotations of all images, check them, and log what there is.

        They are files `x/y.json` for images `x/y.jpg`, or COCO's instances files. `shared` says that the annotations
        of other images lie among them.

        Raises:
            UserError: files do not belong together, or annotations are wrong. Whether an image can be decoded shows
                later.
        """
        annotated = _read_annotations(images, annotations, shared=shared, num_classes=num_classes)
        return cls.checked(
            FolderImages(images, annotated.image_files),
            annotated,
            num_classes=num_classes,
            label_width=label_width,
            annotations=annotations.channel,
        )

    def check_apart(self, other: "ImageJsonDataset") -> None:
        """Raise UserError where one annotation belongs to an image here and to another image of an equal name there."""
        index_of = {place: index for index, place in enumerate(other.places)}
        pairs = [(index, index_of[place]) for index, place in enumerate(self.places) if place in index_of]
        differing = [(index, there) for index, there in pairs if self[index].image != other[there].image]
        if differing:
            index, there = differing[0]
            raise UserError(
                f"{self.places[index]}: expected the annotation of one image, got two that it fits: "
                f"{self.where(index)} and {other.where(there)} ({len(differing)} such annotations); rename them, or "
                "put the annotations of each channel into a folder of its name"
            )


def _read_annotations(
    images: ChannelFolder, annotations: ChannelFolder, *, shared: bool, num_classes: int
) -> Annotated:
    """Read annotations in whichever form they have, which their content tells."""
    pairs = pair(images, annotations)
    instances = (
        [] if len(pairs) else [file for file in pairs.single_annotations if coco.is_instances(annotations, file)]
    )
    if not instances:
        check(pairs, shared=shared)
        return annotation_files.read(pairs)
    annotated = coco.read(annotations, instances, pairs.single_images, num_classes=num_classes)
    found = set(annotated.image_files)
    check_missing(
        f"{images.channel} channel: expected an entry in {', '.join(map(annotations.where, instances))} for each image",
        [image for image in pairs.single_images if image not in found],
        len(pairs.single_images),
    )
    return annotated
