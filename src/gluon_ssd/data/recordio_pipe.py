"""A channel in Pipe mode: records straight from FIFOs `<channel>_0`, `<channel>_1`, ..., one for each pass."""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from gluon_ssd.data import augmented_manifest, recordio, records
from gluon_ssd.data.augmented_manifest import ATTRIBUTE_NAMES
from gluon_ssd.data.fifo import Patience, open_fifo
from gluon_ssd.data.image_header import JPEG, PNG
from gluon_ssd.data.images import is_image
from gluon_ssd.data.label_tally import LabelledImage, LabelTally
from gluon_ssd.data.order import Place
from gluon_ssd.data.pixel_labels import check_unit
from gluon_ssd.data.recordio import NoMagicError, RecordIOError
from gluon_ssd.data.records import NOT_RECORDIO
from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)

_EARLY = 100  # images after which labels that make no sense are told, without waiting for the end of the pass
_NO_WRAPPER = "set RecordWrapperType to None for a channel of .rec files"


@dataclass(frozen=True)
class LabelLimits:
    """What labels may hold: class ids below `num_classes`, and `label_width` numbers."""

    num_classes: int
    label_width: int


class RecordPipe:
    """The samples of a channel in Pipe mode, pass by pass, in the order in which they come; nothing is kept.

    A stream holds image records, of as many `.rec` objects as the channel has, or the pairs of records of an augmented
    manifest; `wrapped` is whether SageMaker was asked to wrap (RecordWrapperType), so that only pairs can be meant.

    Args:
        folder: where the channel would be in File mode; its FIFOs lie beside it.
        limits: what its labels may hold.
        wrapped: see above.
        patience: how long to wait for data.
        first: the number of the first pass, whose FIFO is the channel's first.
    """

    def __init__(self, folder: Path, limits: LabelLimits, *, wrapped: bool, patience: Patience, first: int = 0) -> None:
        self._folder = folder
        self._limits = limits
        self._wrapped = wrapped
        self._patience = patience
        self._first = first
        self._in_pairs = wrapped

    def passage(self, passage: int) -> Generator[Sample, None, None]:
        """Read the FIFO of a pass to its end; closing the iterator early closes the FIFO.

        Raises:
            UserError: the stream breaks off, holds no records, labels that are wrong, or no object at all.
            PlatformError: the pipe stays away, or silent, longer than patience lasts.
            StoppedError: the job was asked to stop while the pipe was silent.
        """
        tally = LabelTally()
        with closing(self._payloads(passage)) as payloads:
            for labelled in self._decode(payloads, passage):
                tally.note(labelled)
                self._check(tally, labelled, passage)
                yield Sample(labelled.image, labelled.annotation.objects)
        self._check_boxes(tally)
        if passage == self._first:
            self._log(tally, passage)
            tally.summary().check_objects(self._folder.name)

    def where(self, place: Place) -> str:
        """Say where an image came from: `train channel, train_0, record 41`."""
        records_per_image = augmented_manifest.RECORDS_PER_IMAGE if self._in_pairs else 1
        return self._record(place.passage, place.record * records_per_image)

    def _fifo(self, passage: int) -> Path:
        return self._folder.with_name(f"{self._folder.name}_{passage - self._first}")

    def _place(self, passage: int) -> str:
        return f"{self._folder.name} channel, {self._fifo(passage).name}"

    def _record(self, passage: int, record: int) -> str:
        return _in(self._place(passage), record)

    def _payloads(self, passage: int) -> Generator[bytes, None, None]:
        record = 0
        with open_fifo(self._fifo(passage), self._place(passage), self._patience) as stream:
            try:
                for payload in recordio.payloads(stream):
                    yield payload
                    record += 1
            except RecordIOError as error:
                raise UserError(f"{NOT_RECORDIO} {self._record(passage, record)}: {error}{_advice(error)}") from error

    def _decode(self, payloads: Iterator[bytes], passage: int) -> Iterator[LabelledImage]:
        first = next(payloads, None)
        if first is None:
            begin, end = (f"{ATTRIBUTE_NAMES} ", "") if self._wrapped else ("", "; put .rec files under its S3 prefix")
            raise UserError(f"{begin}{self._place(passage)}: expected at least one record, got an empty stream{end}")
        where = partial(_in, self._place(passage))  # of every record, so the path is put together once
        stream = chain([first], payloads)
        if first.startswith(recordio.MAGIC_BYTES):
            raise UserError(
                f"{NOT_RECORDIO} {where(0)}: expected an image, got RecordIO inside of RecordIO; {_NO_WRAPPER}"
            )
        if self._wrapped and _is_image_record(first):
            raise UserError(
                f"{ATTRIBUTE_NAMES} {where(0)}: expected an image, got an image record of a .rec file; {_NO_WRAPPER}"
            )
        if self._wrapped or augmented_manifest.is_pair_record(first):
            self._in_pairs = True
            return augmented_manifest.read_pairs(stream, self._limits.num_classes, where)
        return _read_image_records(stream, self._limits.num_classes, where)

    def _check(self, tally: LabelTally, labelled: LabelledImage, passage: int) -> None:
        if labelled.label_size > self._limits.label_width:
            tally.summary().check_label_width(self._limits.label_width, lambda image: self.where(Place(passage, image)))
        if tally.images == _EARLY:
            self._check_boxes(tally)

    def _check_boxes(self, tally: LabelTally) -> None:
        if self._in_pairs:
            check_unit(tally.summary(), tally.specks, self._folder.name)
        else:
            records.check_fractions(tally.summary(), self._folder.name)

    def _log(self, tally: LabelTally, passage: int) -> None:
        summary = tally.summary()
        summary.log_counts(self._place(passage))
        if tally.resized:
            logger.warning(
                "%s: %d annotations give another image_size than their image has, by which their boxes are measured",
                self._place(passage),
                tally.resized,
            )
        summary.warn_of_dropped(lambda image: self.where(Place(passage, image)))


def _in(place: str, record: int) -> str:
    return f"{place}, record {record}"


def _is_image_record(payload: bytes) -> bool:
    try:
        return is_image(recordio.unpack(payload)[1])
    except RecordIOError:
        return False


def _read_image_records(
    payloads: Iterator[bytes], num_classes: int, where: Callable[[int], str]
) -> Iterator[LabelledImage]:
    for record, payload in enumerate(payloads):
        try:
            label, image = recordio.unpack(payload)
        except RecordIOError as error:
            raise UserError(f"{NOT_RECORDIO} {where(record)}: {error}") from error
        yield LabelledImage(image, records.read_annotation(label, num_classes, where(record)), label.size)


def _advice(error: RecordIOError) -> str:
    """Return what to do about bytes that are no record, as far as their beginning tells."""
    if not isinstance(error, NoMagicError):
        return ""
    if error.found.startswith((JPEG, PNG[:4], b"{")):
        return "; set RecordWrapperType to RecordIO for an augmented manifest"
    return "; keep nothing but .rec files under the channel's S3 prefix: .idx and .lst files would be streamed too"
