"""Tables of labels, written out box by box."""

from collections.abc import Sequence

import numpy as np

from gluon_ssd.tools.label_table import LabelTable

JPEG_100 = (100, 50, 3, 0)  # width, height, channels, whether PNG

Row = tuple[float, ...]


def table(*images: Sequence[Row], headers: Sequence[tuple[int, ...]] = ()) -> LabelTable:
    """Return the table of images, each given by its boxes: class and corners, and perhaps difficult."""
    rows = [(*row, 0.0)[:6] for image in images for row in image]
    counts = np.array([len(image) for image in images], np.int64)
    return LabelTable(
        np.array(rows, np.float32).reshape(-1, 6),
        counts,
        label_sizes=2 + 5 * counts,
        headers=np.array(headers or [JPEG_100] * len(images), np.int64),
    )
