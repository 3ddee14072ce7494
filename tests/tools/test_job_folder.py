import io
import json
from pathlib import Path

import numpy as np
import pytest

from gluon_ssd.data.recordio import pack, write_record
from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import UserError
from gluon_ssd.tools.job_folder import lay_out


def write_records(path: Path, count: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    for index in range(count):
        # The payload holds the magic at a multiple of four, so that each record has two parts.
        image = b"...." + (0xCED7230A).to_bytes(4, "little") + b"...."
        write_record(stream, pack(Sample(image, np.zeros((0, 6), np.float32)), index))
    path.write_bytes(stream.getvalue())
    return path


def read(path: Path) -> object:
    return json.loads(path.read_text())


def test_a_job_of_two_files(tmp_path: Path) -> None:
    train = write_records(tmp_path / "birds.rec", 3)
    (tmp_path / "birds.classes").write_text("owl\n")
    validation = write_records(tmp_path / "other.rec", 2)
    paths = lay_out(tmp_path / "job", train=train, validation=validation, hyperparameters={"num_classes": "1"})

    data = tmp_path / "job" / "input" / "data"
    assert (data / "train" / "birds.rec").read_bytes() == train.read_bytes()
    assert (data / "train" / "birds.classes").read_text() == "owl\n"
    assert [path.name for path in (data / "validation").iterdir()] == ["other.rec"]
    assert read(paths.hyperparameters) == {"num_training_samples": "3", "num_classes": "1"}
    assert read(paths.input_data_config) == {
        name: {"ContentType": "application/x-recordio", "TrainingInputMode": "File"} for name in ("train", "validation")
    }
    assert read(paths.resource_config) == {"current_host": "algo-1", "hosts": ["algo-1"]}


def test_folders_keep_their_order_below_and_are_counted_together(tmp_path: Path) -> None:
    write_records(tmp_path / "shards" / "a" / "0.rec", 2)
    write_records(tmp_path / "shards" / "b" / "0.rec", 5)
    paths = lay_out(
        tmp_path / "job", train=tmp_path / "shards", validation=tmp_path / "shards" / "a", hyperparameters={}
    )
    assert sorted(path.relative_to(paths.channel("train")) for path in paths.channel("train").rglob("*.rec")) == [
        Path("a/0.rec"),
        Path("b/0.rec"),
    ]
    assert read(paths.hyperparameters) == {"num_training_samples": "7"}


@pytest.mark.parametrize("whole_folder", [False, True])
def test_the_case_of_a_suffix_does_not_count(tmp_path: Path, *, whole_folder: bool) -> None:
    records = write_records(tmp_path / "records" / "T.REC", 3)
    (tmp_path / "records" / "T.CLASSES").write_text("owl\n")
    manifest = tmp_path / "lines" / "O.MANIFEST"
    manifest.parent.mkdir()
    manifest.write_text(manifest_line("a.jpg"))
    train, validation = (records.parent, manifest.parent) if whole_folder else (records, manifest)
    paths = lay_out(tmp_path / "job", train=train, validation=validation, hyperparameters={})
    assert sorted(path.name for path in paths.channel("train").iterdir()) == ["T.CLASSES", "T.REC"]
    assert (paths.channel("validation") / "O.MANIFEST").read_text().strip() == manifest_line(f"{tmp_path}/lines/a.jpg")
    assert read(paths.hyperparameters) == {"num_training_samples": "3"}
    other = lay_out(tmp_path / "other", train=validation, validation=train, hyperparameters={})
    assert read(other.hyperparameters) == {"num_training_samples": "1"}


def test_what_lies_beside_annotated_images_is_no_manifest(tmp_path: Path) -> None:
    for folder, file in (
        ("photos", "a.jpg"),
        ("photos", "metadata.jsonl"),
        ("photos", "._b.jpg"),
        ("labels", "a.json"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / file).write_text("{}")
    given = {"annotations": tmp_path / "labels"}
    photos = tmp_path / "photos"
    paths = lay_out(tmp_path / "job", train=photos, validation=photos, hyperparameters={}, annotations=given)
    assert [path.name for path in paths.channel("train").iterdir()] == ["a.jpg"]
    assert read(paths.hyperparameters) == {"num_training_samples": "1"}


def test_a_given_number_of_samples_stands(tmp_path: Path) -> None:
    records = write_records(tmp_path / "birds.rec", 3)
    paths = lay_out(
        tmp_path / "job", train=records, validation=records, hyperparameters={"num_training_samples": "150"}
    )
    assert read(paths.hyperparameters) == {"num_training_samples": "150"}


def test_a_relative_link_to_a_file_is_followed(tmp_path: Path) -> None:
    write_records(tmp_path / "real" / "birds.rec", 1)
    (tmp_path / "birds.rec").symlink_to("real/birds.rec")
    paths = lay_out(
        tmp_path / "job", train=tmp_path / "birds.rec", validation=tmp_path / "birds.rec", hyperparameters={}
    )
    assert (paths.channel("train") / "birds.rec").read_bytes() == (tmp_path / "real" / "birds.rec").read_bytes()


def manifest_line(source: str, attribute: str = "boxes") -> str:
    return json.dumps({"source-ref": source, attribute: {"annotations": []}})


@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_manifest_still_leads_to_its_images(tmp_path: Path, *, whole_folder: bool) -> None:
    (tmp_path / "labels").mkdir()
    same = [
        manifest_line("/x/b.jpg"),
        "",
        manifest_line("s3://bucket/c.jpg"),
        "no JSON",
        "[]",
        manifest_line("https://x"),
    ]
    (tmp_path / "labels" / "birds.manifest").write_text(
        "\n".join([manifest_line("a.jpg"), manifest_line("../d.jpg"), manifest_line("file:///e%20f.jpg"), *same])
    )
    (tmp_path / "labels" / "birds.classes").write_text("owl\n")
    source = tmp_path / "labels" if whole_folder else tmp_path / "labels" / "birds.manifest"
    records = write_records(tmp_path / "birds.rec", 1)
    paths = lay_out(tmp_path / "job", train=records, validation=source, hyperparameters={})
    channel = paths.channel("validation")
    assert (channel / "birds.classes").read_text() == "owl\n"
    assert (channel / "birds.manifest").read_text().splitlines() == [
        manifest_line(f"{tmp_path}/labels/a.jpg"),
        manifest_line(f"{tmp_path}/d.jpg"),
        manifest_line("/e f.jpg"),
        *same,
    ]
    assert read(paths.input_data_config) == {
        "train": {"ContentType": "application/x-recordio", "TrainingInputMode": "File"},
        "validation": {"ContentType": "application/jsonlines", "TrainingInputMode": "File"},
    }


def test_the_labeled_lines_of_manifests_are_counted(tmp_path: Path) -> None:
    manifest, records = tmp_path / "birds.manifest", write_records(tmp_path / "birds.rec", 1)
    lines = [manifest_line("a.jpg"), manifest_line("b.jpg", "ours"), manifest_line("c.jpg", "ours"), ""]
    manifest.write_text("\n".join(lines))
    given = {"label_attribute": "ours"}
    paths = lay_out(tmp_path / "job", train=manifest, validation=records, hyperparameters=given)
    assert read(paths.hyperparameters) == {"num_training_samples": "2", "label_attribute": "ours"}
    with pytest.raises(UserError, match=r"^train channel, birds\.manifest, line 2: expected boxes in boxes, as in "):
        lay_out(tmp_path / "other", train=manifest, validation=records, hyperparameters={})
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (
            "nowhere",
            (
                "--train .*nowhere: expected a .rec or .manifest file, or a folder of either or of images, "
                "got nothing there"
            ),
        ),
        (
            "empty",
            (
                "--train .*empty: expected a .rec or .manifest file, or a folder of either or of images, "
                "got a folder without any"
            ),
        ),
        ("other.record", "--train .*other.record: expected a file name that ends in .rec, .manifest or .jsonl"),
        ("broken.rec", "broken.rec, record 0: expected the magic number"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_before_anything_is_written(
    tmp_path: Path, train: str, message: str
) -> None:
    (tmp_path / "empty" / "folder.rec").mkdir(parents=True)
    (tmp_path / "other.record").write_bytes(b"")
    (tmp_path / "broken.rec").write_bytes(b"neither magic nor length")
    records = write_records(tmp_path / "birds.rec", 1)
    with pytest.raises(UserError, match=message):
        lay_out(tmp_path / "job", train=tmp_path / train, validation=records, hyperparameters={})
    assert not (tmp_path / "job").exists()


def write_files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def files_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_job_of_image_folders(tmp_path: Path) -> None:
    train = write_files(tmp_path / "photos", "a.jpg", "x/b.PNG", "c.jpeg", "names.classes", "notes.txt", ".hidden.jpg")
    labels = write_files(tmp_path / "labels", "a.json", "x/b.xml", "own.classes", "notes.txt")
    validation = write_files(tmp_path / "more", "d.jpg")
    write_files(tmp_path / "more_annotation", "d.json")
    paths = lay_out(
        tmp_path / "job",
        train=train,
        validation=validation,
        hyperparameters={"num_classes": "2"},
        annotations={"train_annotation": labels},
    )
    images = ["a.jpg", "c.jpeg", "names.classes", "x/b.PNG"]
    assert files_of(paths.channel("train")) == {name: name for name in images}
    assert files_of(paths.channel("train_annotation")) == {name: name for name in ("a.json", "own.classes", "x/b.xml")}
    assert files_of(paths.channel("validation")) == {"d.jpg": "d.jpg"}
    assert files_of(paths.channel("validation_annotation")) == {"d.json": "d.json"}
    assert read(paths.hyperparameters) == {"num_training_samples": "1", "num_classes": "2"}
    assert read(paths.input_data_config) == {
        name: {"ContentType": "application/x-image", "TrainingInputMode": "File"}
        for name in ("train", "validation", "train_annotation", "validation_annotation")
    }


def test_one_file_may_annotate_the_images_of_both_splits(tmp_path: Path) -> None:
    write_files(tmp_path, "train/a.jpg", "val/b.jpg", "all.json", "train_annotation/a.json")
    paths = lay_out(
        tmp_path / "job",
        train=tmp_path / "train",
        validation=tmp_path / "val",
        hyperparameters={},
        annotations={"annotations": tmp_path / "all.json"},
    )
    assert files_of(paths.channel("annotations")) == {"all.json": "all.json"}
    channels = read(paths.input_data_config)
    assert isinstance(channels, dict)
    assert sorted(channels) == ["annotations", "train", "validation"]


@pytest.mark.parametrize("annotations", ["photos_annotation", "both", "both/train"])
def test_images_without_annotation_are_not_counted(tmp_path: Path, annotations: str) -> None:
    photos = write_files(tmp_path / "photos", "a.jpg", "b.jpg", "c.jpg")
    write_files(tmp_path / annotations, "a.xml", "c.xml")
    given = {} if annotations == "photos_annotation" else {"annotations": tmp_path / "both"}
    records = write_records(tmp_path / "birds.rec", 1)
    paths = lay_out(tmp_path / "job", train=photos, validation=records, hyperparameters={}, annotations=given)
    assert read(paths.hyperparameters) == {"num_training_samples": "2"}


def test_what_a_folder_holds_besides_what_is_used_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_records(tmp_path / "mixed" / "birds.rec", 1)
    write_files(tmp_path / "mixed", "a.jpg", "x.manifest")
    records = write_records(tmp_path / "birds.rec", 1)
    lay_out(tmp_path / "job", train=tmp_path / "mixed", validation=records, hyperparameters={})
    assert capsys.readouterr().out == (
        f"--train {tmp_path}/mixed: uses its .rec files, and leaves out 2 of other kinds: a.jpg, x.manifest\n"
    )


def test_records_and_images_may_be_of_one_job(tmp_path: Path) -> None:
    records = write_records(tmp_path / "birds.rec", 1)
    images = write_files(tmp_path / "photos", "a.jpg")
    labels = write_files(tmp_path / "labels", "a.xml")
    paths = lay_out(
        tmp_path / "job",
        train=records,
        validation=images,
        hyperparameters={},
        annotations={"validation_annotation": labels},
    )
    assert read(paths.input_data_config) == {
        name: {"ContentType": f"application/x-{form}", "TrainingInputMode": "File"}
        for name, form in (("train", "recordio"), ("validation", "image"), ("validation_annotation", "image"))
    }


@pytest.mark.parametrize(
    ("train", "annotations", "message"),
    [
        (
            "photos",
            {},
            (
                "--train {0}/photos: expected annotations of its images, got no --train-annotation, no --annotations, "
                "and no folder photos_annotation beside it"
            ),
        ),
        (
            "birds.rec",
            {"train_annotation": "labels"},
            (
                "--train-annotation {0}/labels: expected annotations only of images that have no others, got records "
                "or images that have; leave it out"
            ),
        ),
        (
            "photos",
            {"train_annotation": "empty"},
            (
                "--train-annotation {0}/empty: expected a folder of JSON or VOC XML files, or COCO's JSON file, got a "
                "folder without any"
            ),
        ),
        (
            "photos",
            {"annotations": "nowhere"},
            (
                "--annotations {0}/nowhere: expected a folder of JSON or VOC XML files, or COCO's JSON file, got "
                "nothing there"
            ),
        ),
        (
            "photos",
            {"annotations": "photos/a.jpg"},
            (
                "--annotations {0}/photos/a.jpg: expected a folder of JSON or VOC XML files, or COCO's JSON file, got "
                "another file"
            ),
        ),
    ],
)
def test_annotations_that_do_not_go_with_images_are_refused_before_anything_is_written(
    tmp_path: Path, train: str, annotations: dict[str, str], message: str
) -> None:
    write_files(tmp_path, "photos/a.jpg", "labels/a.json")
    (tmp_path / "empty").mkdir()
    records = write_records(tmp_path / "birds.rec", 1)
    with pytest.raises(UserError) as caught:
        lay_out(
            tmp_path / "job",
            train=tmp_path / train,
            validation=records,
            hyperparameters={},
            annotations={channel: tmp_path / name for channel, name in annotations.items()},
        )
    assert str(caught.value) == message.format(tmp_path)
    assert not (tmp_path / "job").exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    records = write_records(tmp_path / "birds.rec", 1)
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="expected a folder that is new or empty"):
        lay_out(tmp_path / "job", train=records, validation=records, hyperparameters={})
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["notes.txt"]


def test_a_job_that_failed_before_it_had_a_model_is_laid_out_anew(tmp_path: Path) -> None:
    old, new = write_records(tmp_path / "old.rec", 2), write_records(tmp_path / "new.rec", 3)
    paths = lay_out(tmp_path / "job", train=old, validation=old, hyperparameters={})
    paths.failure.write_text("ClientError: num_classes")
    lay_out(tmp_path / "job", train=new, validation=new, hyperparameters={})
    assert [path.name for path in paths.channel("train").iterdir()] == ["new.rec"]
    assert read(paths.hyperparameters) == {"num_training_samples": "3"}
    assert not paths.failure.exists()
    assert old.exists()
    with pytest.raises(UserError, match="expected a folder that is new or empty, or of a job that failed before it"):
        lay_out(tmp_path / "job", train=old, validation=old, hyperparameters={})


@pytest.mark.parametrize("output", ["file", "file/job"])
def test_an_output_that_cannot_be_a_folder_is_refused(tmp_path: Path, output: str) -> None:
    records = write_records(tmp_path / "birds.rec", 1)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"--output .*file.*: expected a folder that can be written, got "):
        lay_out(tmp_path / output, train=records, validation=records, hyperparameters={})


@pytest.mark.parametrize("given", ["weights", "weights/deep/net.params"])
def test_weights_to_start_from_have_a_channel_of_their_own(tmp_path: Path, given: str) -> None:
    records = write_records(tmp_path / "birds.rec", 1)
    (tmp_path / "weights" / "deep").mkdir(parents=True)
    (tmp_path / "weights" / "deep" / "net.params").write_bytes(b"1")
    (tmp_path / "weights" / "notes.txt").touch()
    start_from = {"pretrained": tmp_path / given}
    paths = lay_out(tmp_path / "job", train=records, validation=records, hyperparameters={}, start_from=start_from)

    files = [path for path in paths.channel("pretrained").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"1"]
    assert files[0].name == "net.params"
    assert read(paths.hyperparameters) == {"num_training_samples": "1", "use_pretrained_model": "1"}
    channels = read(paths.input_data_config)
    assert isinstance(channels, dict)
    assert channels["pretrained"] == {"ContentType": "application/octet-stream", "TrainingInputMode": "File"}


def test_weights_may_be_given_and_not_used(tmp_path: Path) -> None:
    records = write_records(tmp_path / "birds.rec", 1)
    (tmp_path / "net.params").touch()
    start_from = {"pretrained": tmp_path / "net.params"}
    told = {"use_pretrained_model": "0"}
    paths = lay_out(tmp_path / "job", train=records, validation=records, hyperparameters=told, start_from=start_from)
    assert read(paths.hyperparameters) == {"num_training_samples": "1", "use_pretrained_model": "0"}


@pytest.mark.parametrize(
    ("given", "found"), [("none", "nothing there"), ("notes.txt", "another file"), ("empty", "a folder without any")]
)
def test_what_has_no_weights_to_start_from_is_refused(tmp_path: Path, given: str, found: str) -> None:
    records = write_records(tmp_path / "birds.rec", 1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    start_from = {"pretrained": tmp_path / given}
    with pytest.raises(UserError) as caught:
        lay_out(tmp_path / "job", train=records, validation=records, hyperparameters={}, start_from=start_from)
    assert str(caught.value) == (
        f"--pretrained {tmp_path / given}: expected a .params file, or a folder of such files, got {found}"
    )
    assert not (tmp_path / "job").exists()


def write_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("hyperparams.json", "model_algo_1-symbol.json", "model_algo_1-0000.params", "notes.txt"):
        (folder / name).write_text(name)
    return folder


def test_an_archive_becomes_the_model_channel(tmp_path: Path) -> None:
    records = write_records(tmp_path / "a.rec", 1)
    archive = tmp_path / "birds-7.tar.gz"
    archive.write_bytes(b"archive")
    paths = lay_out(
        tmp_path / "job", train=records, validation=records, hyperparameters={}, start_from={"model": archive}
    )
    assert [path.name for path in paths.channel("model").iterdir()] == ["birds-7.tar.gz"]
    channels = read(paths.input_data_config)
    assert isinstance(channels, dict)
    assert channels["model"] == {"ContentType": "application/x-sagemaker-model", "TrainingInputMode": "File"}


def test_the_files_of_a_model_folder_become_the_model_channel(tmp_path: Path) -> None:
    records = write_records(tmp_path / "a.rec", 1)
    folder = write_model(tmp_path / "first" / "model")
    paths = lay_out(
        tmp_path / "job", train=records, validation=records, hyperparameters={}, start_from={"model": folder}
    )
    assert sorted(path.name for path in paths.channel("model").iterdir()) == [
        "hyperparams.json",
        "model_algo_1-0000.params",
        "model_algo_1-symbol.json",
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [("none.tar.gz", "nothing there"), ("empty", "a folder without any"), ("a.rec", "another file")],
)
def test_a_model_that_is_none_is_refused_before_a_folder_is_made(tmp_path: Path, name: str, found: str) -> None:
    records = write_records(tmp_path / "a.rec", 1)
    (tmp_path / "empty").mkdir()
    model = tmp_path / name
    with pytest.raises(UserError) as caught:
        lay_out(tmp_path / "job", train=records, validation=records, hyperparameters={}, start_from={"model": model})
    assert str(caught.value) == (
        f"--model {model}: expected a model.tar.gz, or a folder with one or with its files, got {found}"
    )
    assert not (tmp_path / "job").exists()
