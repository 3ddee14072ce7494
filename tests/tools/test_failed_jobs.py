from pathlib import Path

import pytest

from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.tools import failed_jobs


@pytest.fixture
def failed(tmp_path: Path) -> Paths:
    """A job that this program has laid out, and that has failed."""
    paths = Paths(tmp_path / "job")
    for folder in (paths.channel("train"), paths.hyperparameters.parent, paths.model, paths.output):
        folder.mkdir(parents=True)
    (paths.channel("train") / "a.rec").write_text("records")
    failed_jobs.mark(paths.base)
    paths.failure.write_text("ClientError: num_classes")
    return paths


def test_a_folder_that_is_missing_or_empty_is_free(tmp_path: Path) -> None:
    assert failed_jobs.is_free(tmp_path / "none", [])
    assert failed_jobs.is_free(tmp_path, [])
    failed_jobs.clear(tmp_path / "none")
    failed_jobs.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_job_is_cleared(failed: Paths) -> None:
    assert failed_jobs.is_free(failed.base, [failed.base.parent / "other"])
    failed_jobs.clear(failed.base)
    assert sorted(path.name for path in failed.base.rglob("*")) == ["model", "output"]


@pytest.mark.parametrize("name", ["model/model.json", "output/model.tar.gz", "notes.txt", "checkpoints/0"])
def test_a_job_that_holds_anything_else_is_left_alone(failed: Paths, name: str) -> None:
    (failed.base / name).parent.mkdir(exist_ok=True)
    (failed.base / name).write_text("mine")
    assert not failed_jobs.is_free(failed.base, [])
    failed_jobs.clear(failed.base)
    assert (failed.channel("train") / "a.rec").exists()


def test_a_job_that_runs_is_left_alone(failed: Paths) -> None:
    failed.failure.unlink()  # as a job does when it begins
    assert not failed_jobs.is_free(failed.base, [])


def test_a_job_that_was_laid_out_by_hand_is_left_alone(failed: Paths) -> None:
    (failed.hyperparameters.parent / "laid-out-by-gluon-ssd-train").unlink()
    assert not failed_jobs.is_free(failed.base, [])


def test_a_job_whose_own_data_are_to_be_used_is_left_alone(failed: Paths) -> None:
    assert not failed_jobs.is_free(failed.base, [failed.channel("train") / "a.rec"])
