"""Program: what MXNet's iterator, set up as the ancestor of the built-in algorithm does, makes of one object's corners.

Usage: boxes_of_mxnet.py FOLDER COUNT, which leaves FOLDER/boxes.npy of shape (COUNT, 4). It is a program so that
OMP_NUM_THREADS can be set for it: on a busy machine the threads of MXNet's OpenCV spin for seconds otherwise.
"""

import sys
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np

LABEL = np.array([2, 6, 0, 0.25, 0.25, 0.75, 0.875, 0], np.float32)
SAMPLERS = {
    "min_crop_scales": 0.3,
    "max_crop_scales": 1.0,
    "min_crop_aspect_ratios": 0.5,
    "max_crop_aspect_ratios": 2.0,
    "max_crop_trials": 25,
}


def main(folder: Path, count: int) -> None:
    _, image = cv2.imencode(".png", np.zeros((30, 40, 3), np.uint8))
    writer = mx.recordio.MXRecordIO(str(folder / "one.rec"), "w")
    for number in range(count):
        writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, LABEL, number, 0), image.tobytes()))
    writer.close()
    iterator = mx.io.ImageDetRecordIter(
        path_imgrec=str(folder / "one.rec"),
        data_shape=(3, 8, 8),
        batch_size=100,
        label_pad_width=20,
        preprocess_threads=1,
        seed=23,
        rand_pad_prob=0.5,
        max_pad_scale=4,
        rand_crop_prob=5 / 6,
        num_crop_sampler=5,
        min_crop_overlaps=(0.1, 0.3, 0.5, 0.7, 0.9),
        **{name: (value,) * 5 for name, value in SAMPLERS.items()},
    )
    # Each row: 4 numbers of the iterator, the header's 2, the class, the corners.
    np.save(folder / "boxes.npy", np.concatenate([batch.label[0].asnumpy()[:, 7:11] for batch in iterator]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
