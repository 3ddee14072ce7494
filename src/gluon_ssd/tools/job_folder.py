"""Lay a job out in a folder as SageMaker lays it out under its base folder."""

import json
import mmap
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from gluon_ssd.data.recordio import RecordIOError, find_frame
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
    try:
        return _lay_out(folder, {"train": train, "validation": validation}, hyperparameters)
    except OSError as error:
        raise UserError(f"--output {folder}: expected a folder that can be written, got {error}") from error


def _lay_out(folder: Path, sources: Mapping[str, Path], hyperparameters: Mapping[str, str]) -> Paths:
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"--output {folder}: expected a folder that is new or empty, got one with files in it")
    paths = Paths(folder)
    files = {name: _channel_files(name, source) for name, source in sources.items()}
    samples = sum(_count(file) for file in files["train"] if file.suffix == ".rec")
    for name, source in sources.items():
        _fill(paths.channel(name), files[name], source if source.is_dir() else source.parent)
    counted = {"num_training_samples": str(samples)}
    _write_json(paths.hyperparameters, {**counted, **hyperparameters})
    channel = {"ContentType": "application/x-recordio", "TrainingInputMode": "File"}
    _write_json(paths.input_data_config, {"train": channel, "validation": channel})
    _write_json(paths.resource_config, {"current_host": HOST, "hosts": [HOST]})
    paths.model.mkdir(parents=True)
    paths.output.mkdir(parents=True)
    return paths


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
    if not path.stat().st_size:
        return 0
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as buffer:
        records = offset = 0
        while offset < len(buffer):
            try:
                offset = find_frame(buffer, offset).end
            except RecordIOError as error:
                raise UserError(f"{path}, record {records}: {error}") from error
            records += 1
    return records


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
