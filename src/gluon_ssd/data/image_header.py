"""How large stored images are, read from the first bytes of their files."""

import struct
from functools import partial
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.data.image_files import ImageFiles
from gluon_ssd.data.many_files import in_chunks
from gluon_ssd.errors import UserError

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"  # the start of the image, and of the marker that always follows
"""How images begin."""

_MARKER = 2  # bytes
# Signature, length and type of the first chunk, then width and height, bits a sample, and what the samples are.
_PNG_HEAD = struct.Struct(">16xIIxB")
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # gray, RGB, palette, and the first two with alpha
_FRAME = struct.Struct(">xHHB")  # bits a sample, then height, width and channels
_LENGTH = struct.Struct(">H")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers that begin a frame, of whatever coding
_BARE = frozenset([0x01, *range(0xD0, 0xD9)])  # markers without a segment behind them
_PIXELS = frozenset([0xD9, 0xDA])  # the end, and a scan: no frame begins behind them


class Header(NamedTuple):
    """What the first bytes of an image tell: width and height in pixels as they are stored, channels, and whether PNG.

    An image with a palette has the 3 channels that it is decoded to.
    """

    width: int
    height: int
    channels: int
    is_png: bool


def read_header(stream: BinaryIO) -> Header | None:
    """Return what is told of the JPEG or PNG image that begins in `stream`.

    None where its first bytes do not tell, as those of a broken image: whether it can be decoded shows later.
    """
    head = stream.read(_PNG_HEAD.size)
    if head.startswith(PNG) and len(head) == _PNG_HEAD.size:
        width, height, kind = _PNG_HEAD.unpack(head)
        header = Header(width, height, _PNG_CHANNELS.get(kind, 0), is_png=True)
    elif head.startswith(JPEG):
        stream.seek(_MARKER)
        header = Header(*_jpeg_frame(stream), is_png=False)
    else:
        return None
    return header if header.width and header.height else None


def read_size(stream: BinaryIO) -> tuple[int, int] | None:
    """Return the width and height alone."""
    header = read_header(stream)
    return None if header is None else (header.width, header.height)


def read_sizes(images: ImageFiles) -> NDArray[np.int64]:
    """Return the width and height of the images of a channel, at least one, shape (n, 2), 0 where one does not tell.

    Raises:
        UserError: a file cannot be read.
    """
    return read_headers(images)[:, :2]


def read_headers(images: ImageFiles) -> NDArray[np.int64]:
    """Return the headers of the images of a channel, at least one, rows (n, 4) as `Header`, 0 where one does not tell.

    Raises:
        UserError: a file cannot be read.
    """
    return np.concatenate(in_chunks(partial(_read_chunk, images), len(images), f"{images.channel} image sizes"))


def _read_chunk(images: ImageFiles, chunk: range) -> NDArray[np.int64]:
    headers = np.zeros((len(chunk), len(Header._fields)), np.int64)
    for header, index in zip(headers, chunk, strict=True):
        try:
            with images.open(index) as stream:
                header[:] = read_header(stream) or 0
        except OSError as error:
            raise unreadable_file(images.where(index), error) from error
    return headers


def unreadable_file(where: str, error: OSError) -> UserError:
    """Return what to say of an image that is not there, or not for us."""
    return UserError(f"{where}: expected a file that can be read, got {error}")


def _jpeg_frame(stream: BinaryIO) -> tuple[int, int, int]:
    """Walk the segments up to the one that begins the frame: its width, height and channels; 0 where none does."""
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
            height, width, channels = _FRAME.unpack(frame)
            return width, height, channels
        stream.seek(max(_LENGTH.unpack(length)[0] - _LENGTH.size, 0), 1)
    return 0, 0, 0


def _marker(stream: BinaryIO) -> int:
    """Return the code of the next marker; that of an end where something else follows."""
    if stream.read(1) != b"\xff":
        return 0xD9
    while (code := stream.read(1)) == b"\xff":  # any number of them may fill up
        pass
    return code[0] if code else 0xD9
