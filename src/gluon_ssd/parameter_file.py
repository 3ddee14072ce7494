"""A file of parameters as MXNet's `save_checkpoint` writes it: `arg:` and `aux:` before names.

MXNet believes what such a file says of itself: a dimension of which one bit is wrong makes it take all memory, and
search it. So its headers are read here first, of all the forms in which MXNet has written dense arrays since 2015:
`NDArray::Load` and `NDArray::LegacyLoad` in MXNet's src/ndarray/ndarray.cc.
"""

import os
import struct
from math import prod
from pathlib import Path
from typing import BinaryIO

import mxnet as mx

from gluon_ssd import mxnet_error
from gluon_ssd.errors import UserError

Arrays = dict[str, mx.nd.NDArray]

_LIST = 0x112
_WITH_64_BITS = 0xF993FAC8  # of a dimension, since MXNet 0.9; before, there was the number of dimensions in its place
_WITH_STORAGE = 0xF993FAC9  # dense or sparse, since MXNet 0.12
_OF_NUMPY = 0xF993FACA  # with NumPy's meaning of an empty shape, which MXNet refuses in its own words
_DENSE = 0
_TYPE_SIZES = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1}  # bytes a number; not bfloat16, which NumPy lacks


def read(path: Path, *, what: str) -> tuple[Arrays, Arrays]:
    """Return the arguments and the moving statistics, by their names without prefix.

    Args:
        path: the file.
        what: its part in what its reader does, for messages.

    Raises:
        UserError: It cannot be read, or is no such file.
    """
    place = f"{what}, {path}"
    arrays = _load(path, place)
    if not isinstance(arrays, dict):
        raise UserError(f"{place}: expected named parameters, got a list")
    parts: dict[str, Arrays] = {"arg": {}, "aux": {}}
    for name, array in arrays.items():
        kind, _, rest = name.partition(":")
        if kind not in parts:
            raise UserError(f"{place}: expected names that begin with arg: or aux:, got {name!r}")
        parts[kind][rest] = array
    return parts["arg"], parts["aux"]


def _load(path: Path, place: str) -> Arrays | list[mx.nd.NDArray]:
    try:
        with path.open("rb") as stream:
            _check(_Headers(stream))
        arrays: Arrays | list[mx.nd.NDArray] = mx.nd.load(str(path))
    except OSError as error:
        raise UserError(f"{place}: expected a file that can be read, got {error}") from error
    except _BrokenError as error:
        raise UserError(f"{place}: expected MXNet parameters, got {error}") from error
    except mx.base.MXNetError as error:
        raise UserError(f"{place}: expected MXNet parameters, got {mxnet_error.reason(error)}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{place}: expected names of parameters in UTF-8, got {error}") from error
    return arrays


class _BrokenError(Exception):
    """What a file has that no file of parameters has."""


class _Headers:
    """The numbers in a file, and what lies between them, which is passed over; never beyond the file's end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = os.fstat(stream.fileno()).st_size

    def take(self, form: str) -> tuple[int, ...]:
        """Read numbers of this form of `struct`'s, without its byte order."""
        form = f"<{form}"
        self._spend(struct.calcsize(form))
        return struct.unpack(form, self._stream.read(struct.calcsize(form)))

    def skip(self, size: int) -> None:
        """Pass over so many bytes."""
        self._spend(size)
        self._stream.seek(size, os.SEEK_CUR)

    def _spend(self, size: int) -> None:
        if size > self._left:
            raise _BrokenError(f"a file that ends too early: {size} bytes should follow where {self._left} do")
        self._left -= size


def _check(headers: _Headers) -> None:
    """Raise a _BrokenError unless the file has all that its headers say."""
    magic, _, count = headers.take("QQQ")
    if magic != _LIST:
        raise _BrokenError("a file of another kind")
    for _ in range(count):
        if not _passes_array(headers):
            return
    (names,) = headers.take("Q")
    if names not in (0, count):
        raise _BrokenError(f"{names} names for {count} arrays")
    for _ in range(names):
        headers.skip(*headers.take("Q"))


def _passes_array(headers: _Headers) -> bool:
    """Pass over an array; return False where MXNet will not read on."""
    (magic,) = headers.take("I")
    if magic == _OF_NUMPY:
        return False
    shape = _shape(headers, magic)
    if not shape or min(shape) < 0:
        raise _BrokenError(f"an array of shape {shape}")
    *_, kind = headers.take("iii")  # after the device that it was on
    if kind not in _TYPE_SIZES:
        raise _BrokenError(f"an array of numbers of type {kind}, where MXNet's are 0 to {max(_TYPE_SIZES)}")
    headers.skip(prod(shape) * _TYPE_SIZES[kind])
    return True


def _shape(headers: _Headers, magic: int) -> tuple[int, ...]:
    if magic == _WITH_STORAGE:
        (storage,) = headers.take("i")
        if storage != _DENSE:
            raise _BrokenError(f"an array of storage type {storage}, where a dense one has {_DENSE}")
    if magic in (_WITH_64_BITS, _WITH_STORAGE):
        (dimensions,) = headers.take("I")
        return headers.take(f"{dimensions}q")
    return headers.take(f"{magic}I")
