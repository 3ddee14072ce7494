"""The input channels of a job: which there are, and whether this version can read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.json_object import read_object

_KEYS = ("ContentType", "TrainingInputMode", "RecordWrapperType", "S3DistributionType")
_RECORDIO = "application/x-recordio"
_REQUIRED = {"train": "images to train on", "validation": "images to validate on"}
# FastFile shows S3 objects as files that are fetched when they are read: a file all the same.
_INPUT_MODES = ("File", "FastFile")
_REMEDY = f"this version reads RecordIO files ({_RECORDIO}, or no ContentType) in File or FastFile mode"
_ANNOTATION = "annotation channels go with channels of single images, which this version does not read; pack both"
_REFUSED = {
    "train_annotation": f"{_ANNOTATION} into RecordIO files in the train channel",
    "validation_annotation": f"{_ANNOTATION} into RecordIO files in the validation channel",
    "model": "incremental training is not available in this version; remove the channel",
}


@dataclass(frozen=True)
class Channel:
    """One input channel, in SageMaker's words; the content type is lower case, without parameters, or None."""

    name: str
    content_type: str | None = None
    input_mode: str = "File"
    record_wrapper: str = "None"
    distribution: str = "FullyReplicated"


@dataclass(frozen=True)
class Channels:
    """The channels that a job reads, and the names of those that it was given besides."""

    train: Channel
    validation: Channel
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(cls, config: Path, data: Path) -> "Channels":
        """Read the channel configuration; raise one UserError that holds every mistake.

        Without a configuration file, as on a laptop, every folder in `data` is a channel of RecordIO files.
        """
        channels, mistakes = _configured(config) if config.exists() else (_found(data), [])
        mistakes += [*_missing(channels), *_refused(channels)]
        mistakes += [mistake for name in _REQUIRED if name in channels for mistake in _unreadable(channels[name])]
        if mistakes:
            raise UserError("; ".join(mistakes))
        ignored = tuple(name for name in channels if name not in _REQUIRED)
        return cls(channels["train"], channels["validation"], ignored)


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
    folders = sorted(path for path in data.iterdir() if path.is_dir()) if data.is_dir() else []
    return {folder.name: Channel(folder.name) for folder in folders}


def _missing(channels: Mapping[str, Channel]) -> list[str]:
    present = ", ".join(channels) or "none"
    return [
        f"Missing required channel: {name} (got {present}); add a channel named {name} that holds the {purpose}"
        for name, purpose in _REQUIRED.items()
        if name not in channels
    ]


def _refused(channels: Mapping[str, Channel]) -> list[str]:
    return [f"{name} channel: {reason}" for name, reason in _REFUSED.items() if name in channels]


def _unreadable(channel: Channel) -> list[str]:
    mistakes = []
    if channel.content_type not in (None, _RECORDIO):
        mistakes.append(f"ContentType: expected {_RECORDIO}, got '{channel.content_type}'; {_REMEDY}")
    if channel.input_mode not in _INPUT_MODES:
        mistakes.append(f"TrainingInputMode: expected File or FastFile, got '{channel.input_mode}'; {_REMEDY}")
    return [f"{channel.name} channel: {mistake}" for mistake in mistakes]
