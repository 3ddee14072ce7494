"""Program: what MXNet's iterator, set up as the ancestor of the built-in algorithm does, makes of images and boxes.

Usage: augmentation_of_mxnet.py FOLDER COUNT, which leaves in FOLDER what COUNT draws give:

- boxes.npy (COUNT, 4): the corners of the one object of an image;
- survivors.npy (COUNT, 3): which of three objects are left;
- pixels.npy (COUNT, 24, 24, 3): the image of `colors`, uint8 RGB, in other colors and no more.

It is a program so that OMP_NUM_THREADS can be set for it: on a busy machine the threads of MXNet's OpenCV spin for
seconds otherwise.
"""

import sys
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
from numpy.typing import NDArray

ONE = [[0, 0.25, 0.25, 0.75, 0.875, 0]]
THREE = [[0, 0.05, 0.05, 0.3, 0.35, 0], [1, 0.3, 0.2, 0.9, 0.8, 0], [2, 0.75, 0.7, 0.85, 0.95, 0]]
BLACK = np.zeros((30, 40, 3), np.uint8)
_GEOMETRY = {
    "rand_pad_prob": 0.5,
    "max_pad_scale": 4,
    "rand_crop_prob": 5 / 6,
    "num_crop_sampler": 5,
    "min_crop_overlaps": (0.1, 0.3, 0.5, 0.7, 0.9),
    "min_crop_scales": (0.3,) * 5,
    "max_crop_scales": (1.0,) * 5,
    "min_crop_aspect_ratios": (0.5,) * 5,
    "max_crop_aspect_ratios": (2.0,) * 5,
    "max_crop_trials": (25,) * 5,
}
_COLOR = {
    "random_hue_prob": 0.5,
    "max_random_hue": 18,
    "random_saturation_prob": 0.5,
    "max_random_saturation": 32,
    "random_illumination_prob": 0.5,
    "max_random_illumination": 32,
    "random_contrast_prob": 0.5,
    "max_random_contrast": 0.5,
}


def colors() -> NDArray[np.uint8]:
    """Return an image of 24 by 24 colors, RGB."""
    return np.random.default_rng(61).integers(40, 200, (24, 24, 3), dtype=np.uint8)


def main(folder: Path, count: int) -> None:
    labels = [batch.label[0].asnumpy() for batch in _iterate(folder, count, ONE, BLACK, **_GEOMETRY)]
    # Each row: 4 numbers of the iterator, the header's 2, the class, the corners.
    np.save(folder / "boxes.npy", np.concatenate(labels)[:, 7:11])
    labels = [batch.label[0].asnumpy() for batch in _iterate(folder, count, THREE, BLACK, **_GEOMETRY)]
    classes = np.concatenate(labels)[:, 6::6][:, :3]
    np.save(folder / "survivors.npy", (classes[:, :, None] == np.arange(3)).any(axis=1))
    pixels = [batch.data[0].asnumpy() for batch in _iterate(folder, count, ONE, colors(), **_COLOR)]
    np.save(folder / "pixels.npy", np.concatenate(pixels).transpose(0, 2, 3, 1).astype(np.uint8))


def _iterate(
    folder: Path, count: int, rows: list[list[float]], image: NDArray[np.uint8], **settings: object
) -> mx.io.MXDataIter:
    label = np.array([2, 6, *np.ravel(rows)], np.float32)
    _, encoded = cv2.imencode(".png", image[:, :, ::-1])
    writer = mx.recordio.MXRecordIO(str(folder / "one.rec"), "w")
    for number in range(count):
        writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, label, number, 0), encoded.tobytes()))
    writer.close()
    return mx.io.ImageDetRecordIter(
        path_imgrec=str(folder / "one.rec"),
        data_shape=(3, 24, 24),
        batch_size=100,
        label_pad_width=30,
        preprocess_threads=1,
        seed=23,
        inter_method=0,
        **settings,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
