"""The labels of RecordIO files, read as a job reads them, but past what a job refuses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from mmap import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from gluon_ssd.data import labels, recordio, records
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.class_names import read_class_names
from gluon_ssd.data.image_header import Header, read_header
from gluon_ssd.data.recordio import Frame, RecordIOError
from gluon_ssd.errors import UserError
from gluon_ssd.tools.label_table import LabelTable

_HEAD = 1 << 16  # bytes of an image that nearly always hold its header
_ROW = 6
_NO_HEADER = Header(0, 0, 0, is_png=False)


@dataclass(frozen=True)
class _Record:
    """Where a record is: its file, by number, its number in that, and its bytes."""

    file: int
    number: int
    begin: int
    end: int


@dataclass
class _Reading:
    """What has been read so far; labels are packed as they come, since as objects they would take gigabytes."""

    records: list[tuple[int, int, int, int]] = field(default_factory=list)
    rows: list[NDArray[np.float32]] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)
    headers: list[tuple[int, int, int, int]] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    left_out: int = 0


class RecordLabels:
    """The labels of one `.rec` file, or of all in a folder."""

    def __init__(self, folder: ChannelFolder) -> None:
        """Read them.

        Raises:
            UserError: there is nothing in them to look at.
        """
        self._folder = folder
        self._files = records.find_files(folder)
        reading = self._read_files()
        self.mistakes: Sequence[str] = reading.mistakes
        self.left_out = reading.left_out
        if not reading.records:
            raise UserError(reading.mistakes[0])
        self._records = np.array(reading.records, np.int64)
        self.table = _table(reading)
        self.class_names: Mapping[int, str] = dict(enumerate(read_class_names(folder) or ()))
        self._check()

    @property
    def elsewhere(self) -> frozenset[int]:
        """No image: each is in its record."""
        return frozenset()

    def where(self, image: int) -> str:
        """Say where an image is: `train channel, train.rec, record 41`."""
        record = self._record(image)
        return f"{self._folder.where(self._files[record.file])}, record {record.number}"

    def where_box(self, image: int, number: int) -> str:
        """Say where a box is: `train channel, train.rec, record 41, object 3`."""
        return f"{self.where(image)}, object {number}"

    def read(self, image: int) -> bytes:
        """Return an image as it is stored; raise UserError where it cannot be read any longer."""
        record = self._record(image)
        try:
            with self._folder.open(self._files[record.file]) as stream:
                stream.seek(record.begin)
                content = stream.read(record.end - record.begin)
            return recordio.read_image(content, recordio.find_frame(content, 0))
        except (OSError, RecordIOError) as error:
            raise UserError(f"{self.where(image)}: expected a record as before, got {error}") from error

    def _record(self, image: int) -> _Record:
        return _Record(*self._records[image].tolist())

    def _path(self, file: int) -> Path:
        return self._folder.folder / self._files[file]

    def _read_files(self) -> _Reading:
        reading = _Reading()
        size = sum(map(_size, map(self._path, range(len(self._files)))))
        with tqdm(desc=self._folder.channel, total=size, unit="B", unit_scale=True, leave=False, disable=None) as bar:
            for number in range(len(self._files)):
                try:
                    self._read_file(number, reading, bar.update)
                except UserError as error:  # past a break no record can be found; the next file may be whole
                    reading.mistakes.append(str(error))
        return reading

    def _read_file(self, file: int, reading: _Reading, advance: Callable[[int], object]) -> None:
        place, begin = self._folder.where(self._files[file]), 0
        with records.map_records(self._path(file), place) as buffer:
            for number, (frame, label) in enumerate(records.read_labels(buffer, place)):
                try:
                    records.read_annotation(label, labels.ANY_CLASS, f"{place}, record {number}")
                except UserError as error:
                    reading.mistakes.append(str(error))
                    reading.left_out += 1
                else:
                    rows = _six_wide(labels.read_rows(label))
                    reading.rows.append(rows)
                    reading.counts.append((len(rows), label.size))
                    reading.headers.append(_read_header(buffer, frame))
                    reading.records.append((file, number, begin, frame.end))
                advance(frame.end - begin)
                begin = frame.end

    def _check(self) -> None:
        """Note what a job finds wrong with the labels as a whole."""
        try:
            records.check_fractions(self.table.summary(), self._folder.channel)
        except UserError as error:
            self.mistakes = [*self.mistakes, str(error)]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # who reads it says so
        return 0


def _table(reading: _Reading) -> LabelTable:
    counts = np.array(reading.counts, np.int64)
    return LabelTable(np.concatenate(reading.rows), counts[:, 0], counts[:, 1], np.array(reading.headers, np.int64))


def _six_wide(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return class, corners and whether difficult; rows may be 5 wide, which are not, or have more behind."""
    wide = np.zeros((len(rows), _ROW), np.float32)
    wide[:, : rows.shape[1]] = rows[:, :_ROW]
    return wide


def _read_header(buffer: mmap, frame: Frame) -> Header:
    for most in (_HEAD, None):
        header = read_header(BytesIO(recordio.read_image(buffer, frame, most)))
        if header is not None:
            return header
    return _NO_HEADER
