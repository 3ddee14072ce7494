"""Whole jobs by `docker run`."""

import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from contract.job import Ended, Job, picture
from image.container import SMALL, make_job, run, run_and_stop, started

pytestmark = pytest.mark.docker

ARTIFACT = [
    "deploy_model_algo_1-symbol.json", "hyperparams.json", "model.json", "model_algo_1-0000.params",
    "model_algo_1-symbol.json",
]  # fmt: skip
OFFLINE = ("--network", "none")


def artifact(job: Job) -> list[str]:
    with tarfile.open(job.base / "output" / "model.tar.gz") as archive:
        return sorted(archive.getnames())


def assert_trained(job: Job, ended: Ended) -> None:
    assert (ended.code, ended.failure) == (0, None), ended.log
    assert ended.log.startswith("Docker entrypoint called with argument(s): train\n")
    assert ended.log.count("validation mAP <score>=") == int(job.hyperparameters["epochs"])
    assert artifact(job) == ARTIFACT


def test_a_job_on_records_leaves_the_artifact_without_a_network(tmp_path: Path) -> None:
    job = make_job(tmp_path, epochs="2")
    assert_trained(job, run(job, *OFFLINE))


def test_the_image_trains_without_a_command(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    assert_trained(job, run(job, *OFFLINE, command=()))


def test_a_job_on_images_with_json_annotations_leaves_the_artifact(tmp_path: Path) -> None:
    images = {"ContentType": "image/jpeg", "TrainingInputMode": "File"}
    names = ("train", "validation", "train_annotation", "validation_annotation")
    job = Job(tmp_path, channels=dict.fromkeys(names, images))
    job.hyperparameters |= SMALL
    for channel, count in (("train", 8), ("validation", 4)):
        job.write_images(channel, [picture(number, number % 2) for number in range(count)])
    job.write_config()
    assert_trained(job, run(job, *OFFLINE))


def test_a_mistake_of_the_customer_ends_with_2_and_the_failure_file(tmp_path: Path) -> None:
    job = make_job(tmp_path, num_classes="-1")
    ended = run(job, *OFFLINE)
    assert ended.code == 2, ended.log
    assert ended.failure
    assert ended.failure.startswith("ClientError: ")
    assert "num_classes" in ended.failure
    assert "Traceback" not in ended.log


def test_sigterm_to_the_container_leaves_the_model_so_far_and_ends_with_0(tmp_path: Path) -> None:
    job = make_job(tmp_path, epochs="1000")
    asked = []

    def trained_once(line: str) -> bool:
        if "validation mAP <score>=" in line:
            asked.append(time.monotonic())
        return bool(asked)

    ended = run_and_stop(job, trained_once)
    assert (ended.code, ended.failure) == (0, None), ended.log
    assert time.monotonic() - asked[0] < 30
    assert artifact(job) == ARTIFACT


@pytest.mark.parametrize("input_of", [1234, 4321])
def test_a_user_without_rights_trains_on_files_of_its_own_or_of_another(tmp_path: Path, input_of: int) -> None:
    job = make_job(tmp_path)
    for folder, _, files in os.walk(job.base):
        for path in (Path(folder), *(Path(folder) / file for file in files)):
            shutil.chown(path, input_of if job.base / "input" in (path, *path.parents) else 1234)
    ended = run(job, *OFFLINE, "--user", "1234:1234")
    assert_trained(job, ended)
    assert (job.base / "output" / "model.tar.gz").stat().st_uid == 1234


def test_a_user_who_may_not_write_is_told_so_before_training(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    tmp_path.chmod(0o755)
    ended = run(job, *OFFLINE, "--user", "1234:1234")
    assert ended.code == 3, ended.log
    assert "Platform Error: output: expected to write to /opt/ml/model" in ended.log
    assert "Traceback" not in ended.log


def test_root_trains_on_files_that_only_their_owner_may_read(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    for path in (job.base / "input").rglob("*.*"):
        shutil.chown(path, 4321)
        path.chmod(0o400)
    assert_trained(job, run(job, *OFFLINE))


def test_the_input_may_be_mounted_read_only(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    assert_trained(job, run(job, *OFFLINE, "-v", f"{job.base / 'input'}:/opt/ml/input:ro"))


def test_the_root_file_system_may_be_read_only_beside_a_folder_for_temporary_files(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    refused = run(job, *OFFLINE, "--read-only")
    assert refused.code == 3, refused.log
    assert refused.failure
    assert refused.failure.startswith("InternalServerError: temporary files: expected a folder for them that can be ")
    assert_trained(job, run(job, *OFFLINE, "--read-only", "--tmpfs", "/tmp"))  # noqa: S108 - the container's


def test_what_stands_in_the_way_of_a_user_of_the_other_commands_is_told_in_a_line(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    assert_trained(job, run(job, *OFFLINE))
    predict = ("gluon-ssd", "predict", "/opt/ml/output/model.tar.gz", "/opt/ml/photo.jpg")
    as_another = (*OFFLINE, "--user", "1234", "--read-only")
    (tmp_path / "photo.jpg").write_bytes(picture(0, 0).image)
    tmp_path.chmod(0o700)
    refused = run(job, *as_another, command=predict)
    not_allowed = "gluon-ssd: /opt/ml/photo.jpg: expected a place that you may use, got Permission denied\n"
    assert (refused.code, refused.log) == (2, not_allowed)
    tmp_path.chmod(0o755)
    refused = run(job, *as_another, command=predict)
    assert refused.code == 3, refused.log
    expected = "gluon-ssd: temporary files: expected a folder for them that can be written to, such as /tmp, got "
    assert refused.log.startswith(expected)
    assert refused.log.count("\n") == 1


def first_process(name: str) -> int:
    """The number, on this machine, of the process that is 1 in a container; 0 where there is none yet."""
    asked = subprocess.run(
        ["docker", "inspect", "--format", "{{.State.Pid}}", name], capture_output=True, text=True, check=False
    )
    return int(asked.stdout.strip() or 0)


def command_of(number: int) -> str:
    return Path(f"/proc/{number}/comm").read_text()


def test_a_container_that_is_stopped_as_it_starts_has_heard_of_it(tmp_path: Path) -> None:
    job = make_job(tmp_path, epochs="100000")
    with started(job, *OFFLINE) as (name, process):
        while not (number := first_process(name)) or not command_of(number).startswith("python"):
            assert process.poll() is None
        os.kill(number, signal.SIGTERM)
        ended = job.finish(process)
    assert (ended.code, ended.failure) == (0, None), ended.log
    assert "SIGTERM: stopping" in ended.log


def test_workers_that_load_data_share_64_megabytes_of_memory(tmp_path: Path) -> None:
    job = make_job(tmp_path, num_workers="2", image_shape="512", mini_batch_size="8")
    ended = run(job, *OFFLINE, "--shm-size", "64m")
    assert_trained(job, ended)


def test_a_job_starts_from_the_model_of_another(tmp_path: Path) -> None:
    first = make_job(tmp_path / "first")
    assert_trained(first, run(first, *OFFLINE))
    second = make_job(tmp_path / "second", freeze_layer_pattern=".*")
    channel = second.base / "input" / "data" / "model"
    channel.mkdir()
    shutil.copy(first.base / "output" / "model.tar.gz", channel)
    second.channels = {**second.channels, "model": {"ContentType": "application/x-sagemaker-model"}}
    second.write_config()
    assert_trained(second, run(second, *OFFLINE))
    parameters = "model_algo_1-0000.params"
    assert (second.model / parameters).read_bytes() == (first.model / parameters).read_bytes()


def test_a_gpu_instance_without_a_gpu_is_a_fault_of_the_platform(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    config = {"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": "ml.g5.xlarge"}
    (job.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    ended = run(job, *OFFLINE)
    assert ended.code == 3, ended.log
    assert ended.failure
    assert ended.failure.startswith("InternalServerError: GPU: expected at least one")
