"""Channels on several hosts: which part of the data each of them trains and validates on."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from batches_compared import grays_of
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.share import Share
from gluon_ssd.inputs import open_data
from gluon_ssd.sagemaker.channels import Channels
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.paths import Paths
from record_stream import frame

BOX = np.array([[0, 0.25, 0.25, 0.75, 0.75, 0]], np.float32)


def _record(gray: int) -> bytes:
    return pack(Sample(cv2.imencode(".png", np.full((8, 8, 3), gray, np.uint8))[1].tobytes(), BOX), gray)


def _host(folder: Path, grays: range, distribution: str) -> Paths:
    """Lay out the input of one host: images of these grays to train on, and the same three to validate on."""
    paths = Paths(folder)
    for name, images in (("train", grays), ("validation", range(3))):
        paths.channel(name).mkdir(parents=True)
        (paths.channel(name) / "a.rec").write_bytes(frame(*map(_record, images)))
    paths.input_data_config.parent.mkdir()
    settings = {"ContentType": "application/x-recordio", "TrainingInputMode": "File"}
    config = {"train": settings | {"S3DistributionType": distribution}, "validation": settings}
    paths.input_data_config.write_text(json.dumps(config))
    hyperparameters = {
        "num_classes": "1",
        "num_training_samples": "8",
        "mini_batch_size": "2",
        "augmentation": "none",
        "shuffle": "false",
        "base_network": "resnet-50",
        "image_shape": "64",
    }
    paths.hyperparameters.write_text(json.dumps(hyperparameters))
    return paths


def _first_epoch(paths: Paths, share: Share, **more: str) -> tuple[list[list[int]], list[list[int]]]:
    paths.hyperparameters.write_text(json.dumps(json.loads(paths.hyperparameters.read_text()) | more))
    job = Hyperparameters.read(paths.hyperparameters)
    channels = Channels.read(paths.input_data_config, paths.data)
    with open_data(job, channels, paths, share=share, num_workers=1, stopped=lambda: False) as data:
        return grays_of(data.training.epoch(0)), grays_of(data.validation)


def test_hosts_that_have_everything_share_every_batch_and_the_validation_images(tmp_path: Path) -> None:
    read = [_first_epoch(_host(tmp_path / str(rank), range(8), "FullyReplicated"), Share(rank, 2)) for rank in range(2)]
    assert read == [([[0, 1], [4, 5]], [[0]]), ([[2, 3], [6, 7]], [[1, 2]])]


def test_a_host_has_nothing_to_validate_on_where_there_are_fewer_images_than_hosts(tmp_path: Path) -> None:
    read = [_first_epoch(_host(tmp_path / str(rank), range(8), "FullyReplicated"), Share(rank, 4)) for rank in range(4)]
    assert [validation for _, validation in read] == [[], [[0]], [[1]], [[2]]]


def test_where_hosts_do_not_train_in_step_the_first_validates_on_all(tmp_path: Path) -> None:
    read = [
        _first_epoch(_host(tmp_path / str(rank), range(8), "FullyReplicated"), Share(rank, 2), kv_store="dist_async")
        for rank in range(2)
    ]
    assert [validation for _, validation in read] == [[[0, 1], [2]], []]


def test_a_host_that_has_objects_of_its_own_trains_on_all_of_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read = [
            _first_epoch(_host(tmp_path / str(rank), range(4 * rank, 4 * rank + 4), "ShardedByS3Key"), Share(rank, 2))
            for rank in range(2)
        ]
    assert [training for training, _ in read] == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    assert [validation for _, validation in read] == [[[0]], [[1, 2]]]  # which is not sharded
    assert not any("num_training_samples" in message for message in caplog.messages)  # which counts all hosts' images
