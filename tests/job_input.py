"""The input of a job in a base folder, and its reading as a job reads it, without the network that learns from it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from batches_compared import objects_in
from gluon_ssd.data.share import WHOLE
from gluon_ssd.inputs import Data, open_data
from gluon_ssd.sagemaker.channels import Channels
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.paths import Paths
from pipe_service import served_by_process
from record_stream import BOX, frame, record
from small_images import PNG

RECORDS = {"ContentType": "application/x-recordio", "TrainingInputMode": "File"}
IMAGES = {"ContentType": "image/jpeg", "TrainingInputMode": "File"}
MANIFEST = {"ContentType": "application/jsonlines", "TrainingInputMode": "File"}
RECORD_PIPE = {"ContentType": "application/x-recordio", "TrainingInputMode": "Pipe"}
MANIFEST_PIPE = {"ContentType": "application/x-image", "TrainingInputMode": "Pipe", "RecordWrapperType": "RecordIO"}

_SETTINGS = {
    "base_network": "resnet-50",
    "image_shape": "64",
    "num_classes": "3",
    "num_training_samples": "3",
    "mini_batch_size": "2",
    "epochs": "1",
    "shuffle": "false",
    "pipe_timeout": "60",
}
GOOD_RECORDS = frame(*[record([BOX], PNG)] * 3)


@dataclass(frozen=True)
class Input:
    """What a job is given: channels as they are configured, files below the data folder, what FIFOs bring, settings.

    The train and the validation channel are good ones of RecordIO files unless `channels` has others.
    """

    channels: Mapping[str, Mapping[str, str]]
    files: Mapping[str, bytes] = field(default_factory=dict)
    pipes: Mapping[str, bytes] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What came in the batches of a job's validation, and how many batches of training there were."""

    images: int
    objects: int
    training_batches: int


def read(base: Path, given: Input) -> Seen:
    """Write the input into an empty base folder, and read an epoch of both channels."""
    with opened(base, given) as data:
        training_batches = sum(1 for _ in data.training.epoch(0))
        validation = list(data.validation)
    return Seen(sum(len(batch.images) for batch in validation), objects_in(validation), training_batches)


@contextmanager
def opened(base: Path, given: Input) -> Iterator[Data]:
    """Write the input into an empty base folder, and open it as a job does."""
    paths = Paths(base)
    good = [name for name in ("train", "validation") if name not in given.channels]
    channels = {**dict.fromkeys(good, RECORDS), **given.channels}
    _write(paths.data, {f"{name}/good.rec": GOOD_RECORDS for name in good} | dict(given.files))
    _write(paths.input_data_config.parent, {paths.input_data_config.name: json.dumps(channels).encode()})
    _write(base, {f"{name}.stream": content for name, content in given.pipes.items()})
    job = Hyperparameters.parse({**_SETTINGS, **given.settings})
    with ExitStack() as stack:
        for name in given.pipes:
            stack.enter_context(served_by_process(paths.channel(name), base / f"{name}.stream", job.epochs))
        channels_read = Channels.read(paths.input_data_config, paths.data)
        yield stack.enter_context(
            open_data(job, channels_read, paths, share=WHOLE, num_workers=0, stopped=lambda: False)
        )


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
