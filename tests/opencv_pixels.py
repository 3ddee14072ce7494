"""Pixels as OpenCV reads them."""

import cv2
import numpy as np
from numpy.typing import NDArray


def decoded(encoded: bytes, flags: int = cv2.IMREAD_COLOR) -> NDArray[np.uint8]:
    """The pixels of an image, in OpenCV's order BGR."""
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    assert image is not None
    return image.astype(np.uint8, copy=False)
