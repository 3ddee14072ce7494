"""RecordIO: the framing of records in a file (dmlc-core), and the layout of an image record inside one (MXNet)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import MAP_PRIVATE, PROT_READ, mmap
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data.images import is_image
from gluon_ssd.data.sample import Sample

MAGIC = 0xCED7230A
MAGIC_BYTES = MAGIC.to_bytes(4, "little")
_FRAME = struct.Struct("<II")  # magic; continuation flag in the upper 3 bits, length in the lower 29
_LENGTH_BITS = 29
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_IMAGE_HEADER = struct.Struct("<IfQQ")  # how many label numbers follow; a lone label if none do; two ids
_LABEL_HEADER_WIDTH = 2
_OBJECT_WIDTHS = (5, 6)


class RecordIOError(ValueError):
    """Bytes that are not RecordIO; the message says which byte of the file gives them away."""


class NoMagicError(RecordIOError):
    """Bytes that do not begin as every record does; `found` holds the four that they begin with."""

    def __init__(self, found: bytes, offset: int) -> None:
        shown = int.from_bytes(found, "little")
        super().__init__(f"expected the magic number {MAGIC:#x} at byte {offset:,}, got {shown:#010x}")
        self.found = found


@dataclass(frozen=True)
class Frame:
    """Where the payload of one record lies: spans of bytes in the file, between which the writer took out the magic."""

    parts: tuple[tuple[int, int], ...]
    end: int


def write_record(stream: BinaryIO, payload: bytes) -> int:
    """Append one record and return the offset where it begins.

    A reader that lost its way looks for the magic at multiples of four, so where the payload holds the magic
    there, the record is split in parts around it.
    """
    if len(payload) >> _LENGTH_BITS:
        raise ValueError(f"RecordIO payload: expected fewer than {1 << _LENGTH_BITS:,} bytes, got {len(payload):,}")
    offset = stream.tell()
    parts = _split(payload)
    for position, part in enumerate(parts):
        flag = _continuation(position, len(parts))
        stream.write(_FRAME.pack(MAGIC, flag << _LENGTH_BITS | len(part)) + part + bytes(-len(part) % 4))
    return offset


def find_frame(buffer: bytes | mmap, offset: int) -> Frame:
    """Find the record that begins at `offset` of a file's bytes, without reading its payload.

    Raises RecordIOError where the bytes are not RecordIO or end too soon.
    """
    flag, begin, end = _part(buffer, offset)
    if flag == _WHOLE:
        return Frame(((begin, end),), _next(end, buffer))
    if flag != _FIRST:
        raise RecordIOError(f"expected the first part of a record at byte {offset:,}, got a continuation")
    parts = [(begin, end)]
    while flag != _LAST:
        offset = _next(end, buffer)
        flag, begin, end = _part(buffer, offset)
        if flag not in (_MIDDLE, _LAST):
            raise RecordIOError(f"expected another part of a record at byte {offset:,}, got the start of a new one")
        parts.append((begin, end))
    return Frame(tuple(parts), _next(end, buffer))


def map_file(path: Path) -> mmap:
    """Return a file's bytes without reading them yet; raise OSError, or ValueError where it is empty."""
    with path.open("rb") as stream:
        # Private: some network and FUSE mounts offer no shared mappings.
        return mmap(stream.fileno(), 0, MAP_PRIVATE, PROT_READ)


def frames(buffer: bytes | mmap) -> Iterator[Frame]:
    """Yield every record of a file's bytes in order; raise RecordIOError at the first that is none."""
    offset = 0
    while offset < len(buffer):
        frame = find_frame(buffer, offset)
        yield frame
        offset = frame.end


def payloads(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the payload of every record of a stream in order, reading it once and holding one record at a time.

    Raises RecordIOError as `find_frame` does; what the stream itself raises passes through.
    """
    offset = 0
    while head := stream.read(_FRAME.size):
        flag, payload = _read_part(stream, head, offset)
        if flag == _WHOLE:
            offset += _size(payload)
            yield payload
        elif flag == _FIRST:
            parts = [payload, *_read_more(stream, offset + _size(payload))]
            offset += sum(map(_size, parts))
            yield MAGIC_BYTES.join(parts)
        else:
            raise RecordIOError(f"expected the first part of a record at byte {offset:,}, got a continuation")


def read_payload(buffer: bytes | mmap, frame: Frame) -> bytes:
    """Return the payload of a record, with the magic put back between its parts."""
    return MAGIC_BYTES.join(buffer[begin:end] for begin, end in frame.parts)


def pack(sample: Sample, record_id: int, *, object_width: int = 6) -> bytes:
    """Return the payload of an image record for detection: header, label, image bytes.

    `object_width` is how many numbers of an object are stored: 6, or 5 to leave out whether it is difficult.
    """
    if object_width not in _OBJECT_WIDTHS:
        raise ValueError(f"object_width: expected 5 or 6, got {object_width}")
    rows = sample.objects[:, :object_width].astype("<f4")
    label: NDArray[np.float32] = np.concatenate([np.array([_LABEL_HEADER_WIDTH, object_width], "<f4"), rows.ravel()])
    return _IMAGE_HEADER.pack(label.size, 0.0, record_id, 0) + label.tobytes() + sample.image


def unpack(payload: bytes) -> tuple[NDArray[np.float32], bytes]:
    """Return the label numbers and the image bytes of an image record.

    Raises RecordIOError where the payload is too short for what its header announces.
    """
    begin, end = _label_span(payload, len(payload))
    return np.frombuffer(payload[begin:end], "<f4"), payload[end:]


def read_label(buffer: bytes | mmap, frame: Frame) -> NDArray[np.float32]:
    """Return the label numbers of an image record, leaving its image alone, as `unpack` would."""
    if len(frame.parts) > 1:
        return unpack(read_payload(buffer, frame))[0]
    first, last = frame.parts[0]
    begin, end = _label_span(buffer[first : first + _IMAGE_HEADER.size], last - first)
    return np.frombuffer(buffer[first + begin : first + end], "<f4")


def read_image(buffer: bytes | mmap, frame: Frame, most: int | None = None) -> bytes:
    """Return the image of a record, or no more than its first bytes where `most` says how many do."""
    if len(frame.parts) > 1:
        return unpack(read_payload(buffer, frame))[1][:most]
    first, last = frame.parts[0]
    begin = first + _label_span(buffer[first : first + _IMAGE_HEADER.size], last - first)[1]
    return buffer[begin:last] if most is None else buffer[begin : min(begin + most, last)]


def _split(payload: bytes) -> list[bytes]:
    """Cut the payload at each magic that lies at a multiple of four, and take that magic out."""
    parts = []
    begin = 0
    found = payload.find(MAGIC_BYTES)
    while found >= 0:
        if found % 4 == 0:
            parts.append(payload[begin:found])
            begin = found + 4
        # A magic cannot overlap another: its bytes differ. The next one begins behind it.
        found = payload.find(MAGIC_BYTES, found + 4)
    return [*parts, payload[begin:]]


def _continuation(position: int, count: int) -> int:
    if count == 1:
        return _WHOLE
    if position == 0:
        return _FIRST
    return _LAST if position == count - 1 else _MIDDLE


def _part(buffer: bytes | mmap, offset: int) -> tuple[int, int, int]:
    """Return the continuation flag, begin and end of the part at `offset`."""
    begin = offset + _FRAME.size
    if begin > len(buffer):
        raise RecordIOError(
            f"expected a record header of {_FRAME.size} bytes at byte {offset:,}, "
            f"but the file ends {begin - len(buffer):,} bytes too soon",
        )
    flag, length = _header(buffer[offset:begin], offset)
    end = begin + length
    if end > len(buffer):
        raise RecordIOError(
            f"expected {end - begin:,} bytes of payload at byte {begin:,}, "
            f"but the file ends {end - len(buffer):,} bytes too soon",
        )
    return flag, begin, end


def _next(end: int, buffer: bytes | mmap) -> int:
    # The zeros behind the last payload hold nothing: a file may lack them.
    return min(_aligned(end), len(buffer))


def _read_more(stream: BinaryIO, offset: int) -> Iterator[bytes]:
    """Yield the parts that follow the first part of a record."""
    flag = _MIDDLE
    while flag != _LAST:
        flag, payload = _read_part(stream, stream.read(_FRAME.size), offset)
        if flag not in (_MIDDLE, _LAST):
            raise RecordIOError(f"expected another part of a record at byte {offset:,}, got the start of a new one")
        offset += _size(payload)
        yield payload


def _read_part(stream: BinaryIO, head: bytes, offset: int) -> tuple[int, bytes]:
    """Return the continuation flag and payload of the part that `head` begins, and leave the stream behind it."""
    if len(head) < _FRAME.size:
        raise RecordIOError(
            f"expected a record header of {_FRAME.size} bytes at byte {offset:,}, "
            f"but the stream ends {_FRAME.size - len(head):,} bytes too soon",
        )
    flag, length = _header(head, offset)
    content = stream.read(_aligned(length))
    if len(content) < length:
        raise RecordIOError(
            f"expected {length:,} bytes of payload at byte {offset + _FRAME.size:,}, "
            f"but the stream ends {length - len(content):,} bytes too soon",
        )
    return flag, content[:length]


def _header(head: bytes, offset: int) -> tuple[int, int]:
    """Return the continuation flag and the payload's length from the header of a part at `offset`."""
    magic, word = _FRAME.unpack(head)
    if magic != MAGIC:
        raise NoMagicError(head[:4], offset)
    flag: int = word >> _LENGTH_BITS
    if flag > _LAST:
        raise RecordIOError(f"expected a continuation flag from 0 to 3 at byte {offset + 4:,}, got {flag}")
    return flag, word & ((1 << _LENGTH_BITS) - 1)


def _size(payload: bytes) -> int:
    """Return how many bytes a part takes with its header and the zeros behind it."""
    return _FRAME.size + _aligned(len(payload))


def _aligned(end: int) -> int:
    """Return where the part after a payload that ends at `end` begins: at a multiple of four."""
    return end + -end % 4


def _label_span(head: bytes, size: int) -> tuple[int, int]:
    """Return where in a payload of `size` bytes, of which `head` holds the first, the label numbers lie."""
    if size < _IMAGE_HEADER.size:
        raise RecordIOError(f"expected an image record of at least {_IMAGE_HEADER.size} bytes, got {size}")
    count: int = _IMAGE_HEADER.unpack_from(head)[0]
    end = _IMAGE_HEADER.size + 4 * count
    if end > size:
        raise RecordIOError(
            f"expected an image record, got one of {size:,} bytes that announces {count:,} labels{_advice(head)}"
        )
    return _IMAGE_HEADER.size, end


def _advice(head: bytes) -> str:
    """Return what to do about a payload that is no image record, as far as its beginning tells."""
    if is_image(head):
        return ": it is an image alone; pack it with its label, as gluon-ssd prepare does"
    if head.startswith(MAGIC_BYTES):
        return ": it is RecordIO inside of RecordIO; unpack it once"
    return ""
