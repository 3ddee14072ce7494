"""The image for GPUs on a machine that has none."""

import json
from pathlib import Path

import pytest

from image.container import DEVICE, make_job, run

pytestmark = [pytest.mark.docker, pytest.mark.skipif(DEVICE != "gpu", reason="`make test-image-gpu` runs it")]

NO_GPU = "InternalServerError: GPU: expected at least one, as this machine has or its instance type says, got none"


def test_without_a_driver_it_trains_on_the_cpu_with_a_warning(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    ended = run(job, "--network", "none")
    assert (ended.code, ended.failure) == (0, None), ended.log
    assert "No GPU: training on the CPU" in ended.log
    assert (job.base / "output" / "model.tar.gz").exists()


def test_with_device_files_but_no_driver_it_is_a_fault_of_the_platform(tmp_path: Path) -> None:
    ended = run(make_job(tmp_path), "--volume", "/dev/null:/dev/nvidia0")
    assert ended.code == 3, ended.log
    assert ended.failure
    assert ended.failure.startswith(NO_GPU)


def test_on_a_gpu_instance_without_a_driver_it_is_a_fault_of_the_platform(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    config = {"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": "ml.p3.2xlarge"}
    (job.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    ended = run(job)
    assert ended.code == 3, ended.log
    assert ended.failure
    assert ended.failure.startswith(NO_GPU)
