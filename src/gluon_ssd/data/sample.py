"""A sample: an image as stored, and the objects drawn on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Sample:
    """One image of a channel with its objects; an image may have none.

    `image` holds the stored bytes, JPEG or PNG. `objects` is float32 of shape (n, 6), rows
    (class, xmin, ymin, xmax, ymax, difficult): corners in fractions of the image, difficult 0 or 1.
    """

    image: bytes
    objects: NDArray[np.float32]
