"""The input channels of a job: which there are, and whether this version can read them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker import content_type
from gluon_ssd.sagemaker.json_object import read_object

RECORDIO = content_type.RECORDIO
MANIFEST = content_type.MANIFEST
IMAGES = (content_type.IMAGES, "image/jpeg", "image/png")
SHARED_ANNOTATIONS = "annotations"
"""The channel that holds the annotations of both splits, an extension."""
MODEL = "model"
"""The channel that holds the model of an earlier job."""
MODEL_TYPE = "application/x-sagemaker-model"
PRETRAINED = "pretrained"
"""The channel that holds ImageNet weights, an extension."""

_KEYS = ("ContentType", "TrainingInputMode", "RecordWrapperType", "S3DistributionType")
_REQUIRED = {"train": "images to train on", "validation": "images to validate on"}
PIPE = "Pipe"
# FastFile shows S3 objects as files that are fetched when they are read: a file all the same.
_FILE_MODES = ("File", "FastFile")
_WRAPPED = "RecordIO"
_SHARDED = "ShardedByS3Key"
_DISTRIBUTIONS = ("FullyReplicated", _SHARDED)
_REMEDY = (
    "this version reads RecordIO files (application/x-recordio), images with JSON, COCO or VOC XML annotations "
    "(application/x-image, image/jpeg, image/png) and augmented manifests (application/jsonlines) in File or FastFile "
    "mode, RecordIO files and augmented manifests in Pipe mode"
)
_FIRST_FIFO = "_0"
_PURPOSE = (
    "a JSON or VOC XML file for each image, x/y.json or x/y.xml for x/y.jpg, or COCO's file, or one named "
    f"{SHARED_ANNOTATIONS} that holds those of both splits"
)
_REMEDIES = {
    MODEL: "a model is read as files: upload the model.tar.gz of an earlier job",
    PRETRAINED: "ImageNet weights are read as files",
}


def own_annotations(name: str) -> str:
    """Return the name of the channel that holds the annotations of one channel's images."""
    return f"{name}_annotation"


@dataclass(frozen=True)
class Readable:
    """A channel that a job can read: what it holds, in words and as content types, and how it may come.

    Without content types any will do.
    """

    name: str
    holds: str
    content_types: tuple[str, ...]
    input_modes: tuple[str, ...] = _FILE_MODES
    is_required: bool = False


# SageMaker's guide gives annotations the type of the images.
_OF_ANNOTATIONS = (*IMAGES, "application/json", "application/xml")
READABLE = (
    *(
        Readable(name, holds, (RECORDIO, *IMAGES, MANIFEST), (*_FILE_MODES, PIPE), is_required=True)
        for name, holds in _REQUIRED.items()
    ),
    *(Readable(own_annotations(name), f"annotations of {holds}", _OF_ANNOTATIONS) for name, holds in _REQUIRED.items()),
    Readable(SHARED_ANNOTATIONS, "annotations of the images to train and to validate on", _OF_ANNOTATIONS),
    Readable(MODEL, "the model to start from: model.tar.gz of an earlier job", (MODEL_TYPE,)),
    Readable(PRETRAINED, "ImageNet weights to start from: .params files", ()),
)
"""All of them."""
_READABLE = {readable.name: readable for readable in READABLE}


@dataclass(frozen=True)
class Channel:
    """One input channel, in SageMaker's words; the content type is lower case, without parameters, or None."""

    name: str
    content_type: str | None = None
    input_mode: str = "File"
    record_wrapper: str = "None"
    distribution: str = "FullyReplicated"

    @property
    def is_pipe(self) -> bool:
        """Whether the channel comes through FIFOs, `<name>_0` and so on, not as a folder."""
        return self.input_mode == PIPE

    @property
    def is_wrapped(self) -> bool:
        """Whether SageMaker was asked to make a record of each S3 object, or attribute of an augmented manifest."""
        return self.record_wrapper == _WRAPPED

    @property
    def is_sharded(self) -> bool:
        """Whether each host has objects of its own, not all of them."""
        return self.distribution == _SHARDED


@dataclass(frozen=True)
class Channels:
    """The channels that a job reads, and the names of those that it was given besides.

    `annotations` has, for `train` and `validation`, the channel with the annotations of its images, where it holds
    images alone. `model` holds the model of an earlier job, which training starts from; `pretrained`
    ImageNet weights, which it may start from.
    """

    train: Channel
    validation: Channel
    ignored: tuple[str, ...] = ()
    annotations: Mapping[str, Channel] = field(default_factory=dict)
    model: Channel | None = None
    pretrained: Channel | None = None

    @classmethod
    def read(cls, config: Path, data: Path) -> "Channels":
        """Read the channel configuration; raise one UserError that holds every mistake.

        Without a configuration file, as on a laptop, every folder in `data` is a channel, and every FIFO `<name>_0`.
        What a channel without ContentType holds is told from its files, or from its first records.
        """
        channels, mistakes = _configured(config) if config.exists() else (_found(data), [])
        channels |= {name: _recognized(channels[name], channels, data) for name in _REQUIRED if name in channels}
        annotations = _annotations(channels)
        mistakes += [*_missing(channels, annotations), *_unreadable(channels, annotations)]
        if mistakes:
            raise UserError("; ".join(mistakes))
        used = {*_REQUIRED, MODEL, PRETRAINED, *(channel.name for channel in annotations.values())}
        ignored = tuple(name for name in channels if name not in used)
        starts = (channels.get(name) for name in (MODEL, PRETRAINED))
        return cls(channels["train"], channels["validation"], ignored, annotations, *starts)


def _configured(config: Path) -> tuple[dict[str, Channel], list[str]]:
    settings = read_object(config)
    mistakes = [mistake for name, values in settings.items() for mistake in _mistyped(name, values)]
    return {name: _channel(name, values) for name, values in settings.items()}, mistakes


def _mistyped(name: str, settings: object) -> list[str]:
    if not isinstance(settings, dict):
        return [f"{name} channel: expected a JSON object, got {settings!r}"]
    return [
        f"{name} channel: {key}: expected a string, got {value!r}"
        for key, value in settings.items()
        if key in _KEYS and not isinstance(value, str | None)
    ]


def _channel(name: str, settings: object) -> Channel:
    # SageMaker's local mode writes little more than the input mode, so every key may be missing.
    given = settings if isinstance(settings, dict) else {}
    content_type, input_mode, record_wrapper, distribution = (
        given[key] if isinstance(given.get(key), str) else "" for key in _KEYS
    )
    return Channel(
        name,
        content_type=content_type.partition(";")[0].strip().lower() or None,
        input_mode=input_mode or Channel.input_mode,
        record_wrapper=record_wrapper or Channel.record_wrapper,
        distribution=distribution or Channel.distribution,
    )


def _found(data: Path) -> dict[str, Channel]:
    paths = sorted(data.iterdir()) if data.is_dir() else []
    folders = [path.name for path in paths if path.is_dir()]
    pipes = [path.name.removesuffix(_FIRST_FIFO) for path in paths if path.is_fifo() and path.match(f"*{_FIRST_FIFO}")]
    return {name: Channel(name) for name in folders} | {name: Channel(name, input_mode=PIPE) for name in pipes}


def _recognized(channel: Channel, channels: Mapping[str, Channel], data: Path) -> Channel:
    """Return the channel with the content type of what lies in it."""
    if channel.input_mode not in _FILE_MODES or channel.content_type not in (None, RECORDIO, *IMAGES):
        return channel
    annotated = _annotation(channel.name, channels) is not None
    found = content_type.recognize(data / channel.name, channel.content_type, annotated=annotated)
    return replace(channel, content_type=found)


def _annotations(channels: Mapping[str, Channel]) -> dict[str, Channel]:
    """Return the channels that annotate those of images, by the names of the latter; a pipe brings its own."""
    own = {name: _annotation(name, channels) for name in _of_images(channels)}
    return {name: channel for name, channel in own.items() if channel}


def _annotation(name: str, channels: Mapping[str, Channel]) -> Channel | None:
    return channels.get(own_annotations(name)) or channels.get(SHARED_ANNOTATIONS)


def _of_images(channels: Mapping[str, Channel]) -> list[str]:
    of_files = [name for name in _REQUIRED if name in channels and not channels[name].is_pipe]
    return [name for name in of_files if channels[name].content_type in IMAGES]


def _missing(channels: Mapping[str, Channel], annotations: Mapping[str, Channel]) -> list[str]:
    needed = {name: f"the {purpose}" for name, purpose in _REQUIRED.items() if name not in channels}
    needed |= {own_annotations(name): _PURPOSE for name in _of_images(channels) if name not in annotations}
    present = ", ".join(channels) or "none"
    return [
        f"Missing required channel: {name} (got {present}); add a channel named {name} that holds {purpose}"
        for name, purpose in needed.items()
    ]


def _unreadable(channels: Mapping[str, Channel], annotations: Mapping[str, Channel]) -> list[str]:
    """Say all that stands against reading the channels that a job reads."""
    names = [*_REQUIRED, *(channel.name for channel in annotations.values()), MODEL, PRETRAINED]
    read = [channels[name] for name in dict.fromkeys(names) if name in channels]
    return [*(mistake for channel in read for mistake in _mistaken(channel)), *_unpaired(channels)]


def _mistaken(channel: Channel) -> list[str]:
    mistakes = []
    readable, remedy = _READABLE[channel.name], _REMEDIES.get(channel.name, _REMEDY)
    if readable.content_types and channel.content_type not in (None, *readable.content_types):
        mistakes.append(
            f"ContentType: expected {_either(readable.content_types)}, got '{channel.content_type}'; {remedy}"
        )
    if channel.input_mode not in readable.input_modes:
        mistakes.append(
            f"TrainingInputMode: expected {_either(readable.input_modes)}, got '{channel.input_mode}'; {remedy}"
        )
    if channel.distribution not in _DISTRIBUTIONS:
        mistakes.append(f"S3DistributionType: expected {_either(_DISTRIBUTIONS)}, got '{channel.distribution}'")
    return [f"{channel.name} channel: {mistake}" for mistake in mistakes]


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _unpaired(channels: Mapping[str, Channel]) -> Iterator[str]:
    """Say what is wrong with images in a pipe, whose annotations can only come in the same pipe."""
    for name in _REQUIRED:
        channel = channels.get(name)
        if channel is None or not channel.is_pipe or channel.content_type not in (*IMAGES, MANIFEST):
            continue
        if own_annotations(name) in channels:
            yield (
                f"{name} channel: TrainingInputMode: expected File or FastFile for images with a channel of "
                "annotations, got 'Pipe', which streams no file names to match them by; use File or FastFile mode, "
                "or an augmented manifest"
            )
        elif not channel.is_wrapped:
            yield (
                f"{name} channel: RecordWrapperType: expected RecordIO for the images of an augmented manifest, "
                f"got '{channel.record_wrapper}'; set it, and S3DataType to AugmentedManifestFile"
            )
