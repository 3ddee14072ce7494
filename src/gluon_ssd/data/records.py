"""A channel of RecordIO files: found, scanned and checked once, then read record by record."""

import os
import weakref
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data import labels, recordio
from gluon_ssd.data.channel_files import ChannelFolder, shown
from gluon_ssd.data.labels import LabelError, LabelLayoutError
from gluon_ssd.data.recordio import Frame, RecordIOError
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.summary import Summary
from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.file_kinds import RECORDS, with_suffix

# The built-in algorithm's own words, which customers search for.
NOT_RECORDIO = "Unable to parse record. Please make sure input data is in correct recordio format."
_NOT_DETECTION = (
    "Not enough annotation packed in the list file or the RecordIO file. Each object requires at least five numbers "
    "[label_id, xmin, ymin, xmax, ymax] for annotation."
)
_MAX_OPEN_FILES = 128  # of the 1,024 descriptors that a process commonly may have


@dataclass(frozen=True, eq=False)
class _RecordFile:
    """What the scan found out about one file: where its n records begin (n + 1 offsets, the last is its end)."""

    path: Path
    offsets: NDArray[np.int64]
    label_sizes: NDArray[np.int64]
    object_counts: NDArray[np.int64]
    dropped: NDArray[np.int64]
    far_outside: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


class RecordIODataset:
    """The samples of a channel's RecordIO files, in order of file name and then of record.

    Raises UserError while it is opened, where files or labels are wrong; whether an image can be decoded shows later.
    """

    def __init__(self, files: list[_RecordFile], folder: ChannelFolder, *, num_classes: int) -> None:
        self.summary = _summarize(files)
        self._files = files
        self._folder = folder
        self._num_classes = num_classes
        self._ends = np.cumsum([len(file) for file in files])
        self._open_files: dict[Path, _OpenFile] = {}

    @classmethod
    def open(cls, folder: Path, *, channel: str, num_classes: int, label_width: int) -> "RecordIODataset":
        """Scan every `.rec` file under a folder, check every label, and log what the channel holds."""
        return cls.of_files(ChannelFolder(channel, folder), num_classes=num_classes, label_width=label_width)

    @classmethod
    def of_files(cls, place: ChannelFolder, *, num_classes: int, label_width: int) -> "RecordIODataset":
        """Do as `open` does with the `.rec` files of a channel, which may be some of a folder's."""
        channel, folder = place.channel, place.folder
        files = [_scan(folder / file, place.where(file), num_classes=num_classes) for file in find_files(place)]
        dataset = cls(files, place, num_classes=num_classes)
        dataset.summary.check_label_width(label_width, dataset.where)
        check_fractions(dataset.summary, channel)
        dataset._log_summary()
        return dataset

    def __len__(self) -> int:
        return self.summary.images

    def __getitem__(self, index: int) -> Sample:
        file, record = self._locate(index)
        begin, end = file.offsets[record : record + 2].tolist()
        try:
            content = self._open_file(file.path).read(begin, end)
            label, image = recordio.unpack(recordio.read_payload(content, recordio.find_frame(content, 0)))
            return Sample(image, labels.parse(label, self._num_classes).objects)
        except OSError as error:
            raise PlatformError(f"{self.where(index)}: could not be read: {error}") from error
        except (RecordIOError, LabelError) as error:
            raise UserError(
                f"{self.where(index)}: expected the file to stay as it was when the job began, "
                f"but it has changed; leave the channel alone while a job runs: {error}",
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        # A descriptor means nothing in another process, which opens the files for itself.
        return {**self.__dict__, "_open_files": {}}

    def where(self, index: int) -> str:
        """Say where a sample is stored: `train channel, train.rec, record 41`, records counted from 0."""
        file, record = self._locate(index)
        return f"{self._folder.where(str(file.path.relative_to(self._folder.folder)))}, record {record}"

    def checksum(self) -> int:
        """Return a number, below 2**32, that other files, other records or other counts of objects would change."""
        total = 0
        for file in self._files:
            name = os.fsencode(file.path.relative_to(self._folder.folder))
            for content in (name, file.offsets.tobytes(), file.object_counts.tobytes()):
                total = zlib.crc32(content, total)
        return total

    def _locate(self, index: int) -> tuple[_RecordFile, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"sample index: expected 0 to {len(self) - 1}, got {index}")
        number = int(np.searchsorted(self._ends, index, side="right"))
        file = self._files[number]
        return file, index - int(self._ends[number]) + len(file)

    def _open_file(self, path: Path) -> "_OpenFile":
        if path not in self._open_files:
            if len(self._open_files) >= _MAX_OPEN_FILES:
                self._open_files.clear()
            self._open_files[path] = _OpenFile(path)
        return self._open_files[path]

    def _log_summary(self) -> None:
        self.summary.log_counts(f"{self._folder.channel} channel", files=len(self._files))
        self.summary.warn_of_dropped(self.where)


class _OpenFile:
    """A file opened for reading at any offset, closed when nothing refers to it any longer."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, begin: int, end: int) -> bytes:
        return os.pread(self._descriptor, end - begin, begin)


def find_files(folder: ChannelFolder) -> list[str]:
    """Return the relative paths of the `.rec` files of a channel, sorted; raise UserError where there is none."""
    files = folder.files()
    found = with_suffix(files, RECORDS)
    if not found:
        raise UserError(
            f"{folder.channel} channel: expected at least one .rec file in {folder.folder}, got {shown(files)}; "
            "gluon-ssd prepare makes such files"
        )
    return found


def _scan(path: Path, place: str, *, num_classes: int) -> _RecordFile:
    """Find the records of one file and check their labels; `place` names the file in messages."""
    offsets, counts = [0], []
    with map_records(path, place) as buffer:
        for record, (frame, label) in enumerate(read_labels(buffer, place)):
            annotation = read_annotation(label, num_classes, f"{place}, record {record}")
            offsets.append(frame.end)
            counts.append((label.size, len(annotation.objects), annotation.dropped, annotation.far_outside))
    return _RecordFile(path, np.array(offsets), *np.array(counts).T)


def map_records(path: Path, place: str) -> mmap:
    """Map a file of records; raise UserError, by the `place` that messages call it, where it is empty or unreadable."""
    try:
        if not path.stat().st_size:
            raise UserError(f"{place}: expected at least one record, got an empty file")
        return recordio.map_file(path)
    except OSError as error:
        raise UserError(f"{place}: expected a file that can be read, got {error}") from error


def read_labels(buffer: mmap, place: str) -> Iterator[tuple[Frame, NDArray[np.float32]]]:
    """Yield the frame and the label of each record of a file; raise UserError at the first that is none."""
    record = 0
    try:
        for frame in recordio.frames(buffer):
            yield frame, recordio.read_label(buffer, frame)
            record += 1
    except RecordIOError as error:
        raise UserError(f"{NOT_RECORDIO} {place}, record {record}: {error}") from error


def read_annotation(label: NDArray[np.float32], num_classes: int, where: str) -> labels.Annotation:
    """Check a label and return what it says; raise UserError, `where` it lies, if it is none."""
    try:
        return labels.parse(label, num_classes)
    except LabelLayoutError as error:
        raise UserError(f"{_NOT_DETECTION} {where}: {error}") from error
    except LabelError as error:
        raise UserError(f"{where}, {error}") from error


def check_fractions(summary: Summary, channel: str) -> None:
    """Refuse boxes in pixels, which would pass for a few huge ones and much background; raises UserError."""
    if summary.astray > summary.boxes / 2:
        raise UserError(
            f"{channel} channel: expected box corners in fractions of the image, from 0 to 1, got {summary.astray:,} "
            f"of {summary.boxes:,} boxes outside of it or without area; divide pixels by the image's width and height",
        )


def _summarize(files: list[_RecordFile]) -> Summary:
    return Summary.of(
        object_counts=np.concatenate([file.object_counts for file in files]),
        dropped=np.concatenate([file.dropped for file in files]),
        far_outside=np.concatenate([file.far_outside for file in files]),
        label_sizes=np.concatenate([file.label_sizes for file in files]),
    )
