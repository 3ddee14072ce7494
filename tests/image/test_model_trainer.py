"""Version 3 of SageMaker's SDK, whose local mode sends no command: the example, as a notebook would run it."""

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


def train(sdk3: Path, folder: Path, hosts: int, **hyperparameters: str) -> subprocess.CompletedProcess[str]:
    """Run the example on a folder's RecordIO files."""
    data = make_job(folder / "job").base / "input" / "data"
    settings = SMALLEST | SMALL | hyperparameters
    return run_example(
        sdk3,
        "model_trainer.py",
        *("--image-uri", IMAGE, "--role", ROLE, "--instance-type", "local_cpu", "--instance-count", str(hosts)),
        *("--train", data / "train", "--validation", data / "validation", "--output", folder / "trained"),
        *("--hyperparameter", *(f"{name}={value}" for name, value in settings.items())),
        folder=folder,
    )


@pytest.mark.parametrize("hosts", [1, 2])
def test_version_3_trains_and_packs_the_artifact(sdk3: Path, tmp_path: Path, hosts: int) -> None:
    ended = train(sdk3, tmp_path, hosts)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("train cross_entropy <loss>=") == hosts
    assert ended.stdout.count("validation mAP <score>=") == 1
    with tarfile.open(tmp_path / "trained" / "compressed_artifacts" / "model.tar.gz") as archive:
        assert "model_algo_1-0000.params" in [Path(name).name for name in archive.getnames()]


def test_version_3_tells_of_a_failure(sdk3: Path, tmp_path: Path) -> None:
    ended = train(sdk3, tmp_path, 1, num_classes="none")
    assert ended.returncode != 0
    assert "Customer Error: hyperparameters: num_classes: expected" in ended.stdout
    assert (tmp_path / "trained" / "algo-1" / "output" / "failure").read_text().startswith("ClientError: ")
