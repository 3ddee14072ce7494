"""Streams of records for tests."""

import io
import struct

import numpy as np

from gluon_ssd.data.recordio import write_record

MAGIC = bytes.fromhex("0a23d7ce")


def frame(*payloads: bytes) -> bytes:
    """Return payloads as a RecordIO file has them."""
    stream = io.BytesIO()
    for payload in payloads:
        write_record(stream, payload)
    return stream.getvalue()


def mutate(content: bytes, rng: np.random.Generator, *, kinds: int = 5) -> bytes:
    """Return RecordIO with one of so many kinds of damage: cut, overwritten, shortened, a magic, an odd number."""
    position = int(rng.integers(len(content)))
    kind = int(rng.integers(kinds))
    if kind == 0:
        return content[:position]
    if kind == 1:
        return content[:position] + rng.bytes(4) + content[position + 4 :]
    if kind == 2:
        return content[:position] + content[position + int(rng.integers(1, 40)) :]
    if kind == 3:
        return content[:position] + MAGIC + content[position:]
    word = struct.pack("<I", int(rng.choice([0, 1, 0x1FFFFFFF, 0x3FFFFFFF, 0x7F800000, 0x7FC00000, 0xFFFFFFFF])))
    position -= position % 4
    return content[:position] + word + content[position + 4 :]
