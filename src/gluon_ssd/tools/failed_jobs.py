"""Folders of jobs that failed before there was a model: what they were laid out with may be laid out anew."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from gluon_ssd.sagemaker.paths import Paths

_MARK = "laid-out-by-gluon-ssd-train"
_NOTE = "input/ was made by `gluon-ssd train`, which makes it anew where the job fails before it has a model.\n"


def mark(folder: Path) -> None:
    """Note in a job's folder that all of its input was put there by this program, and may be taken away by it."""
    (Paths(folder).hyperparameters.parent / _MARK).write_text(_NOTE, encoding="utf-8")


def is_free(folder: Path, used: Iterable[Path]) -> bool:
    """Say whether a job may be laid out in a folder: it is not there, is empty, or can be cleared without loss.

    It can where a job that was laid out by this program has ended with an error, and left no model; and where none of
    the paths that are to be `used` leads into it.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return True
    inside = folder.resolve()
    return _has_failed(Paths(folder)) and not any(path.resolve().is_relative_to(inside) for path in used)


def clear(folder: Path) -> None:
    """Remove what a failed job has left in a folder that is free."""
    paths = Paths(folder)
    if _has_failed(paths):
        shutil.rmtree(folder / "input")
        shutil.rmtree(folder / "hosts", ignore_errors=True)
        paths.failure.unlink()


def _has_failed(paths: Paths) -> bool:
    # A job that has only begun has no failure file, whatever an earlier one left.
    return (
        paths.failure.is_file()
        and (paths.hyperparameters.parent / _MARK).is_file()
        and {path.name for path in paths.base.iterdir()} <= {"input", "model", "output", "hosts"}
        and [path.name for path in paths.output.iterdir()] == [paths.failure.name]
        and not (paths.model.is_dir() and any(paths.model.iterdir()))
    )
