"""Whole jobs on images with JSON or XML annotations, told by their content type or by what lies in the channels."""

import json
import re
from pathlib import Path

import pytest

from contract.job import Ended, Job, picture
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.sample import Sample

NAMES = ("train", "validation", "train_annotation", "validation_annotation")


def samples(count: int) -> list[Sample]:
    return [picture(number, number % 2) for number in range(count)]


def in_channel_order(drawn: list[Sample]) -> list[Sample]:
    """In the order of the paths that `Job.write_images` gives: the odd ones are in a folder, behind the others."""
    return [*drawn[::2], *drawn[1::2]]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(
        tmp_path / "ml", channels={name: {"ContentType": "image/jpeg", "TrainingInputMode": "File"} for name in NAMES}
    )
    job.write_images("train", samples(8))
    job.write_images("validation", samples(4))
    return job


def run(job: Job) -> Ended:
    job.write_config()
    ended = job.run(OMP_NUM_THREADS="1")
    assert ended.code == 0, ended.log
    return ended


def failure_of(job: Job) -> str | None:
    """Run a job whose data are wrong, and return its failure file."""
    job.write_config()
    ended = job.run()
    assert ended.code == 2, ended.log
    assert "Traceback" not in ended.log
    return ended.failure


def metrics(ended: Ended) -> list[str]:
    return re.findall(r"#quality_metric: .*", ended.log)


def test_job_scores_as_it_does_on_the_same_images_in_recordio_files(tmp_path: Path, job: Job) -> None:
    job.hyperparameters |= {"epochs": "2", "mini_batch_size": "3"}
    packed = Job(tmp_path / "packed", hyperparameters=job.hyperparameters)
    for channel, count in (("train", 8), ("validation", 4)):
        packed.write_records(channel, [pack(sample, 0) for sample in in_channel_order(samples(count))])
    ended = run(job)
    assert len(metrics(ended)) == 2 * 5
    assert metrics(ended) == metrics(run(packed))
    assert "train channel: 8 images, 8 objects, 0 images without objects" in ended.log
    assert json.loads((job.model / "model.json").read_text())["class_names"] == ["red", "blue"]


@pytest.mark.parametrize("configured", [True, False])
def test_what_lies_in_the_channels_is_recognized(job: Job, *, configured: bool) -> None:
    job.channels = {name: {"TrainingInputMode": "File"} for name in NAMES}
    job.write_config()
    if not configured:
        (job.base / "input" / "config" / "inputdataconfig.json").unlink()
    ended = job.run()
    assert ended.code == 0, ended.log
    assert "train channel: no ContentType, read as application/x-image, as its files are named" in ended.log


def test_training_on_images_and_validation_on_records(job: Job) -> None:
    job.channels = {"train": {}, "train_annotation": {}, "validation": {}}
    job.write_records("validation", [pack(sample, 0) for sample in samples(4)])
    ended = run(job)
    assert "validation channel: no ContentType, read as application/x-recordio" in ended.log
    assert "validation channel: 4 images in 1 file" in ended.log


def test_categories_that_differ_from_the_listed_names_are_a_warning(job: Job) -> None:
    (job.base / "input" / "data" / "train" / "train.classes").write_text("blue\nred\n")
    assert (
        "class names: expected the same in both channels, got blue, red in the train channel and red, blue in the "
        "validation channel; those of the .classes file count, class ids stay as they are"
    ) in run(job).log


SHARED = {name: {"ContentType": "image/png"} for name in ("train", "validation", "annotations")}


def test_one_annotations_channel_has_a_folder_for_each_split(job: Job) -> None:
    job.channels = SHARED
    data = job.base / "input" / "data"
    for split in ("train", "validation"):
        (data / "annotations").mkdir(exist_ok=True)
        (data / f"{split}_annotation").rename(data / "annotations" / split)
    ended = run(job)
    assert "validation channel: 4 images, 4 objects, 0 images without objects" in ended.log


def test_one_flat_annotations_channel_fits_by_name(tmp_path: Path) -> None:
    job = Job(tmp_path / "ml", channels=SHARED)
    data = job.base / "input" / "data"
    job.write_images("train", samples(12), "annotations")
    for number in range(8, 12):
        image = f"{number:03}.jpg" if number % 2 == 0 else f"deep/er/{number:03}.jpg"
        (data / "validation" / image).parent.mkdir(parents=True, exist_ok=True)
        (data / "train" / image).rename(data / "validation" / image)
    ended = run(job)
    assert "train channel: 8 images, 8 objects, 0 images without objects" in ended.log
    assert "validation channel: 4 images, 4 objects, 0 images without objects" in ended.log
    assert "are not used" not in ended.log


def test_a_coco_file_of_both_splits_scores_as_the_files_of_each_image(job: Job) -> None:
    one = metrics(run(job))
    job.channels = SHARED
    data = job.base / "input" / "data"
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for split in ("train", "validation"):
        for path in sorted((data / f"{split}_annotation").rglob("*.json")):
            document = json.loads(path.read_text())
            (image,) = (data / split).rglob(f"{path.stem}.jpg")
            image.rename(image.with_name(f"0{split}{image.name}"))  # in the same order as before
            file_name = f"0{split}{path.stem}.jpg"
            images.append({"id": len(images), "file_name": file_name, "width": 80, "height": 60})
            for box in document["annotations"]:
                bbox = [box[name] for name in ("left", "top", "width", "height")]
                category = box["class_id"] * 10 + 3
                annotations.append({"image_id": len(images) - 1, "category_id": category, "bbox": bbox, "iscrowd": 0})
    categories = [{"id": 13, "name": "blue"}, {"id": 3, "name": "red"}]
    (data / "annotations").mkdir()
    (data / "annotations" / "instances_all.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    assert metrics(run(job)) == one
    assert json.loads((job.model / "model.json").read_text())["class_names"] == ["red", "blue"]


def voc_xml(document: dict[str, list[dict[str, int]]]) -> str:
    """What VOC says of an annotation that `Job.write_images` writes; of both classes' names, that of 1 comes first."""
    objects = [
        f"<object><name>{('red', 'blue')[box['class_id']]}</name><bndbox><xmin>{box['left'] + 1}</xmin>"
        f"<ymin>{box['top'] + 1}</ymin><xmax>{box['left'] + box['width']}</xmax>"
        f"<ymax>{box['top'] + box['height']}</ymax></bndbox></object>"
        for box in document["annotations"]
    ]
    return f"<annotation>{''.join(objects)}</annotation>"


def write_voc(job: Job, folder_of: dict[str, str]) -> None:
    """Turn the JSON files of both splits into VOC's XML, in other folders of the data."""
    data = job.base / "input" / "data"
    for split, folder in folder_of.items():
        for path in (data / f"{split}_annotation").rglob("*.json"):
            target = (data / folder / path.relative_to(data / f"{split}_annotation")).with_suffix(".xml")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(voc_xml(json.loads(path.read_text())))
            path.unlink()


def test_voc_files_score_as_json_files_where_a_list_gives_the_same_ids(job: Job) -> None:
    one = metrics(run(job))
    write_voc(job, {name: f"{name}_annotation/Annotations" for name in ("train", "validation")})
    (job.base / "input" / "data" / "train" / "train.classes").write_text("red\nblue\n")
    assert metrics(run(job)) == one
    assert json.loads((job.model / "model.json").read_text())["class_names"] == ["red", "blue"]


def test_validation_takes_the_sorted_names_of_training_though_it_lacks_one(job: Job) -> None:
    job.channels = SHARED
    write_voc(job, {name: f"annotations/{name}" for name in ("train", "validation")})
    data = job.base / "input" / "data"
    for image in (data / "validation").glob("*.jpg"):  # those of class 0
        image.unlink()
        (data / "annotations" / "validation" / image.name).with_suffix(".xml").unlink()
    ended = run(job)
    assert "validation channel: 2 images, 2 objects, 0 images without objects" in ended.log
    assert json.loads((job.model / "model.json").read_text())["class_names"] == ["blue", "red"]


def test_names_that_validation_has_but_training_lacks_fail_the_job(job: Job) -> None:
    write_voc(job, {name: f"{name}_annotation" for name in ("train", "validation")})
    path = job.base / "input" / "data" / "validation_annotation" / "002.xml"
    path.write_text(path.read_text().replace("red", "green"))
    assert failure_of(job) == (
        "ClientError: validation_annotation channel, 002.xml, object 1: name: expected one of the class names blue, "
        "red, got 'green'; rename it, or list it behind these, one a line, in a .classes file in each of the channels "
        "of images and records, and set num_classes to their number"
    )


def test_a_wrong_annotation_fails_the_job_with_its_place(job: Job) -> None:
    path = job.base / "input" / "data" / "train_annotation" / "deep" / "er" / "003.json"
    document = json.loads(path.read_text())
    document["annotations"][0]["class_id"] = 2
    path.write_text(json.dumps(document))
    assert failure_of(job) == (
        "ClientError: train_annotation channel, deep/er/003.json, annotation 0: class_id: "
        "expected an integer from 0 to 1, since num_classes is 2, got 2"
    )
