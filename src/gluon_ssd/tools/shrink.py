"""Large photographs made smaller, since a network that sees a few hundred pixels has no use for more."""

import cv2

from gluon_ssd.data.image_header import JPEG
from gluon_ssd.data.images import decode

JPEG_QUALITY = 95


def shrink(data: bytes, max_side: int) -> tuple[bytes, tuple[int, int]]:
    """Return an image whose longer side is `max_side` pixels, and its width and height.

    A larger JPEG or PNG image is expected, and stays one. Raises UnreadableImageError.
    """
    pixels = decode(data)
    height, width = pixels.shape[:2]
    scale = max_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Each new pixel is the mean of those that it covers: no moire, whatever the scale.
    smaller = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)
    suffix = ".jpg" if data.startswith(JPEG) else ".png"
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == ".jpg" else []
    return cv2.imencode(suffix, smaller, settings)[1].tobytes(), size
