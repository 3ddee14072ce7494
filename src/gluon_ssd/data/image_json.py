"""A channel of images whose objects other files give: all of these read and checked once, images then one by one.

The files are the built-in algorithm's JSON, which gives the data set its name, or COCO's, or VOC's XML.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gluon_ssd.data import annotation_files, coco, voc_files
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.class_names import read_class_names
from gluon_ssd.data.image_header import read_sizes
from gluon_ssd.data.pairing import JSON, VOC, Pairs, check, check_missing, pair
from gluon_ssd.data.pixel_labels import Objects, check_unit
from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import PlatformError, UserError


class ImageJsonDataset:
    """The images of a channel with the objects that annotations give, in order of the images' paths.

    `class_names` are those that the annotations tell, None where these contradict each other or do not name each class;
    `ids_follow_names` says whether other names would mean other class ids. `places` say where the annotation of each
    image is; they stay behind when the data set is pickled.
    """

    def __init__(
        self, folder: ChannelFolder, annotated: Annotated, objects: Objects, class_names: tuple[str, ...] | None
    ) -> None:
        self.summary = objects.summary
        self.class_names = class_names
        self.ids_follow_names = annotated.ids_follow_names
        self._folder = folder
        self._files = annotated.image_files
        self.places = annotated.places
        self._objects = objects

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
    ) -> "ImageJsonDataset":
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
        labels, places = annotated.labels, annotated.places
        labels.check_classes(num_classes, places)
        sizes = labels.sizes(read_sizes(images, annotated.image_files), places)
        labels.warn_of_sizes(sizes, places)
        objects = labels.objects(sizes)
        dataset = cls(images, annotated, objects, _class_names(annotated.class_names, num_classes))
        dataset.summary.check_label_width(label_width, dataset.where)
        check_unit(dataset.summary, labels.specks(), annotations.channel)
        dataset._log_summary()
        return dataset

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"sample index: expected 0 to {len(self) - 1}, got {index}")
        begin, end = self._objects.offsets[index : index + 2].tolist()
        try:
            with self._folder.open(self._files[index]) as stream:
                return Sample(stream.read(), self._objects.rows[begin:end])
        except OSError as error:
            raise PlatformError(f"{self.where(index)}: could not be read: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        # Workers have no use for them, and a hundred thousand take long to send.
        return {**self.__dict__, "places": ()}

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

    def where(self, index: int) -> str:
        """Say where a sample is stored: `train channel, x/y.jpg`."""
        return self._folder.where(self._files[index])

    def _log_summary(self) -> None:
        self.summary.log_counts(f"{self._folder.channel} channel")
        self.summary.warn_of_dropped(self.where)


def read_annotations(
    images: ChannelFolder,
    annotations: ChannelFolder,
    *,
    shared: bool,
    num_classes: int | None,
    class_names: Sequence[str] | None = None,
    keep_going: bool = False,
) -> Annotated:
    """Read annotations in whichever form they have, which their content tells (see `ImageJsonDataset.open`).

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
    listed = read_class_names(images.path) or read_class_names(annotations.path)
    return voc_files.read(pairs, num_classes=num_classes, class_names=listed or class_names)


def _instances(pairs: Pairs) -> Sequence[str]:
    """Return the annotation files that are COCO's, where none is that of a single image."""
    if len(pairs) or pairs.form is not JSON:
        return []
    return [file for file in pairs.single_annotations if coco.is_instances(pairs.annotations, file)]


def _read_instances(pairs: Pairs, files: Sequence[str], num_classes: int | None) -> Annotated:
    images, annotations = pairs.images, pairs.annotations
    annotated = coco.read(annotations, files, pairs.single_images, num_classes=num_classes)
    found = set(annotated.image_files)
    check_missing(
        f"{images.channel} channel: expected an entry in {', '.join(map(annotations.where, files))} for each image",
        [image for image in pairs.single_images if image not in found],
        len(pairs.single_images),
    )
    return annotated


def _class_names(names: Mapping[int, str] | None, num_classes: int) -> tuple[str, ...] | None:
    """Return the names in order of their ids, where there is one for each class and no other."""
    if names is None or names.keys() != set(range(num_classes)) or len(set(names.values())) < num_classes:
        return None
    return tuple(names[class_id] for class_id in range(num_classes))
