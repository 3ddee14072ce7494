"""Channels of small images for the tests of loading."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import augmentation_of_mxnet
from gluon_ssd.data import recordio
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.sample import Sample

MakeChannel = Callable[..., RecordIODataset]


def _sample(number: int, *, broken: bool) -> Sample:
    """Return an image all of gray `number`, with number mod 4 objects of that class."""
    _, image = cv2.imencode(".png", np.full((20, 24, 3), number, np.uint8))
    objects = np.tile(np.array([[number, 0.25, 0.25, 0.75, 0.75, 0]], np.float32), (number % 4, 1))
    return Sample(b"broken" if broken else image.tobytes(), objects)


@pytest.fixture
def make_channel(tmp_path: Path) -> MakeChannel:
    """Return a function that writes a channel of so many images, some of them unreadable, and opens it."""

    def make(images: int, broken: frozenset[int] = frozenset()) -> RecordIODataset:
        with (tmp_path / "train.rec").open("wb") as stream:
            for number in range(images):
                sample = _sample(number, broken=number in broken)
                recordio.write_record(stream, recordio.pack(sample, number))
        return RecordIODataset.open(tmp_path, channel="train", num_classes=images, label_width=350)

    return make


@pytest.fixture(scope="session")
def mxnet_draws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what 2,000 draws of MXNet's augmentation give (see `augmentation_of_mxnet`)."""
    folder = tmp_path_factory.mktemp("mxnet")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, augmentation_of_mxnet.__file__, folder, "2000"], check=True, env=environment)
    return folder
