"""Lay a job out in a folder as SageMaker lays it out under its base folder."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.data import manifest_files
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.recordio import RecordIOError, frames, map_file
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.channels import MANIFEST, RECORDIO
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.tools.moved_manifest import move_manifest

HOST = "algo-1"

_CLASSES = ".classes"
_CONTENT_TYPES = {".rec": RECORDIO, **dict.fromkeys(manifest_files.SUFFIXES, MANIFEST)}
_ALL_SUFFIXES = f"{', '.join([*_CONTENT_TYPES][:-1])} or {[*_CONTENT_TYPES][-1]}"


@dataclass(frozen=True)
class _Source:
    """The files of a channel, below `root`, and what they are."""

    channel: str
    root: Path
    content_type: str
    files: Sequence[Path]

    def samples(self, label_attribute: str) -> int:
        """Return how many images they hold; raises UserError."""
        data = [file for file in self.files if file.suffix != _CLASSES]
        if self.content_type != MANIFEST:
            return sum(map(_count, data))
        folder, names = ChannelFolder(self.channel, self.root), [str(file.relative_to(self.root)) for file in data]
        return len(manifest_files.read(folder, names, attribute=label_attribute).places)


def lay_out(folder: Path, *, train: Path, validation: Path, hyperparameters: Mapping[str, str]) -> Paths:
    """Make `folder` a job on `train` and `validation`: .rec files or augmented manifests, or folders of either.

    The .rec files are linked, or copied where the file system cannot link; class lists (`*.classes`) go with them.
    Manifests are copied, with absolute paths to their images, which stay where they are. `num_training_samples` is
    counted where it is not given.

    Raises:
        UserError: a source is not there or holds nothing to train on, or `folder` already holds something.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"--output {folder}: expected a folder that is new or empty, got one with files in it; "
            "remove it or name another"
        )
    sources = [_source("train", train), _source("validation", validation)]
    samples = sources[0].samples(hyperparameters.get("label_attribute", ""))
    if not samples:
        raise UserError(f"{train}: expected at least one record, got none")
    paths = Paths(folder)
    try:
        for source in sources:
            _fill(paths.channel(source.channel), source)
        _configure(paths, sources, {"num_training_samples": str(samples), **hyperparameters})
    except OSError as error:
        raise UserError(f"--output {folder}: expected a folder that can be written, got {error}") from error
    return paths


def _configure(paths: Paths, sources: Iterable[_Source], hyperparameters: Mapping[str, str]) -> None:
    _write_json(paths.hyperparameters, hyperparameters)
    channels = {source.channel: {"ContentType": source.content_type, "TrainingInputMode": "File"} for source in sources}
    _write_json(paths.input_data_config, channels)
    _write_json(paths.resource_config, {"current_host": HOST, "hosts": [HOST]})
    paths.model.mkdir(parents=True)
    paths.output.mkdir(parents=True)


def _source(name: str, path: Path) -> _Source:
    """Find the data files of a channel, and the class lists beside them."""
    if path.is_file():
        if path.suffix not in _CONTENT_TYPES:
            raise UserError(f"--{name} {path}: expected a file name that ends in {_ALL_SUFFIXES}")
        classes = path.with_suffix(_CLASSES)
        files = [path, classes] if classes.is_file() else [path]
        return _Source(name, path.parent, _CONTENT_TYPES[path.suffix], files)
    for content_type in dict.fromkeys(_CONTENT_TYPES.values()):
        suffixes = {suffix for suffix, its_type in _CONTENT_TYPES.items() if its_type == content_type}
        found = sorted(file for file in path.rglob("*") if file.suffix in suffixes and file.is_file())
        if found:
            return _Source(name, path, content_type, [*found, *sorted(path.rglob(f"*{_CLASSES}"))])
    kind = "a folder without any" if path.is_dir() else "nothing there"
    raise UserError(f"--{name} {path}: expected a .rec or .manifest file or a folder of them, got {kind}")


def _fill(channel: Path, source: _Source) -> None:
    for file in source.files:
        target = channel / file.relative_to(source.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if _CONTENT_TYPES.get(file.suffix) == MANIFEST:
            move_manifest(file, target)
            continue
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
