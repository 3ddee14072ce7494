"""Data sets in common layouts, turned into RecordIO as the built-in algorithm reads it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from gluon_ssd.data.class_names import parse_class_names
from gluon_ssd.errors import UserError
from gluon_ssd.tools.record_files import LABEL_HEADER, OBJECT_WIDTH, write_record_files
from gluon_ssd.tools.voc import VocFolder
from gluon_ssd.tools.voc_samples import DroppedError, VocSamples


@dataclass(frozen=True)
class PrepareSummary:
    """What was written, and what was not; as a string, the lines to show.

    Attributes:
        output: the .rec file.
        images: records written.
        background_images: how many of them show no object.
        objects: how many objects of each class were written, in order of the class ids.
        dropped_images: how many images of the split were left out.
        dropped_objects: how many objects of the images that were written were left out.
        widest_label: the numbers of the longest label, the least that `label_width` may be.
        notes: a line for everything that was left out or changed, saying why.
    """

    output: Path
    images: int
    background_images: int
    objects: Mapping[str, int]
    dropped_images: int
    dropped_objects: int
    widest_label: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        classes = ", ".join(f"{label} {name} ({count:,})" for label, (name, count) in enumerate(self.objects.items()))
        written = f"{self.images:,} images ({self.background_images:,} without objects)"
        objects = f"{sum(self.objects.values()):,} objects"
        dropped = f"dropped: images {self.dropped_images:,}, objects {self.dropped_objects:,}"
        needed = f"num_classes={len(self.objects)}, num_training_samples={self.images}"
        lines = [
            *self.notes,
            f"{self.output}: {written}, {objects}; {dropped}",
            f"classes: {classes}",
            f"hyperparameters: {needed}, label_width at least {self.widest_label}",
        ]
        return "\n".join(lines)


def prepare_voc(source: Path, split: str, output: Path, *, classes: Sequence[str] | None) -> PrepareSummary:
    """Write one split of a PASCAL VOC folder as RecordIO, with .idx, .lst and .classes files beside it.

    Images are copied as they are. An image whose objects are all left out is kept, as background.

    Args:
        source: the folder, or one that holds a single such folder at most two levels below.
        split: which list of ImageSets/Main to take.
        output: the .rec file.
        classes: the names in order of their ids; None takes the sorted names of all the folder's annotations, not of
            the split's alone, so that training and validation data get equal ids.

    Raises:
        UserError: the source or the split is missing, an object's class is not in `classes`, nothing is left, or the
            output cannot be written.
    """
    folder = VocFolder.find(source)
    names = folder.images_of(split)
    class_names = folder.class_names() if classes is None else tuple(classes)
    samples = VocSamples(folder, class_names)
    with write_record_files(output, class_names) as files:
        for name in tqdm(names, desc=f"{split} to {output.name}", unit=" images", disable=None):
            try:
                files.add(*samples.read(name))
            except DroppedError:
                continue  # noted
        _check(samples, split)
    return _summary(samples, output, class_names)


def parse_classes(argument: str) -> tuple[str, ...]:
    """Return the class names that a command's argument gives: a file with one a line, or names between commas.

    Raises:
        UserError: there are none, or one occurs twice.
    """
    if Path(argument).is_file():
        try:
            names = parse_class_names(Path(argument).read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"classes: expected a text file, got {argument}: {error}") from error
    else:
        names = parse_class_names(argument.replace(",", "\n"))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        got = f"{twice[0]!r} twice" if twice else "none"
        raise UserError(f"classes: expected different names, from a file or between commas, got {got} in {argument!r}")
    return names


def _check(samples: VocSamples, split: str) -> None:
    if samples.unknown:
        missing = "; ".join(map(_mention, sorted(samples.unknown.items())))
        raise UserError(f"classes: expected the class of every object, got none for {missing}; add the missing names")
    if not sum(samples.found.values()):
        example = f"; {samples.notes[0]}" if samples.notes else ""
        raise UserError(f"split: expected at least one object in the images of {split!r}, got none{example}")


def _mention(unknown: tuple[str, Sequence[str]]) -> str:
    name, images = unknown
    return f"{name!r} (in {images[0]}{f' and {len(images) - 1:,} more' if images[1:] else ''})"


def _summary(samples: VocSamples, output: Path, class_names: Sequence[str]) -> PrepareSummary:
    return PrepareSummary(
        output=output,
        images=len(samples.counts),
        background_images=samples.counts.count(0),
        objects={name: samples.found[name] for name in class_names},
        dropped_images=samples.dropped_images,
        dropped_objects=samples.dropped_objects,
        widest_label=LABEL_HEADER + OBJECT_WIDTH * max(samples.counts),
        notes=tuple(samples.notes),
    )
