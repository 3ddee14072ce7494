import json
from pathlib import Path

import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.channels import Channel, Channels

RECORDIO = {
    "ContentType": "application/x-recordio",
    "RecordWrapperType": "None",
    "S3DistributionType": "FullyReplicated",
    "TrainingInputMode": "File",
}
WORKS = "this version reads RecordIO files (application/x-recordio, or no ContentType) in File or FastFile mode"


def read(folder: Path, config: object) -> Channels:
    path = folder / "inputdataconfig.json"
    path.write_text(json.dumps(config))
    return Channels.read(path, folder / "data")


def mistakes(folder: Path, config: object) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, config)
    return str(caught.value)


def test_what_the_service_writes_is_read(tmp_path: Path) -> None:
    channels = read(tmp_path, {"train": RECORDIO, "validation": RECORDIO})

    assert channels.train == Channel("train", "application/x-recordio", "File", "None", "FullyReplicated")
    assert channels.validation == Channel("validation", "application/x-recordio", "File", "None", "FullyReplicated")
    assert channels.ignored == ()


def test_every_key_is_optional(tmp_path: Path) -> None:
    channels = read(tmp_path, {"train": {"TrainingInputMode": "File"}, "validation": {"ContentType": None}})

    assert channels.train == Channel("train", None, "File", "None", "FullyReplicated")
    assert channels.validation == Channel("validation", None, "File", "None", "FullyReplicated")


def test_without_a_configuration_the_folders_are_the_channels(tmp_path: Path) -> None:
    for name in ("train", "validation", "test"):
        (tmp_path / "data" / name).mkdir(parents=True)
    (tmp_path / "data" / "notes.txt").touch()

    channels = Channels.read(tmp_path / "inputdataconfig.json", tmp_path / "data")

    assert channels == Channels(Channel("train"), Channel("validation"), ("test",))


def test_without_configuration_and_folders_both_channels_are_missed(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Channels.read(tmp_path / "inputdataconfig.json", tmp_path / "data")

    assert str(caught.value) == (
        "Missing required channel: train (got none); add a channel named train that holds the images to train on; "
        "Missing required channel: validation (got none); "
        "add a channel named validation that holds the images to validate on"
    )


def test_a_missing_channel_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    assert mistakes(tmp_path, {"train": RECORDIO, "Validation": RECORDIO}) == (
        "Missing required channel: validation (got train, Validation); "
        "add a channel named validation that holds the images to validate on"
    )


@pytest.mark.parametrize("content_type", ["Application/X-RecordIO", "application/x-recordio; charset=utf-8", " ", ""])
def test_capitals_and_parameters_of_a_content_type_do_not_count(tmp_path: Path, content_type: str) -> None:
    settings = RECORDIO | {"ContentType": content_type}

    channels = read(tmp_path, {"train": settings, "validation": settings})

    assert channels.train.content_type == ("application/x-recordio" if content_type.strip() else None)


def test_fast_file_mode_and_sharded_channels_are_read(tmp_path: Path) -> None:
    settings = {"TrainingInputMode": "FastFile", "S3DistributionType": "ShardedByS3Key"}

    channels = read(tmp_path, {"train": settings, "validation": RECORDIO})

    assert (channels.train.input_mode, channels.train.distribution) == ("FastFile", "ShardedByS3Key")


def test_all_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    config = {
        "train": RECORDIO | {"ContentType": "image/jpeg"},
        "train_annotation": RECORDIO | {"ContentType": "image/jpeg"},
        "validation": RECORDIO | {"TrainingInputMode": "Pipe"},
        "model": {"ContentType": "application/x-sagemaker-model"},
    }

    assert mistakes(tmp_path, config) == (
        "train_annotation channel: annotation channels go with channels of single images, "
        "which this version does not read; pack both into RecordIO files in the train channel; "
        "model channel: incremental training is not available in this version; remove the channel; "
        f"train channel: ContentType: expected application/x-recordio, got 'image/jpeg'; {WORKS}; "
        f"validation channel: TrainingInputMode: expected File or FastFile, got 'Pipe'; {WORKS}"
    )


def test_unknown_channels_are_listed_and_their_content_is_not_judged(tmp_path: Path) -> None:
    config = {"test": {"ContentType": "text/csv"}, "train": RECORDIO, "validation": RECORDIO, "code": {}}

    assert read(tmp_path, config).ignored == ("test", "code")


def test_settings_of_a_wrong_type_are_refused(tmp_path: Path) -> None:
    assert mistakes(tmp_path, {"train": "train.rec", "validation": {"ContentType": 5}}) == (
        "train channel: expected a JSON object, got 'train.rec'; "
        "validation channel: ContentType: expected a string, got 5"
    )


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "inputdataconfig.json"
    path.write_text("{")

    with pytest.raises(UserError, match=f"^{path}: expected JSON, got a mistake: .* line 1 column 2"):
        Channels.read(path, tmp_path)
