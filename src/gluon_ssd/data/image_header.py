"""How large a stored image is, read from the first bytes of its file."""

import struct
from typing import BinaryIO

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
