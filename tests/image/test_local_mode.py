"""The local mode of SageMaker's SDK, version 2: the example, as a notebook would run it."""

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.job import SMALLEST
from image.container import IMAGE, SMALL, make_job
from image.sdk import ROLE, cleaned_up, run_example

pytestmark = pytest.mark.docker


@pytest.fixture(autouse=True)
def _cleaned_up() -> Iterator[None]:
    with cleaned_up():
        yield


def train(sdk: Path, folder: Path, hosts: int, **hyperparameters: str) -> subprocess.CompletedProcess[str]:
    """Run the example on a folder's RecordIO files."""
    data = make_job(folder).base / "input" / "data"
    (folder / "models").mkdir()
    settings = SMALLEST | SMALL | hyperparameters
    return run_example(
        sdk,
        "sagemaker_jobs.py",
        *("train", "--image-uri", IMAGE, "--role", ROLE, "--instance-type", "local", "--instance-count", str(hosts)),
        *("--train", f"file://{data}/train", "--validation", f"file://{data}/validation"),
        *("--output", f"file://{folder}/models", "--hyperparameter"),
        *(f"{name}={value}" for name, value in settings.items()),
        folder=folder,
    )


@pytest.mark.parametrize("hosts", [1, 2])
def test_local_mode_trains_and_takes_the_artifact(sdk: Path, tmp_path: Path, hosts: int) -> None:
    ended = train(sdk, tmp_path, hosts)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (ended.stdout + ended.stderr).count("train cross_entropy <loss>=") == hosts
    (model,) = (tmp_path / "models").rglob("model.tar.gz")
    assert f"model: file://{model}" in ended.stdout
    with tarfile.open(model) as archive:
        assert "model_algo_1-0000.params" in [Path(name).name for name in archive.getnames()]


def test_local_mode_tells_of_a_failure(sdk: Path, tmp_path: Path) -> None:
    ended = train(sdk, tmp_path, 1, num_classes="none")
    assert ended.returncode != 0
    assert "Customer Error: hyperparameters: num_classes: expected" in ended.stdout + ended.stderr
