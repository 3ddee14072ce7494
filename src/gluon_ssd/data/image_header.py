"""How large stored images are, read from the first bytes of their files."""

import struct
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data.image_files import ImageFiles
from gluon_ssd.data.many_files import in_chunks
from gluon_ssd.errors import UserError

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_PNG_HEAD = struct.Struct(">16xII")  # signature, length and type of the first chunk, then width and height
_FRAME = struct.Struct(">xHH")  # bits a sample, then height and width
_LENGTH = struct.Struct(">H")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers that begin a frame, of whatever coding
_BARE = frozenset([0x01, *range(0xD0, 0xD9)])  # markers without a segment behind them
_PIXELS = frozenset([0xD9, 0xDA])  # the end, and a scan: no frame begins behind them


def read_size(stream: BinaryIO) -> tuple[int, int] | None:
    """Return width and height of the JPEG or PNG image that begins in `stream`, in pixels as they are stored.

    None where its first bytes do not tell, as those of a broken image: whether it can be decoded shows later.
    """
    head = stream.read(_PNG_HEAD.size)
    if head.startswith(_PNG) and len(head) == _PNG_HEAD.size:
        width, height = _PNG_HEAD.unpack(head)
    elif head.startswith(_JPEG):
        stream.seek(len(_JPEG))
        width, height = _jpeg_size(stream)
    else:
        return None
    return (width, height) if width and height else None


def read_sizes(images: ImageFiles) -> NDArray[np.int64]:
    """Return the width and height of the images of a channel, at least one, shape (n, 2), 0 where one does not tell.

    Raises:
        UserError: a file cannot be read.
    """
    return np.concatenate(in_chunks(partial(_read_chunk, images), len(images), images.channel))


def _read_chunk(images: ImageFiles, chunk: range) -> NDArray[np.int64]:
    sizes = np.zeros((len(chunk), 2), np.int64)
    for size, index in zip(sizes, chunk, strict=True):
        try:
            with images.open(index) as stream:
                size[:] = read_size(stream) or 0
        except OSError as error:
            raise UserError(f"{images.where(index)}: expected a file that can be read, got {error}") from error
    return sizes


def _jpeg_size(stream: BinaryIO) -> tuple[int, int]:
    """Walk the segments up to the one that begins the frame; (0, 0) where none does."""
    while (marker := _marker(stream)) not in _PIXELS:
        if marker in _BARE:
            continue
        length = stream.read(_LENGTH.size)
        if len(length) < _LENGTH.size:
            break
        if marker in _FRAMES:
            frame = stream.read(_FRAME.size)
            if len(frame) < _FRAME.size:
                break
            height, width = _FRAME.unpack(frame)
            return width, height
        stream.seek(max(_LENGTH.unpack(length)[0] - _LENGTH.size, 0), 1)
    return 0, 0


def _marker(stream: BinaryIO) -> int:
    """Return the code of the next marker; that of an end where something else follows."""
    if stream.read(1) != b"\xff":
        return 0xD9
    while (code := stream.read(1)) == b"\xff":  # any number of them may fill up
        pass
    return code[0] if code else 0xD9
