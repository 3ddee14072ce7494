"""Streams of records for tests."""

import io
import struct
from collections.abc import Sequence

import numpy as np

from gluon_ssd.data.recordio import pack, write_record
from gluon_ssd.data.sample import Sample

MAGIC = bytes.fromhex("0a23d7ce")
BOX = (0, 0.25, 0.25, 0.75, 0.75, 0)


def record(objects: Sequence[Sequence[float]] = (BOX,), image: bytes = b"pixels") -> bytes:
    """Return the payload of an image record."""
    return pack(Sample(image, np.array(objects, np.float32).reshape(-1, 6)), 0)


def labelled(*numbers: float) -> bytes:
    """Return the payload of a record whose label has just these numbers."""
    label = np.array(numbers, np.float32)
    return struct.pack("<IfQQ", label.size, 0, 0, 0) + label.tobytes() + b"pixels"


def frame(*payloads: bytes) -> bytes:
    """Return payloads as a RecordIO file has them."""
    stream = io.BytesIO()
    for payload in payloads:
        write_record(stream, payload)
    return stream.getvalue()


def unframe(content: bytes) -> list[bytes]:
    """Return the payloads of RecordIO, as slowly and plainly as can be; raise AssertionError where it is none."""
    payloads, offset = [], 0
    while offset < len(content):
        parts: list[bytes] = []
        flag = -1
        while flag not in (0, 3):
            header = content[offset : offset + 8]
            assert len(header) == 8
            assert header[:4] == MAGIC
            word = int.from_bytes(header[4:], "little")
            flag, length = word >> 29, word & 0x1FFFFFFF
            assert flag in ((2, 3) if parts else (0, 1))
            part = content[offset + 8 : offset + 8 + length]
            assert len(part) == length
            parts.append(part)
            offset += 8 + length + -length % 4
        payloads.append(MAGIC.join(parts))
    return payloads
