"""Whole jobs that start from ImageNet weights, or would."""

import json
import subprocess
import sys
from pathlib import Path

import mxnet as mx
import pytest

from contract.job import SMALLEST, Job, clean_environment, pictures
from published_checkpoint import classifier

CHANNEL = {"ContentType": "application/octet-stream", "TrainingInputMode": "FastFile"}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(tmp_path / "ml")
    job.write_records("train", pictures(8))
    job.write_records("validation", pictures(4))
    job.hyperparameters["use_pretrained_model"] = "1"
    return job


def put(job: Job, path: str, content: bytes) -> Path:
    """Put a file into the channel of weights."""
    file = job.base / "input" / "data" / "pretrained" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    job.channels = {**job.channels, "pretrained": CHANNEL}
    return file


@pytest.mark.slow
def test_frozen_layers_of_a_published_checkpoint_come_out_as_they_went_in(tmp_path: Path) -> None:
    published = classifier(seed=7)
    mx.nd.save(str(tmp_path / "resnet-50-0000.params"), published)
    records = Job(tmp_path).write_records("train", pictures(8))
    settings = SMALLEST | {"freeze_layer_pattern": "^(bn|conv0|stage)"}
    ended = subprocess.run(
        [sys.executable, "-m", "gluon_ssd.cli", "train", f"--train={records}", f"--validation={records}"]
        + [f"--pretrained={tmp_path}/resnet-50-0000.params", f"--output={tmp_path}/job", "--hyperparameter"]
        + [f"{name}={value}" for name, value in settings.items()],
        env=clean_environment() | {"TRAINING_JOB_NAME": "pretrained"},  # packing takes seconds
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    log = ended.stdout + ended.stderr
    rest = log
    for line in (
        "Using (cpu(0)) as training context.",
        "Start training from pretrained model 1.",
        f"Using ImageNet weights from file {tmp_path}/job/input/data/pretrained/resnet-50-0000.params",
        "Loaded pretrained model parameters.",
        "freeze_layer_pattern: froze 153 of 193 parameters",
        "Creating a new state instance.",
    ):
        assert line in rest, f"missing, or out of order: {line}\n{log}"
        rest = rest[rest.index(line) + len(line) :]
    assert "from scratch" not in log
    trained = mx.nd.load(str(tmp_path / "job" / "model" / "model_algo_1-0000.params"))
    base = [name for name in published if name.startswith("arg:") and name in trained]
    assert len(base) == 153
    for name in base:
        assert trained[name].asnumpy().tobytes() == published[name].asnumpy().tobytes(), name
    assert json.loads((tmp_path / "job" / "model" / "hyperparams.json").read_text())["use_pretrained_model"] == "1"


def test_where_there_are_none_the_message_says_what_was_looked_for_and_where(job: Job, tmp_path: Path) -> None:
    put(job, "resnet50_v1-cc729d95.params", b"")
    job.write_config()
    ended = job.run(GLUON_SSD_PRETRAINED=str(tmp_path / "nowhere"))
    assert ended.code == 2
    assert ended.failure is not None
    assert ended.failure.startswith(
        "ClientError: use_pretrained_model: expected ImageNet weights for resnet-50, resnet50_v2-ecdde353.params or "
        f"resnet-50-0000.params, got none in {job.base}/input/data/pretrained (which has resnet50_v1-cc729d95.params), "
        f"{tmp_path}/nowhere (no such folder), /usr/local/share/gluon-ssd/pretrained ("
    )
    assert "RUN gluon-ssd fetch-weights resnet-50 in its Dockerfile" in ended.failure
    assert "Traceback" not in ended.log


def test_a_file_of_another_digest_fails_the_job(job: Job) -> None:
    file = put(job, "deep/er/resnet50_v2-ecdde353.params", b"abc")
    job.write_config()
    ended = job.run()
    assert ended.code == 2
    assert ended.failure == (
        f"ClientError: pretrained weights, {file}: expected SHA-1 ecdde35339c1aadbec4f547857078e734a76fb49, as of "
        "GluonCV's resnet50_v2-ecdde353.params, got a9993e364706816aba3e25717850c26c9cd0d89d; fetch the file again"
    )
    assert "Traceback" not in ended.log
    assert "ImageDetRecordIOParser" not in ended.log  # no data was read
