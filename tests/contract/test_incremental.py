"""Whole jobs that start from the model of an earlier one."""

import io
import json
import re
import shutil
import tarfile
from pathlib import Path

import mxnet as mx
import pytest

from contract.job import Ended, Job, assert_in_order, pictures

pytestmark = pytest.mark.slow

MODEL = {"ContentType": "application/x-sagemaker-model", "TrainingInputMode": "File"}
PARAMETERS = "model_algo_1-0000.params"


def make_job(base: Path, **hyperparameters: str) -> Job:
    job = Job(base)
    job.hyperparameters |= hyperparameters
    job.write_records("train", pictures(8))
    job.write_records("validation", pictures(4))
    return job


def run_from(job: Job, *files: Path) -> Ended:
    channel = job.base / "input" / "data" / "model"
    channel.mkdir()
    for file in files:
        shutil.copyfile(file, channel / file.name)
    job.channels = {**job.channels, "model": MODEL}
    job.write_config()
    before = {file.name: file.read_bytes() for file in channel.iterdir()}
    (job.base / "tmp").mkdir()
    ended = job.run(TMPDIR=str(job.base / "tmp"), TRAINING_JOB_NAME="second")  # packing takes seconds
    assert {file.name: file.read_bytes() for file in channel.iterdir()} == before
    assert [path.name for path in (job.base / "tmp").iterdir() if path.name.startswith("tmp")] == []
    return ended


def parameters(folder: Path) -> dict[str, mx.nd.NDArray]:
    arrays: dict[str, mx.nd.NDArray] = mx.nd.load(str(folder / PARAMETERS))
    return arrays


def moved(before: Path, after: Path) -> set[str]:
    """Return the names of the parameters of which any bit differs."""
    old, new = parameters(before), parameters(after)
    assert old.keys() == new.keys()
    return {name for name in old if old[name].asnumpy().tobytes() != new[name].asnumpy().tobytes()}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = make_job(tmp_path_factory.mktemp("first"))
    (job.base / "input" / "data" / "train" / "data.classes").write_text("red\nblue\n")
    job.write_config()
    ended = job.run()
    assert ended.code == 0, ended.log
    return job


def test_a_job_with_all_layers_frozen_gives_the_model_of_the_first_bit_for_bit(first: Job, tmp_path: Path) -> None:
    job = make_job(tmp_path, freeze_layer_pattern=".*", use_pretrained_model="1", seed="9")
    ended = run_from(job, first.base / "output" / "model.tar.gz")
    assert ended.code == 0, ended.log
    assert moved(first.model, job.model) == set()
    assert json.loads((job.model / "model.json").read_text())["class_names"] == ["red", "blue"]
    expected = [
        "Using (cpu(0)) as training context.",
        "Start training from the model in the model channel.",
        "Found a model archive file. Extracting model.tar.gz",
        f"Using model weights from file {job.base / 'tmp' / 'gluon-ssd-'}",
        "/model_algo_1.\n",
        "done loading checkpoint",
        "The network gets pixels as the model did: less [0.0, 0.0, 0.0], divided by [1.0, 1.0, 1.0]",
        "freeze_layer_pattern: froze 193 of 193 parameters",
        "freeze_layer_pattern: all parameters are frozen: nothing is learned",
        "Class names are those of the model in the model channel: red, blue",
        "Creating a new state instance.",
        '"Meta": "init_train_data_iter"',
    ]
    assert_in_order(ended.log, expected)
    assert "from scratch" not in ended.log


def test_a_model_that_the_built_in_would_write_is_trained_on_but_for_frozen_layers(first: Job, tmp_path: Path) -> None:
    symbol, arg_params, aux_params = mx.model.load_checkpoint(str(first.model / "model_algo_1"), 0)
    module = mx.mod.Module(symbol, data_names=["data"], label_names=["label"])
    module.bind([("data", (1, 3, 64, 64))], [("label", (1, 1, 5))])
    # The first BatchNorm of a network that was trained on raw pixels.
    aux_params["bn_data_moving_mean"] = mx.nd.array([118, 112, 101])
    module.set_params(arg_params, aux_params)
    module.save_checkpoint(str(tmp_path / "model_algo_3"), 7)
    job = make_job(tmp_path / "job", freeze_layer_pattern="^(conv0|stage1_)", num_classes="2")
    ended = run_from(
        job,
        tmp_path / "model_algo_3-symbol.json",
        tmp_path / "model_algo_3-0007.params",
        first.model / "hyperparams.json",
    )
    assert ended.code == 0, ended.log
    assert f"Using model weights from file {job.base}/input/data/model/model_algo_3." in ended.log
    assert "Extracting" not in ended.log
    assert "freeze_layer_pattern: froze 29 of 193 parameters" in ended.log
    changed = {name for name in moved(first.model, job.model) if name.startswith("arg:")}
    assert not {name for name in changed if re.match(r"arg:(conv0|stage1_)", name)}
    # All others that learn: of 193 the gamma that BatchNorm ignores does not, nor do biases without a gradient.
    assert len(changed) > 150
    assert changed >= {"arg:bn0_gamma", "arg:stage2_unit1_conv1_weight", "arg:_plus12_cls_pred_conv_bias"}
    assert json.loads((job.model / "model.json").read_text())["input_mean"] == [0, 0, 0]


def test_a_model_of_other_classes_is_a_customer_error_that_names_both_numbers(first: Job, tmp_path: Path) -> None:
    job = make_job(tmp_path, num_classes="3")
    ended = run_from(job, first.base / "output" / "model.tar.gz")
    assert ended.code == 2, ended.log
    assert ended.failure == (
        "ClientError: model channel: num_classes: expected 2, as the model has, got 3; set reset_classes=1 to start "
        "its class heads anew"
    )
    assert "ImageDetRecordIOParser" not in ended.log  # no data was read
    job.hyperparameters["reset_classes"] = "1"
    job.write_config()
    again = job.run(TRAINING_JOB_NAME="third")
    assert again.code == 0, again.log
    assert parameters(job.model)["arg:_plus12_cls_pred_conv_bias"].shape == (4 * 4,)


def test_an_archive_with_a_link_is_a_customer_error_that_names_it(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("model_algo_1-0000.params")
        link.type, link.linkname = tarfile.SYMTYPE, "../../../../config/hyperparameters.json"
        archive.addfile(link, io.BytesIO())
    job = make_job(tmp_path / "job")
    ended = run_from(job, tmp_path / "model.tar.gz")
    assert ended.code == 2, ended.log
    assert ended.failure == (
        f"ClientError: model channel, {job.base}/input/data/model/model.tar.gz: expected files and folders alone, got "
        "'model_algo_1-0000.params', which is a link to '../../../../config/hyperparameters.json'"
    )
    assert "Traceback" not in ended.log
    assert "ImageDetRecordIOParser" not in ended.log


def test_an_archive_without_parameters_is_a_customer_error_that_names_it(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        symbol = tarfile.TarInfo("model_algo_1-symbol.json")
        symbol.size = 2
        archive.addfile(symbol, io.BytesIO(b"{}"))
    job = make_job(tmp_path / "job")
    ended = run_from(job, tmp_path / "model.tar.gz")
    assert ended.code == 2, ended.log
    assert ended.failure == (
        "ClientError: model: expected a file model_algo_1-*.params in "
        f"{job.base}/input/data/model/model.tar.gz, got none"
    )


def test_class_heads_without_a_model_cannot_start_anew(tmp_path: Path) -> None:
    job = make_job(tmp_path, reset_classes="1")
    job.write_config()
    ended = job.run()
    assert ended.code == 2
    assert ended.failure is not None
    assert ended.failure.startswith("ClientError: reset_classes: expected 0 without a model channel")


def test_an_empty_model_channel_is_a_customer_error(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    ended = run_from(job)
    assert ended.code == 2
    assert ended.failure is not None
    assert ended.failure.endswith("expected a model, such as model_algo_1-symbol.json and .params, got nothing")
