"""What became of a data set while it was prepared: the counts, what was left out, and why."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.data.counted import counted
from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import DataSet
from gluon_ssd.tools.prepared_image import DroppedImage, PreparedImage
from gluon_ssd.tools.record_files import LABEL_HEADER, OBJECT_WIDTH


@dataclass(frozen=True)
class PrepareSummary:
    """What was written, and what was not; as a string, the lines to show.

    Attributes:
        output: what was written.
        images: images written.
        background_images: how many of them show no object.
        objects: how many objects of each class were written, in order of the class ids.
        shrunk_images: how many images were made smaller.
        dropped_images: how many images were left out.
        dropped_objects: how many objects were left out, those of images that were left out not counted.
        widest_label: the numbers of the longest label, the least that `label_width` may be.
        notes: a line for everything that was left out or changed, saying why.
    """

    output: Path
    images: int
    background_images: int
    objects: Mapping[str, int]
    shrunk_images: int
    dropped_images: int
    dropped_objects: int
    widest_label: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        classes = ", ".join(f"{label} {name} ({count:,})" for label, (name, count) in enumerate(self.objects.items()))
        written = f"{counted(self.images, 'image')} ({self.background_images:,} without objects)"
        shrunk = f", {self.shrunk_images:,} of them made smaller" if self.shrunk_images else ""
        objects = counted(sum(self.objects.values()), "object")
        dropped = f"dropped: images {self.dropped_images:,}, objects {self.dropped_objects:,}"
        needed = f"num_classes={len(self.objects)}, num_training_samples={self.images}"
        lines = [
            *self.notes,
            f"{self.output}: {written}{shrunk}, {objects}; {dropped}",
            f"classes: {classes}",
            f"hyperparameters: {needed}, label_width at least {self.widest_label}",
        ]
        return "\n".join(lines)


class PrepareAccount:
    """Keeps count while images are prepared, in order."""

    def __init__(self, data_set: DataSet) -> None:
        self._label = data_set.label
        self._class_names = data_set.class_names
        self._notes = list(data_set.notes)
        self._unknown: dict[str, list[str]] = defaultdict(list)
        self._found: Counter[str] = Counter()
        self._counts: list[int] = []
        self._difficult = 0
        self._shrunk_images = 0
        self._dropped_images = 0
        self._dropped_objects = data_set.dropped_objects

    def note(self, image: PreparedImage | DroppedImage) -> PreparedImage | None:
        """Count an image in; return it where it is to be written."""
        if isinstance(image, DroppedImage):
            self._notes.append(image.note)
            self._dropped_images += 1
            return None
        self._notes += image.notes
        self._dropped_objects += image.dropped_objects
        for name in image.unknown:
            self._unknown[name].append(image.where)
        self._found.update(self._class_names[int(label)] for label in image.sample.objects[:, 0])
        self._counts.append(len(image.sample.objects))
        self._shrunk_images += image.shrunk
        self._difficult += int(image.sample.objects[:, 5].sum())
        return image

    def check(self) -> None:
        """Refuse a data set with classes that have no id, or of which nothing is left.

        Raises:
            UserError: it is one of these.
        """
        if self._unknown:
            missing = "; ".join(map(_mention, sorted(self._unknown.items())))
            raise UserError(
                f"--classes: expected the class of every object among {', '.join(self._class_names)}, got none for "
                f"{missing}; add the missing names"
            )
        if not self._found:
            example = f"; {self._notes[0]}" if self._notes else ""
            raise UserError(f"source: expected at least one object in the images of {self._label!r}, got none{example}")

    def note_lost_difficult(self, form: str) -> None:
        """Note how many objects are marked difficult, for a format that cannot say so."""
        if self._difficult:
            self._notes.append(
                f"{counted(self._difficult, 'object')} marked difficult, which {form} cannot say: written as ordinary"
            )

    def summary(self, output: Path) -> PrepareSummary:
        """Return what was counted."""
        return PrepareSummary(
            output=output,
            images=len(self._counts),
            background_images=self._counts.count(0),
            objects={name: self._found[name] for name in self._class_names},
            shrunk_images=self._shrunk_images,
            dropped_images=self._dropped_images,
            dropped_objects=self._dropped_objects,
            widest_label=LABEL_HEADER + OBJECT_WIDTH * max(self._counts),
            notes=tuple(self._notes),
        )


def _mention(unknown: tuple[str, Sequence[str]]) -> str:
    name, images = unknown
    return f"{name!r} (in {images[0]}{f' and {len(images) - 1:,} more' if images[1:] else ''})"
