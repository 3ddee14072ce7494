"""Whole jobs with base networks that the built-in algorithm lacks."""

import json
from pathlib import Path

import mxnet as mx
import pytest

from contract.job import Job, picture, pictures
from gluon_ssd.detector import Detector

IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
RAW = ([0, 0, 0], [1, 1, 1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base_network", "normalization", "first_weight"),
    [("resnet-18", RAW, (64, 3, 7, 7)), ("mobilenet-0.25", IMAGENET, (8, 3, 3, 3))],
)
def test_a_job_trains_it_and_leaves_a_model_that_detects(
    base_network: str, normalization: tuple[list[float], list[float]], first_weight: tuple[int, ...], tmp_path: Path
) -> None:
    job = Job(tmp_path)
    job.hyperparameters |= {"base_network": base_network, "optimizer": "adam"}
    job.write_records("train", pictures(8))
    job.write_records("validation", pictures(4))
    job.write_config()
    ended = job.run()
    assert ended.code == 0, ended.log
    assert "validation mAP <score>=(" in ended.log
    assert "gluoncv" not in ended.log  # no warning of a library's
    description = json.loads((job.model / "model.json").read_text())
    assert (description["input_mean"], description["input_std"]) == normalization
    _, arguments, _ = mx.model.load_checkpoint(str(job.model / "model_algo_1"), 0)
    assert arguments["conv0_weight"].shape == first_weight
    detector = Detector.read(job.model, mx.cpu())
    assert list(detector.description.input_std) == normalization[1]
    rows = detector.detect(picture(3, 1).image)
    assert rows.shape[1] == 6
    assert len(rows) > 0
