"""Whole jobs that run: what they log, what they leave, how they stop."""

import json
import os
import re
import signal
import tarfile
from pathlib import Path

import mxnet as mx
import pytest

from contract.job import Ended, Job, assert_in_order, picture, pictures
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.sample import Sample

# The metric definitions that AWS publishes for the algorithm, literally.
PUBLISHED = {
    "train:progress": r"#progress_metric: host=\S+, completed (\S+) %",
    "train:smooth_l1": r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train smooth_l1 <loss>=(\S+)",
    "train:cross_entropy": r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train cross_entropy <loss>=(\S+)",
    "train:throughput": r"#throughput_metric: host=\S+, train throughput=(\S+) records/second",
    "validation:mAP": r"#quality_metric: host=\S+, epoch=\S+, validation mAP <score>=\((\S+)\)",
}
ARTIFACT = [
    "hyperparams.json",
    "model_algo_1-symbol.json",
    "model_algo_1-0000.params",
    "model.json",
    "deploy_model_algo_1-symbol.json",
]


def make_job(base: Path, **hyperparameters: str) -> Job:
    job = Job(base)
    job.hyperparameters |= hyperparameters
    job.write_records("train", pictures(8))
    job.write_records("validation", pictures(4))
    job.write_config()
    return job


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Ended]:
    settings = {"epochs": "2", "freeze_layer_pattern": "false", "_tuning_objective_metric": ""}
    job = make_job(tmp_path_factory.mktemp("job"), **settings)
    (job.base / "input" / "data" / "train" / "data.classes").write_text("red\nblue\n")
    return job, job.run()


def test_job_ends_well(finished: tuple[Job, Ended]) -> None:
    _, ended = finished
    assert ended.code == 0, ended.log
    assert ended.failure is None


@pytest.mark.parametrize(("name", "count"), [(name, 2) for name in PUBLISHED])
def test_published_regexes_match_once_an_epoch(finished: tuple[Job, Ended], name: str, count: int) -> None:
    values = re.findall(PUBLISHED[name], finished[1].log)
    assert len(values) == count
    assert all(float(value.strip("()")) >= 0 for value in values)


def test_log_has_the_lines_of_the_built_in_in_its_order(finished: tuple[Job, Ended]) -> None:
    job, ended = finished
    expected = [
        "Docker entrypoint called with argument(s): train",
        "Reading default configuration from ",
        f"Merging with provided configuration from {job.base}/input/config/hyperparameters.json: {{'base_network': ",
        "Final configuration: {'base_network': 'resnet-50', 'use_pretrained_model': '0', 'num_classes': '2'",
        "Process 1 is a worker.",
        "Using default worker.",
        "Loaded iterator creator application/x-image for content type ('application/x-image', '1.0')",
        "Loaded iterator creator application/x-recordio for content type ('application/x-recordio', '1.0')",
        "Loaded iterator creator image/jpeg for content type ('image/jpeg', '1.0')",
        "Loaded iterator creator image/png for content type ('image/png', '1.0')",
        "Checkpoint loading and saving are disabled.",
        "Number of GPUs being used: 0",
        "Training images are resized to image shape (3, 64, 64)",
        "label padding width: 350",
        "Validation images are resized to image shape (3, 64, 64)",
        "label padding width: 350",
        "Using [cpu(0)] as training context.",
        "Create Store: device",
        "Using (cpu(0)) as training context.",
        "Creating a new state instance.",
        '"Meta": "init_train_data_iter"',
        "#quality_metric: host=algo-1, epoch=0, batch=2 train cross_entropy <loss>=(",
        "#quality_metric: host=algo-1, epoch=0, batch=2 train smooth_l1 <loss>=(",
        "Round of batches complete",
        "Updated the metrics",
        "#quality_metric: host=algo-1, epoch=0, validation mAP <score>=(",
        "Updating the best model with validation-mAP=",
        f'Saved checkpoint to "{job.model}/model_algo_1-0000.params"',
        "#progress_metric: host=algo-1, completed 50.0 % of epochs",
        '"epoch": 0, "Meta": "training_data_iter"',
        "#quality_metric: host=algo-1, epoch=1, batch=2 train cross_entropy <loss>=(",
        "#progress_metric: host=algo-1, completed 100.0 % of epochs",
        "wait_for_all_workers will not sync workers since the kv store is not running distributed",
        "Test data is not provided.",
        '"Metrics": {"epochs": {"sum": 2.0, "count": 1, "min": 2, "max": 2}, "setuptime"',
    ]
    assert_in_order(ended.log, expected)


def test_log_lines_are_prefixed_but_for_the_json(finished: tuple[Job, Ended]) -> None:
    prefix = re.compile(r"\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d (INFO|WARNING) \d+\] ")
    lines = finished[1].log.splitlines()
    bare = [line for line in lines if not prefix.match(line)]
    assert {line.split()[0] for line in bare if line} == {"Docker", "Process", "#metrics"}
    assert all(lines[index + 1] == "" for index, line in enumerate(lines) if line.startswith("#metrics"))


def test_artifact_is_what_the_built_in_leaves_and_its_description(finished: tuple[Job, Ended]) -> None:
    job, _ = finished
    assert sorted(path.name for path in job.model.iterdir()) == sorted(ARTIFACT)
    hyperparameters = json.loads((job.model / "hyperparams.json").read_text())
    assert hyperparameters["num_classes"] == "2"
    assert all(isinstance(value, str) for value in hyperparameters.values())
    description = json.loads((job.model / "model.json").read_text())
    assert description["class_names"] == ["red", "blue"]
    assert description["input_mean"] == [0, 0, 0]
    assert description["input_std"] == [1, 1, 1]
    assert description["versions"]["mxnet"] == "1.9.1"
    symbol, arguments, _ = mx.model.load_checkpoint(str(job.model / "model_algo_1"), 0)
    assert symbol.list_outputs() == ["cls_prob_output", "loc_loss_output", "cls_label_output", "det_out_output"]
    assert arguments["conv0_weight"].shape == (64, 3, 7, 7)


def test_archive_is_flat_and_begins_with_the_hyperparameters(finished: tuple[Job, Ended]) -> None:
    with tarfile.open(finished[0].base / "output" / "model.tar.gz") as archive:
        assert archive.getnames() == ARTIFACT


def test_in_sagemaker_the_service_packs_the_model(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    assert job.run(TRAINING_JOB_NAME="birds-2026-11-23").code == 0
    assert (job.model / "model_algo_1-0000.params").exists()
    assert not (job.base / "output" / "model.tar.gz").exists()


def test_vgg_16_trains_too(tmp_path: Path) -> None:
    job = make_job(tmp_path, base_network="vgg-16", image_shape="268", mini_batch_size="2", num_training_samples="2")
    job.write_records("train", pictures(2))
    job.write_records("validation", pictures(1))
    ended = job.run()
    assert ended.code == 0, ended.log
    assert json.loads((job.model / "model.json").read_text())["input_mean"] == [123, 117, 104]
    _, arguments, _ = mx.model.load_checkpoint(str(job.model / "model_algo_1"), 0)
    assert arguments["relu4_3_scale"].shape == (1, 512, 1, 1)


def test_same_seed_gives_the_same_job_whatever_the_workers(tmp_path: Path) -> None:
    parameters = []
    for workers in ("0", "2"):
        job = make_job(tmp_path / workers, num_workers=workers, augmentation="full", mini_batch_size="3")
        assert job.run(OMP_NUM_THREADS="1").code == 0
        parameters.append((job.model / "model_algo_1-0000.params").read_bytes())
    assert parameters[0] == parameters[1]


def test_a_request_to_stop_that_comes_while_python_starts_is_heard(tmp_path: Path) -> None:
    job = make_job(tmp_path, epochs="100000")
    process = job.start()
    while not Path(f"/proc/{process.pid}/comm").read_text().startswith("python"):
        assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    ended = job.finish(process)
    assert (ended.code, ended.failure) == (0, None), ended.log
    assert "SIGTERM: stopping" in ended.log


def test_stop_before_the_first_epoch_is_over_leaves_a_model(tmp_path: Path) -> None:
    job = make_job(tmp_path, epochs="1")
    job.write_records("train", pictures(8) * 200)
    ended = job.run_and_stop(lambda line: "init_train_data_iter" in line)
    assert ended.code == 0, ended.log
    assert "SIGTERM" in ended.log
    assert re.search(r"WARNING \d+\] No epoch was finished", ended.log)
    description = json.loads((job.model / "model.json").read_text())
    assert (description["scores"], description["epoch"]) == ({}, None)
    assert (job.base / "output" / "model.tar.gz").exists()


def test_interrupt_of_the_whole_group_in_the_first_validation_leaves_a_model(tmp_path: Path) -> None:
    job = make_job(tmp_path, epochs="1")
    job.write_records("validation", pictures(8) * 200)
    ended = job.run_and_stop(lambda line: "train throughput" in line, signal.SIGINT)
    assert ended.code == 0, ended.log
    assert "SIGINT" in ended.log
    assert "No epoch was finished" in ended.log
    assert (job.base / "output" / "model.tar.gz").exists()


def test_stop_in_a_later_epoch_keeps_the_best_model(tmp_path: Path) -> None:
    job = make_job(tmp_path, epochs="100000")
    ended = job.run_and_stop(lambda line: "#progress_metric" in line)
    assert ended.code == 0, ended.log
    best = re.findall(r"Updating the best model with validation-mAP=(\S+)", ended.log)[-1]
    assert json.loads((job.model / "model.json").read_text())["scores"]["validation:mAP"] == float(best)


def test_one_image_among_many_that_is_none_is_a_warning(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    job.write_records("train", [*pictures(7), pack(Sample(b"not an image", picture(7, 1).objects), 7)])
    ended = job.run()
    assert ended.code == 0, ended.log
    assert re.search(r"WARNING \d+\] train channel, data.rec, record 7: ", ended.log)


def test_batch_larger_than_the_data_set_is_a_warning(tmp_path: Path) -> None:
    job = make_job(tmp_path, mini_batch_size="20")
    ended = job.run()
    assert ended.code == 0, ended.log
    assert re.search(r"WARNING \d+\] .*mini_batch_size", ended.log)


def test_wrong_num_training_samples_is_a_warning(tmp_path: Path) -> None:
    ended = make_job(tmp_path, num_training_samples="9").run()
    assert ended.code == 0, ended.log
    assert re.search(r"WARNING \d+\] num_training_samples: .*8.*9", ended.log)


def test_early_stopping_ends_the_job(tmp_path: Path) -> None:
    job = make_job(
        tmp_path,
        epochs="50",
        learning_rate="1e-9",
        early_stopping="true",
        early_stopping_min_epochs="2",
        early_stopping_patience="2",
        early_stopping_tolerance="0.5",
    )
    ended = job.run()
    assert ended.code == 0, ended.log
    assert len(re.findall(PUBLISHED["validation:mAP"], ended.log)) < 10
