"""Stored images, JPEG or PNG, to RGB pixels."""

import io
from contextlib import suppress

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gluon_ssd.data import image_header
from gluon_ssd.data.image_header import JPEG, PNG

_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"  # markers of JPEG: pixels begin, all ends
# Boxes were drawn on the pixels as stored: a camera's rotation tag must not turn the image under them.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_SHRUNK = {
    1: _FLAGS,
    2: cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION,
    4: cv2.IMREAD_REDUCED_COLOR_4 | cv2.IMREAD_IGNORE_ORIENTATION,
    8: cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION,
}
_MOST_PIXELS = 1 << 30  # OpenCV's limit; a few bytes may claim more


class UnreadableImageError(ValueError):
    """Bytes that are not a JPEG or PNG image, or a broken one."""


def decode(data: bytes, *, shrinkage: int = 1, draft: bool = False) -> NDArray[np.uint8]:
    """Decode a JPEG or PNG image to uint8 RGB of shape (height, width, 3).

    Gray becomes three equal channels, 16 bits become 8, an alpha channel is left out, and a rotation tag ignored.

    Args:
        data: the image as it is stored.
        shrinkage: a JPEG at a half, a quarter or an eighth of its sides, rounded up (2, 4 or 8), takes less time; PNG
            comes whole.
        draft: whether a JPEG's values may be off a little, by about one in smooth places and more at sharp edges of
            color, to save time.
    """
    if is_jpeg(data):
        decoded = _decode_jpeg(data, shrinkage, draft=draft)
        if decoded is not None:
            return decoded
    flags = _SHRUNK[shrinkage] if is_jpeg(data) else _FLAGS
    return cv2.cvtColor(_imdecode(data, flags), cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def _decode_jpeg(data: bytes, shrinkage: int, *, draft: bool) -> NDArray[np.uint8] | None:
    """Decode straight to RGB: the same values as OpenCV's, a tenth faster; None for what is left to OpenCV.

    That is what this library does not know, of which it tells in several ways, and what is broken or too large.
    """
    with suppress(ValueError, KeyError, TypeError):
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        if height * width > _MOST_PIXELS:
            return None
        least = {"min_height": -(-height // shrinkage), "min_width": -(-width // shrinkage)}
        decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", fastdct=draft, fastupsample=draft, min_factor=1, **least
        )
        return decoded
    return None


def size(data: bytes) -> tuple[int, int]:
    """Return the width and height of a JPEG or PNG image, whose first bytes tell them.

    Raises:
        UnreadableImageError: they do not, and it cannot be decoded.
    """
    told = image_header.read_size(io.BytesIO(data))
    if told is None:
        height, width = _imdecode(data, _FLAGS).shape[:2]
        return width, height
    return told


def is_jpeg(data: bytes) -> bool:
    """Say whether bytes begin as a JPEG image does, which can be decoded smaller."""
    return data.startswith(JPEG)


def is_image(data: bytes) -> bool:
    """Say whether bytes begin as a JPEG or PNG image does."""
    return data.startswith((JPEG, PNG))


def check(data: bytes) -> tuple[int, int]:
    """Return the width and height of a JPEG or PNG image that can be decoded.

    All of it is read, but brightness alone is decoded, which for a JPEG takes a third of the time.

    Raises:
        UnreadableImageError: it cannot be decoded.
    """
    height, width = _imdecode(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION).shape
    return width, height


def _imdecode(data: bytes, flags: int) -> NDArray[np.uint8]:
    if not is_image(data):
        raise UnreadableImageError(f"expected a JPEG or PNG image, got {_describe(data)}")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise UnreadableImageError(f"expected a JPEG or PNG image, got one that cannot be decoded: {error}") from error
    _check_end(data)
    if image is None:
        raise UnreadableImageError(f"expected a JPEG or PNG image, got one that is broken, of {len(data):,} bytes")
    return image.astype(np.uint8, copy=False)


def _check_end(data: bytes) -> None:
    """Refuse a JPEG that breaks off in its pixels: OpenCV would make up the rest, in one color."""
    if data.endswith(_END_OF_IMAGE):
        return  # as nearly all do; no need to look through them
    # Neither marker can be part of the coded pixels; a thumbnail, which has both, comes before the image's own.
    if data.startswith(JPEG) and data.rfind(_END_OF_IMAGE) < data.rfind(_START_OF_SCAN):
        raise UnreadableImageError(
            f"expected a JPEG or PNG image, got a JPEG that breaks off after {len(data):,} bytes"
        )


def _describe(data: bytes) -> str:
    return f"{len(data):,} bytes that begin with {data[:8].hex(' ')}" if data else "no bytes"
