import json
import logging
import os
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
PIPE = RECORDIO | {"TrainingInputMode": "Pipe"}
IMAGES = RECORDIO | {"ContentType": "image/jpeg"}
WORKS = (
    "this version reads RecordIO files (application/x-recordio), images with JSON, COCO or VOC XML annotations "
    "(application/x-image, image/jpeg, image/png) and augmented manifests (application/jsonlines) in File or FastFile "
    "mode, RecordIO files and augmented manifests in Pipe mode"
)
MODEL_WORKS = "a model is read as files: upload the model.tar.gz of an earlier job"


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
    assert (channels.train.is_sharded, channels.validation.is_sharded) == (True, False)


def test_an_unknown_distribution_is_refused(tmp_path: Path) -> None:
    config = {"train": RECORDIO | {"S3DistributionType": "Sharded"}, "validation": RECORDIO}

    assert mistakes(tmp_path, config) == (
        "train channel: S3DistributionType: expected FullyReplicated or ShardedByS3Key, got 'Sharded'"
    )


def test_all_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    config = {
        "train": RECORDIO | {"ContentType": "text/csv"},
        "validation": IMAGES | {"TrainingInputMode": "Stream"},
        "validation_annotation": IMAGES | {"ContentType": "text/plain"},
        "model": {"ContentType": "application/gzip", "TrainingInputMode": "Pipe"},
    }

    assert mistakes(tmp_path, config) == (
        "train channel: ContentType: expected application/x-recordio, application/x-image, image/jpeg, image/png or "
        f"application/jsonlines, got 'text/csv'; {WORKS}; "
        f"validation channel: TrainingInputMode: expected File, FastFile or Pipe, got 'Stream'; {WORKS}; "
        "validation_annotation channel: ContentType: expected application/x-image, image/jpeg, image/png, "
        f"application/json or application/xml, got 'text/plain'; {WORKS}; "
        "model channel: ContentType: expected application/x-sagemaker-model, got 'application/gzip'; "
        f"{MODEL_WORKS}; "
        f"model channel: TrainingInputMode: expected File or FastFile, got 'Pipe'; {MODEL_WORKS}"
    )


@pytest.mark.parametrize("content_type", ["application/x-sagemaker-model", None])
@pytest.mark.parametrize("mode", ["File", "FastFile"])
def test_a_model_is_a_channel_of_its_own(tmp_path: Path, content_type: str | None, mode: str) -> None:
    settings = {"ContentType": content_type, "TrainingInputMode": mode}

    channels = read(tmp_path, {"train": RECORDIO, "validation": RECORDIO, "model": settings})

    assert channels.model == Channel("model", content_type, mode)
    assert channels.ignored == ()


def test_without_a_model_channel_there_is_no_model(tmp_path: Path) -> None:
    assert read(tmp_path, {"train": RECORDIO, "validation": RECORDIO}).model is None


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/x-image", None])
def test_weights_have_a_channel_of_any_content_type(tmp_path: Path, content_type: str | None) -> None:
    settings = {"ContentType": content_type, "TrainingInputMode": "FastFile"}

    channels = read(tmp_path, {"train": RECORDIO, "validation": RECORDIO, "pretrained": settings})

    assert channels.pretrained == Channel("pretrained", content_type, "FastFile")
    assert channels.ignored == ()


def test_weights_do_not_come_through_pipes(tmp_path: Path) -> None:
    config = {"train": RECORDIO, "validation": RECORDIO, "pretrained": {"TrainingInputMode": "Pipe"}}

    assert mistakes(tmp_path, config) == (
        "pretrained channel: TrainingInputMode: expected File or FastFile, got 'Pipe'; "
        "ImageNet weights are read as files"
    )


def test_a_folder_of_this_name_is_the_model_where_nothing_is_configured(tmp_path: Path) -> None:
    for name in ("train", "validation", "model"):
        (tmp_path / "data" / name).mkdir(parents=True)

    assert Channels.read(tmp_path / "none.json", tmp_path / "data").model == Channel("model")


@pytest.mark.parametrize("content_type", ["application/x-recordio", None])
def test_a_channel_may_come_through_pipes(tmp_path: Path, content_type: str | None) -> None:
    channels = read(tmp_path, {"train": PIPE | {"ContentType": content_type}, "validation": RECORDIO})

    assert (channels.train.is_pipe, channels.validation.is_pipe) == (True, False)
    assert channels.train.content_type == content_type
    assert not channels.train.is_wrapped


@pytest.mark.parametrize("content_type", ["application/x-recordio", "application/x-image", "application/jsonlines"])
def test_an_augmented_manifest_is_a_wrapped_pipe_without_annotation_channels(tmp_path: Path, content_type: str) -> None:
    settings = PIPE | {"ContentType": content_type, "RecordWrapperType": "RecordIO"}

    channels = read(tmp_path, {"train": settings, "validation": settings})

    assert channels.train.is_wrapped
    assert channels.annotations == {}


def test_images_in_a_pipe_have_no_annotations_but_those_of_an_augmented_manifest(tmp_path: Path) -> None:
    images = PIPE | {"ContentType": "image/jpeg"}

    assert mistakes(tmp_path, {"train": images, "train_annotation": images, "validation": images}) == (
        "train channel: TrainingInputMode: expected File or FastFile for images with a channel of annotations, "
        "got 'Pipe', which streams no file names to match them by; use File or FastFile mode, or an augmented "
        "manifest; validation channel: RecordWrapperType: expected RecordIO for the images of an augmented manifest, "
        "got 'None'; set it, and S3DataType to AugmentedManifestFile"
    )


def test_annotation_channels_are_files(tmp_path: Path) -> None:
    message = mistakes(
        tmp_path, {"train": IMAGES, "train_annotation": IMAGES | {"TrainingInputMode": "Pipe"}, "validation": RECORDIO}
    )

    assert "train_annotation channel: TrainingInputMode: expected File or FastFile, got 'Pipe'" in message


def test_without_a_configuration_the_first_fifos_are_channels_too(tmp_path: Path) -> None:
    (tmp_path / "data" / "validation").mkdir(parents=True)
    os.mkfifo(tmp_path / "data" / "train_0")

    channels = Channels.read(tmp_path / "inputdataconfig.json", tmp_path / "data")

    assert (channels.train.input_mode, channels.validation.input_mode) == ("Pipe", "File")


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "application/x-image", "Image/JPEG"])
def test_channels_of_images_have_annotation_channels(tmp_path: Path, content_type: str) -> None:
    settings = RECORDIO | {"ContentType": content_type}
    names = ("train", "validation", "train_annotation", "validation_annotation")

    channels = read(tmp_path, dict.fromkeys(names, settings))

    assert channels.train.content_type == content_type.lower()
    assert {name: channel.name for name, channel in channels.annotations.items()} == {
        "train": "train_annotation",
        "validation": "validation_annotation",
    }
    assert channels.ignored == ()


@pytest.mark.parametrize("content_type", ["application/json", "application/xml", "image/jpeg"])
def test_one_channel_may_annotate_both_splits_or_what_has_no_annotations_of_its_own(
    tmp_path: Path, content_type: str
) -> None:
    shared = {"train": IMAGES, "validation": IMAGES, "annotations": {"ContentType": content_type}}

    assert {name: channel.name for name, channel in read(tmp_path, shared).annotations.items()} == {
        "train": "annotations",
        "validation": "annotations",
    }
    mixed = read(tmp_path, shared | {"train_annotation": IMAGES})
    assert {name: channel.name for name, channel in mixed.annotations.items()} == {
        "train": "train_annotation",
        "validation": "annotations",
    }


def test_splits_may_come_in_different_formats(tmp_path: Path) -> None:
    channels = read(tmp_path, {"train": IMAGES, "train_annotation": IMAGES, "validation": RECORDIO})

    assert list(channels.annotations) == ["train"]


def test_images_without_annotation_channels_are_refused(tmp_path: Path) -> None:
    message = mistakes(tmp_path, {"train": IMAGES, "validation": IMAGES, "annotation": IMAGES})

    assert message == "; ".join(
        f"Missing required channel: {name} (got train, validation, annotation); add a channel named {name} that holds "
        "a JSON or VOC XML file for each image, x/y.json or x/y.xml for x/y.jpg, or COCO's file, or one named "
        "annotations that holds those of both splits"
        for name in ("train_annotation", "validation_annotation")
    )


def test_annotations_of_recordio_files_are_not_used(tmp_path: Path) -> None:
    channels = read(tmp_path, {"train": RECORDIO, "train_annotation": {"ContentType": "text/csv"}, "validation": {}})

    assert channels.ignored == ("train_annotation",)
    assert channels.annotations == {}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a.rec"], "application/x-recordio"),
        (["x/y/a.JPG"], "application/x-image"),
        (["a.png", "a.json"], "application/x-image"),
        (["a.jpeg", "train.rec"], "application/x-recordio"),
        (["V.REC"], "application/x-recordio"),
        (["a.jpg", "._v.rec", ".cache/x.rec"], "application/x-image"),
        (["._a.jpg", "notes.txt"], None),
        ([], None),
    ],
)
def test_a_channel_without_a_content_type_is_told_by_its_files(
    tmp_path: Path, files: list[str], expected: str | None
) -> None:
    _touch(tmp_path / "data" / "train", *files)

    channels = read(tmp_path, {"train": {}, "train_annotation": {}, "validation": RECORDIO})

    assert channels.train.content_type == expected
    assert list(channels.annotations) == (["train"] if expected == "application/x-image" else [])


@pytest.mark.parametrize("suffix", [".manifest", ".JSONL"])
@pytest.mark.parametrize("given", [None, "application/x-image", "image/png", "application/x-recordio"])
def test_a_channel_with_a_manifest_is_one_whatever_its_content_type(
    tmp_path: Path, given: str | None, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    _touch(tmp_path / "data" / "train", f"x/output{suffix}", "images/a.jpg", "train.classes")

    with caplog.at_level(logging.INFO):
        channels = read(tmp_path, {"train": {"ContentType": given}, "validation": RECORDIO})

    assert channels.train.content_type == "application/jsonlines"
    assert channels.annotations == {}
    told = f"ContentType {given}" if given else "no ContentType"
    assert caplog.messages == [f"train channel: {told}, read as application/jsonlines, as its files are named"]


def test_a_manifest_may_be_named_by_its_content_type(tmp_path: Path) -> None:
    settings = {"ContentType": "application/jsonlines", "TrainingInputMode": "FastFile"}

    assert read(tmp_path, {"train": settings, "validation": RECORDIO}).train.content_type == "application/jsonlines"


@pytest.mark.parametrize(
    ("files", "annotation", "expected"),
    [
        (["a.manifest", "train.rec"], "train_annotation", "application/x-recordio"),
        (["a.jsonl", "a.jpg"], "train_annotation", "application/x-image"),
        (["a.jsonl", "a.jpg"], "annotations", "application/x-image"),
        (["a.manifest"], "train_annotation", "application/jsonlines"),
        ([".a.manifest", "a.jpg"], "train_annotation", "application/x-image"),
    ],
)
def test_a_manifest_beside_records_or_annotated_images_does_not_count(
    tmp_path: Path, files: list[str], annotation: str, expected: str
) -> None:
    _touch(tmp_path / "data" / "train", *files)

    channels = read(tmp_path, {"train": {}, annotation: {}, "validation": RECORDIO})

    assert channels.train.content_type == expected


def _touch(folder: Path, *files: str) -> None:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


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
