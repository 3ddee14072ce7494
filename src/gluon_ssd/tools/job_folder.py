"""Lay a job out in a folder as SageMaker lays it out under its base folder."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from gluon_ssd.data.recordio import RecordIOError, frames, map_file
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.paths import Paths

HOST = "algo-1"


def lay_out(folder: Path, *, train: Path, validation: Path, hyperparameters: Mapping[str, str]) -> Paths:
    """Make `folder` a job on the .rec files `train` and `validation` (files, or folders of them).

    The files are linked, or copied where the file system cannot link; class lists (`*.classes`) go with them.
    `num_training_samples` is counted where it is not given.

    Raises:
        UserError: a source is not there or holds no .rec file, or `folder` already holds something.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"--output {folder}: expected a folder that is new or empty, got one with files in it; "
            "remove it or name another"
        )
    sources = {"train": train, "validation": validation}
    files = {name: _channel_files(name, source) for name, source in sources.items()}
    samples = sum(_count(file) for file in files["train"] if file.suffix == ".rec")
    if not samples:
        raise UserError(f"{train}: expected at least one record, got none")
    paths = Paths(folder)
    try:
        for name, source in sources.items():
            _fill(paths.channel(name), files[name], source if source.is_dir() else source.parent)
        _configure(paths, {"num_training_samples": str(samples), **hyperparameters})
    except OSError as error:
        raise UserError(f"--output {folder}: expected a folder that can be written, got {error}") from error
    return paths


def _configure(paths: Paths, hyperparameters: Mapping[str, str]) -> None:
    _write_json(paths.hyperparameters, hyperparameters)
    channel = {"ContentType": "application/x-recordio", "TrainingInputMode": "File"}
    _write_json(paths.input_data_config, {"train": channel, "validation": channel})
    _write_json(paths.resource_config, {"current_host": HOST, "hosts": [HOST]})
    paths.model.mkdir(parents=True)
    paths.output.mkdir(parents=True)


def _channel_files(name: str, source: Path) -> list[Path]:
    """The .rec files of `source`, and the class lists beside them."""
    if source.is_file():
        if source.suffix != ".rec":
            raise UserError(f"--{name} {source}: expected a file name that ends in .rec")
        classes = source.with_suffix(".classes")
        return [source, classes] if classes.is_file() else [source]
    records = sorted(path for path in source.rglob("*.rec") if path.is_file())
    if not records:
        kind = "a folder without any" if source.is_dir() else "nothing there"
        raise UserError(f"--{name} {source}: expected a .rec file or a folder of them, got {kind}")
    return [*records, *sorted(source.rglob("*.classes"))]


def _fill(channel: Path, files: Iterable[Path], root: Path) -> None:
    for file in files:
        target = channel / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file.resolve(), target)
        except OSError:  # another file system, or one without links
            shutil.copyfile(file, target)


def _count(path: Path) -> int:
    """Return how many records a file has, reading nothing but where they begin."""
    records = 0
    try:
        if not path.stat().st_size:
            return 0
        with map_file(path) as buffer:
            for _ in frames(buffer):
                records += 1
    except OSError as error:
        raise UserError(f"{path}: expected a file that can be read, got {error}") from error
    except RecordIOError as error:
        raise UserError(f"{path}, record {records}: {error}") from error
    return records


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
