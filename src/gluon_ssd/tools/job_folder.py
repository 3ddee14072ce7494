"""Lay a job out in a folder as SageMaker lays it out under its base folder."""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd import tar_archive
from gluon_ssd.data import manifest_files
from gluon_ssd.data.channel_files import ChannelFolder, shown
from gluon_ssd.data.pairing import pair
from gluon_ssd.data.recordio import RecordIOError, frames, map_file
from gluon_ssd.errors import UserError
from gluon_ssd.file_kinds import CLASS_NAMES, with_suffix
from gluon_ssd.sagemaker import content_type
from gluon_ssd.sagemaker.channels import MODEL, MODEL_TYPE, PRETRAINED, SHARED_ANNOTATIONS, own_annotations
from gluon_ssd.sagemaker.content_type import IMAGES, MANIFEST, RECORDIO
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.tools import failed_jobs
from gluon_ssd.tools.moved_manifest import move_manifest
from gluon_ssd.tools.pointed_data import files_at

HOST = "algo-1"
_OF_IMAGES = (".json", ".xml")
_PARAMETERS = ".params"
# Of each channel that a job may start from: its content type, the files that count, and what they are.
_STARTS: Mapping[str, tuple[str, Sequence[str], str]] = {
    MODEL: (
        MODEL_TYPE,
        (*tar_archive.SUFFIXES, ".json", _PARAMETERS),
        "a model.tar.gz, or a folder with one or with its files",
    ),
    PRETRAINED: ("application/octet-stream", (_PARAMETERS,), "a .params file, or a folder of such files"),
}


@dataclass(frozen=True)
class _Source:
    """What goes into a channel: the files, of a folder, whose names end as these `suffixes` do, and class lists."""

    folder: ChannelFolder
    content_type: str
    suffixes: Sequence[str]

    @property
    def channel(self) -> str:
        """The name of the channel."""
        return self.folder.channel

    @property
    def data(self) -> list[str]:
        """The files without the class lists."""
        return with_suffix(self.folder.files(), self.suffixes)

    @property
    def class_lists(self) -> list[str]:
        """The class lists."""
        return with_suffix(self.folder.files(), CLASS_NAMES)

    def samples(self, label_attribute: str) -> int:
        """Return how many images there are; raises UserError."""
        if self.content_type == IMAGES:
            return len(self.data)
        if self.content_type == RECORDIO:
            return sum(_count(self.folder.folder / file) for file in self.data)
        return len(manifest_files.read(self.folder, self.data, attribute=label_attribute).places)


def lay_out(
    folder: Path,
    *,
    train: Path,
    validation: Path,
    hyperparameters: Mapping[str, str],
    annotations: Mapping[str, Path] | None = None,
    start_from: Mapping[str, Path] | None = None,
) -> Paths:
    """Make `folder` a job on `train` and `validation`: .rec files, manifests, or folders of these or of images.

    The files are linked, or copied where the file system cannot link; class lists (`*.classes`) go with them. Manifests
    are copied, with absolute paths to their images, which stay where they are. `num_training_samples` is counted where
    it is not given; where ImageNet weights are, `use_pretrained_model` is 1 unless it is given.

    Args:
        folder: the job's: new, empty, or that of a job laid out here which failed before it had a model.
        train: what to train on.
        validation: what to validate on.
        hyperparameters: the job's.
        annotations: the annotations of images, by channel: a folder, or COCO's file. Those of `photos` are also found
            in a folder `photos_annotation` beside it.
        start_from: what to start from, by channel. Of `model`: a `model.tar.gz`, or a folder with one or with the
            files of a model. Of `pretrained`: a `.params` file of ImageNet weights, or a folder of such files.

    Raises:
        UserError: a source is not there or holds nothing of the kind, or `folder` already holds something.
    """
    given = {"train": train, "validation": validation}
    used = [*given.values(), *(annotations or {}).values(), *(start_from or {}).values()]
    if not failed_jobs.is_free(folder, used):
        raise UserError(
            f"--output {folder}: expected a folder that is new or empty, or of a job that failed before it had a "
            "model, got one with other files in it; remove it or name another"
        )
    sources = [_source(name, path, annotations or {}) for name, path in given.items()]
    of_images = {source.channel: given[source.channel] for source in sources if source.content_type == IMAGES}
    samples = sources[0].samples(hyperparameters.get("label_attribute", ""))
    if not samples:
        raise UserError(f"{train}: expected at least one record, got none")
    sources += [_annotation_source(name, path) for name, path in _annotations(of_images, annotations or {}).items()]
    starts = [_starting_source(name, path) for name, path in (start_from or {}).items()]
    paths = Paths(folder)
    try:
        failed_jobs.clear(folder)
        for source in [*sources, *starts]:
            _fill(paths.channel(source.channel), source)
        if sources[0].content_type == IMAGES:
            samples = _annotated(paths, samples)
        told = {"num_training_samples": str(samples)}
        told |= {"use_pretrained_model": "1"} if PRETRAINED in (start_from or {}) else {}
        _configure(paths, [*sources, *starts], told | dict(hyperparameters))
    except OSError as error:
        raise UserError(f"--output {folder}: expected a folder that can be written, got {error}") from error
    return paths


def _configure(paths: Paths, sources: Sequence[_Source], hyperparameters: Mapping[str, str]) -> None:
    _write_json(paths.hyperparameters, hyperparameters)
    channels = {source.channel: {"ContentType": source.content_type, "TrainingInputMode": "File"} for source in sources}
    _write_json(paths.input_data_config, channels)
    _write_json(paths.resource_config, {"current_host": HOST, "hosts": [HOST]})
    paths.model.mkdir(parents=True, exist_ok=True)
    paths.output.mkdir(parents=True, exist_ok=True)
    failed_jobs.mark(paths.base)


def _source(name: str, path: Path, annotations: Mapping[str, Path]) -> _Source:
    """Choose what goes into a channel: .rec files, manifests or images, and the class lists beside them."""
    if path.exists():
        folder = files_at(path, name)
        is_annotated = bool(annotations.keys() & {own_annotations(name), SHARED_ANNOTATIONS}) or _beside(path).is_dir()
        kind = content_type.of_files(folder.files(), annotated=is_annotated)
        if not path.is_dir() and kind not in (RECORDIO, MANIFEST):
            *some, last = *content_type.SUFFIXES[RECORDIO], *content_type.SUFFIXES[MANIFEST]
            raise UserError(f"--{name} {path}: expected a file name that ends in {', '.join(some)} or {last}")
        if kind is not None:
            _tell_of_others(f"--{name} {path}", folder.files(), content_type.SUFFIXES[kind])
            return _Source(folder, kind, content_type.SUFFIXES[kind])
    found = "a folder without any" if path.is_dir() else "nothing there"
    raise UserError(
        f"--{name} {path}: expected a .rec or .manifest file, or a folder of either or of images, got {found}"
    )


def _tell_of_others(place: str, files: Sequence[str], used: Sequence[str]) -> None:
    """Print what lies in a folder besides the files of the kind that is used."""
    kinds = [suffix for suffixes in content_type.SUFFIXES.values() for suffix in suffixes if suffix not in used]
    others = with_suffix(files, kinds)
    if others:
        print(
            f"{place}: uses its {' and '.join(used)} files, and leaves out {len(others)} of other kinds: "
            f"{shown(others)}"
        )


def _beside(images: Path) -> Path:
    """Return the folder that has the annotations of a folder of images where they are not named."""
    path = images.resolve()
    return path.with_name(own_annotations(path.name))


def _annotations(images: Mapping[str, Path], given: Mapping[str, Path]) -> Mapping[str, Path]:
    """Return the annotations that go with folders of images, by their channel."""
    found: dict[str, Path] = {}
    for name, folder in images.items():
        own, beside = own_annotations(name), _beside(folder)
        channel = own if own in given or SHARED_ANNOTATIONS not in given else SHARED_ANNOTATIONS
        if channel not in given and not beside.is_dir():
            raise UserError(
                f"--{name} {folder}: expected annotations of its images, got no --{_option(own)}, no "
                f"--{SHARED_ANNOTATIONS}, and no folder {beside.name} beside it"
            )
        found[channel] = given.get(channel, beside)
    unused = [name for name in given if name not in found]
    if unused:
        raise UserError(
            f"--{_option(unused[0])} {given[unused[0]]}: expected annotations only of images that have no others, "
            "got records or images that have; leave it out"
        )
    return found


def _annotation_source(name: str, path: Path) -> _Source:
    """Return what goes into a channel of annotations, given as a folder or as one file."""
    folder = ChannelFolder(name, path) if path.is_dir() else ChannelFolder(name, path.parent, only=(path.name,))
    source = _Source(folder, IMAGES, _OF_IMAGES)
    if not (path.exists() and source.data):
        kind = "a folder without any" if path.is_dir() else "another file" if path.exists() else "nothing there"
        raise UserError(
            f"--{_option(name)} {path}: expected a folder of JSON or VOC XML files, or COCO's JSON file, got {kind}"
        )
    return source


def _starting_source(name: str, path: Path) -> _Source:
    """Return what goes into a channel that a job starts from: one file, or the files of a folder."""
    kind, suffixes, expected = _STARTS[name]
    folder = files_at(path, name) if path.exists() else None
    source = _Source(folder, kind, suffixes) if folder else None
    if source is None or not source.data:
        found = "nothing there" if source is None else "a folder without any" if path.is_dir() else "another file"
        raise UserError(f"--{name} {path}: expected {expected}, got {found}")
    return source


def _option(channel: str) -> str:
    return channel.replace("_", "-")


def _fill(channel: Path, source: _Source) -> None:
    put = move_manifest if source.content_type == MANIFEST else _link
    for file in source.data:
        _put(put, source.folder.folder / file, channel / file)
    for file in source.class_lists:
        _put(_link, source.folder.folder / file, channel / file)


def _put(put: Callable[[Path, Path], None], source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    put(source, target)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def _annotated(paths: Paths, images: int) -> int:
    """Return how many images of the train channel have an annotation by their name; all, where it is not by name."""
    own = paths.channel(own_annotations("train"))
    shared = paths.channel(SHARED_ANNOTATIONS)
    folder = own if own.is_dir() else shared
    part = "train" if folder == shared and (shared / "train").is_dir() else ""
    try:
        pairs = pair(ChannelFolder("train", paths.channel("train")), ChannelFolder(folder.name, folder, part))
    except UserError:
        return images  # the job says what is wrong
    return len(pairs) or images


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
