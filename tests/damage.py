"""Random damage to valid input: to RecordIO, to the text of JSON or XML, and to what JSON holds."""

import copy
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from record_stream import MAGIC

_WORDS = (0, 1, 0x1FFFFFFF, 0x3FFFFFFF, 0x7F800000, 0x7FC00000, 0x7F7FFFFF, 0xFFFFFFFF)
_PIECES = (
    b"", b"null", b"-1", b"1e999", b"1e300", b'"', b"[", b"}", b"\xff", b"9" * 5000, b"{}", b"[[]]", b'"\\ud800"',
    b"[" * 2000 + b"]" * 2000,
)  # fmt: skip
XML_PIECES = (
    b"", b"-1", b"1e999", b"1e300", b"9" * 5000, b"<", b"/>", b"&", b"&a;", b"\xff", b"nan", b"</object>", b"<object>",
    b"<a>" * 2000 + b"</a>" * 2000,
)  # fmt: skip
_KEYS = ("", "0", "-1", "1e300", "9" * 5000, "\ud800", "annotations")
_VALUES: tuple[object, ...] = (
    None, True, -1, 0, 0.5, 3, 1e300, -1.7e308, 1.7e308, 2**63, 10**400, "", "x", "5", "nan", "1e300", "\ud800", "\n",
    [], {}, [[]], [{}],
)  # fmt: skip


def damage_records(content: bytes, rng: np.random.Generator) -> bytes:
    """Return RecordIO with some damage: cut, overwritten, shortened, with another magic, with an odd number."""
    position = int(rng.integers(len(content)))
    kind = int(rng.integers(5))
    if kind == 0:
        return content[:position]
    if kind == 1:
        return content[:position] + rng.bytes(4) + content[position + 4 :]
    if kind == 2:
        return content[:position] + content[position + int(rng.integers(1, 40)) :]
    if kind == 3:
        return content[:position] + MAGIC + content[position:]
    position -= position % 4
    return content[:position] + struct.pack("<I", int(rng.choice(_WORDS))) + content[position + 4 :]


def damage_text(content: bytes, rng: np.random.Generator, odd: Sequence[bytes] = _PIECES) -> bytes:
    """Return text with an odd piece, or one of its own pieces twice, in place of some bytes."""
    begin, end = sorted(rng.integers(len(content) + 1, size=2).tolist())
    pieces = [*odd, content[begin:end] * 2]
    piece = pieces[int(rng.integers(len(pieces)))]
    return content[:begin] + piece + content[begin + int(rng.integers(8)) :]


def damage_document(document: object, rng: np.random.Generator) -> bytes:
    """Return a document as JSON in which one or two values are odd, left out, there twice, or have an odd name."""
    damaged = copy.deepcopy(document)
    for _ in range(int(rng.integers(1, 3))):
        places = _places(damaged)
        if not places:
            break
        container, key = places[int(rng.integers(len(places)))]
        kind = int(rng.integers(5))
        if kind == 0:
            del container[key]
        elif kind == 1 and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif kind == 1:
            container[_KEYS[int(rng.integers(len(_KEYS)))]] = container.pop(key)
        else:
            container[key] = copy.deepcopy(_VALUES[int(rng.integers(len(_VALUES)))])
    return json.dumps(damaged).encode()


def _places(value: object) -> list[tuple[Any, Any]]:
    """Return all containers in a value, each with one of its keys."""
    if not isinstance(value, list | dict):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    found: list[tuple[Any, Any]] = [(value, key) for key in keys]
    for key in keys:
        found += _places(value[key])
    return found
