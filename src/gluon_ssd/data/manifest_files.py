"""The augmented manifests of a channel, a line for each image: read one by one, held in arrays."""

import logging
import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

from tqdm import tqdm

from gluon_ssd.data import json_annotation, manifest_line
from gluon_ssd.data.annotated import Annotated
from gluon_ssd.data.channel_files import ChannelFolder, shown
from gluon_ssd.data.class_names import agreed
from gluon_ssd.data.json_annotation import JsonAnnotation
from gluon_ssd.data.manifest_line import ManifestLine
from gluon_ssd.data.pairing import check_missing
from gluon_ssd.data.pixel_labels import PixelLabels
from gluon_ssd.errors import UserError
from gluon_ssd.file_kinds import MANIFESTS, with_suffix

logger = logging.getLogger(__name__)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK = 256  # documents that are held at once


@dataclass(frozen=True, eq=False)
class LinePlaces(Sequence[str]):
    """Where lines are, in words: `train channel, x.manifest, line 41`, counted from 1; kept as two numbers each."""

    files: list[str] = field(default_factory=list)
    _numbers: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, line: int) -> None:
        """Append the place of a line of the last file."""
        self._numbers.extend((len(self.files) - 1, line))

    def __len__(self) -> int:
        return len(self._numbers) // 2

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        file, line = self._numbers[2 * number : 2 * number + 2]
        return f"{self.files[file]}, line {line}"


class _Text(NamedTuple):
    """A line as it stands in a file."""

    number: int
    content: bytes


def find(folder: ChannelFolder) -> list[str]:
    """Return the relative paths of a channel's manifests, sorted; raises UserError where there is none."""
    files = folder.files()
    manifests = with_suffix(files, MANIFESTS)
    if not manifests:
        raise UserError(f"{folder.channel} channel: expected a .manifest file in {folder.folder}, got {shown(files)}")
    return manifests


def read(
    folder: ChannelFolder, manifests: Sequence[str], *, attribute: str = "", keep_going: bool = False
) -> Annotated:
    """Read manifests of a channel, at least one; `image_files` are absolute paths or `s3://` addresses.

    `attribute` names the attribute with the boxes; where it is empty, it is the one that holds any. Lines without it
    are left out with a warning, blank ones without.

    Raises:
        UserError: a line is not what it should be, unless the reading is to `keep_going`, which leaves it out; or too
            many say nothing of their image.
    """
    reading = _Reading(attribute, keep_going=keep_going)
    for file in manifests:
        reading.take_file(folder, file)
    return reading.finished(folder.channel)


class _Reading:
    """What has been read of manifests."""

    def __init__(self, attribute: str, *, keep_going: bool) -> None:
        self._given = attribute
        self._keep_going = keep_going
        self._attribute, self._first_place = attribute, ""
        self._locations: list[str] = []
        self._places = LinePlaces()
        self._missing = LinePlaces()
        self._documents: list[JsonAnnotation] = []
        self._labels: list[PixelLabels] = []
        self._names: Mapping[int, str] | None = {}
        self._mistakes: list[str] = []

    def take_file(self, folder: ChannelFolder, file: str) -> None:
        """Read the lines of one more file."""
        place, base = folder.where(file), os.path.dirname(folder.folder.absolute() / file)  # noqa: PTH120 - a string
        self._places.files.append(place)
        self._missing.files.append(place)
        for text in _lines(folder, file):
            try:
                self._take_line(text, base, f"{place}, line {text.number}")
            except UserError as error:
                if not self._keep_going:
                    raise
                self._mistakes.append(str(error))

    def _take_line(self, text: _Text, base: str, where: str) -> None:
        line = manifest_line.parse(text.content, base, where, attribute=self._given)
        if line.annotation is None:
            self._missing.add(text.number)
            return
        self._check_attribute(line, where)
        self._places.add(text.number)
        self._take(line, line.annotation)

    def _take(self, line: ManifestLine, annotation: JsonAnnotation) -> None:
        self._locations.append(line.location)
        self._names = agreed([self._names, line.class_names])
        self._documents.append(annotation)
        if len(self._documents) >= _CHUNK:
            self._pack()

    def _pack(self) -> None:
        """Put documents, which take many times the space, into arrays."""
        self._labels.append(json_annotation.join(self._documents))
        self._documents.clear()

    def _check_attribute(self, line: ManifestLine, where: str) -> None:
        if not self._attribute:
            self._attribute, self._first_place = line.attribute, where
        if line.attribute != self._attribute:
            raise UserError(
                f"{where}: expected boxes in {self._attribute}, as in {self._first_place}, got {line.attribute}; give "
                "both one name, or set the hyperparameter label_attribute to one of them"
            )

    def finished(self, channel: str) -> Annotated:
        """Return what the files say of their images; warn of lines that say nothing, and of those that repeat one."""
        total = len(self._places) + len(self._missing) + len(self._mistakes)
        if not total:
            raise UserError(
                f"{channel} channel: expected a line for each image, got none in {', '.join(self._places.files)}"
            )
        self._pack()
        attribute = f"the attribute {self._attribute}" if self._attribute else "an attribute"
        check_missing(
            f"{channel} channel: expected {attribute} with image_size and annotations in each line, empty annotations "
            "where the image shows no objects",
            self._missing,
            total,
        )
        self._warn_of_repeats()
        labels = PixelLabels.join(self._labels)
        return Annotated(self._locations, self._places, labels, self._names, mistakes=self._mistakes)

    def _warn_of_repeats(self) -> None:
        repeats = len(self._locations) - len(set(self._locations))
        if not repeats:
            return
        first_of: dict[str, int] = {}
        for index, location in enumerate(self._locations):
            first = first_of.setdefault(location, index)
            if first != index:
                logger.warning(
                    "%s: %s is that of %s too; each such line counts as an image (such lines: %d)",
                    self._places[index],
                    manifest_line.SOURCE,
                    self._places[first],
                    repeats,
                )
                return


def _lines(folder: ChannelFolder, file: str) -> Iterator[_Text]:
    """Yield the lines of a file that are not blank."""
    try:
        with (
            folder.open(file) as stream,
            # disable=None: tqdm shows nothing unless standard error is a terminal.
            tqdm(
                desc=folder.where(file),
                total=os.fstat(stream.fileno()).st_size,
                unit="B",
                unit_scale=True,
                leave=False,
                disable=None,
            ) as bar,
        ):
            for number, line in enumerate(stream, 1):
                bar.update(len(line))
                content = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
                if content.strip():
                    yield _Text(number, content)
    except OSError as error:
        raise UserError(f"{folder.where(file)}: expected a file that can be read, got {error}") from error
