"""Whole jobs on augmented manifests as files, whose images are files too, or objects in S3."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from contract.job import Ended, Job, clean_environment, picture
from gluon_ssd.data.recordio import pack
from gluon_ssd.data.sample import Sample
from s3_server import BUCKET, environment, proxied, put

MANIFEST = {"ContentType": "application/x-image", "TrainingInputMode": "FastFile"}


def samples(count: int) -> list[Sample]:
    return [picture(number, number % 2) for number in range(count)]


def lines(drawn: Sequence[Sample], sources: Sequence[str]) -> str:
    """Return a manifest as Ground Truth writes it, for 80x60 images."""
    written = []
    for sample, source in zip(drawn, sources, strict=True):
        class_id, *corners, _ = sample.objects[0].tolist()
        left, top, right, bottom = (round(part * side) for part, side in zip(corners, (80, 60, 80, 60), strict=True))
        box = {"class_id": int(class_id), "left": left, "top": top, "width": right - left, "height": bottom - top}
        label = {"image_size": [{"width": 80, "height": 60, "depth": 3}], "annotations": [box]}
        metadata = {"class-map": {str(int(class_id)): ("red", "blue")[int(class_id)]}}
        written.append(json.dumps({"source-ref": source, "birds": label, "birds-metadata": metadata}))
    return "".join(line + "\n" for line in written)


@pytest.fixture
def job(tmp_path: Path, s3: str) -> Job:
    """A job whose images to train on are in S3, and those to validate on files beside the manifest."""
    job = Job(tmp_path / "ml", channels={"train": MANIFEST, "validation": MANIFEST | {"ContentType": None}})
    data = job.base / "input" / "data"
    keys = [f"job/{number} {number}.jpg" for number in range(8)]
    put(s3, {key: sample.image for key, sample in zip(keys, samples(8), strict=True)})
    (data / "train").mkdir(parents=True)
    (data / "train" / "output.manifest").write_text(lines(samples(8), [f"s3://{BUCKET}/{key}" for key in keys]))
    for number, sample in enumerate(samples(4)):
        path = data / "validation" / "images" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.image)
    sources = [f"images/{number}.jpg" for number in range(4)]
    (data / "validation" / "validation.manifest").write_text(lines(samples(4), sources))
    job.write_config()
    return job


def metrics(ended: Ended) -> list[str]:
    assert ended.code == 0, ended.log
    return re.findall(r"#quality_metric: .*", ended.log)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_job_scores_as_it_does_on_the_same_images_in_recordio_files(tmp_path: Path, job: Job, s3: str) -> None:
    job.hyperparameters |= {"epochs": "2", "mini_batch_size": "3"}
    job.write_config()
    packed = Job(tmp_path / "packed", hyperparameters=job.hyperparameters)
    for channel, count in (("train", 8), ("validation", 4)):
        packed.write_records(channel, [pack(sample, 0) for sample in samples(count)])
    packed.write_config()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = names(job.base / "input")
    with proxied(s3, {"job/3%203.jpg": ["503 SlowDown"], "job/4%204.jpg": ["break"]}) as proxy:
        ended = job.run(OMP_NUM_THREADS="1", TMPDIR=str(temporary), **environment(proxy.endpoint))
        assert len(metrics(ended)) == 2 * 5
        assert sorted(proxy.requests) == sorted(
            [f"job/{number}%20{number}.jpg" for number in (*range(8), 3, 4)]  # each once, and two again
        )
    assert metrics(ended) == metrics(packed.run(OMP_NUM_THREADS="1"))
    assert "train channel: ContentType application/x-image, read as application/jsonlines" in ended.log
    assert "validation channel: no ContentType, read as application/jsonlines" in ended.log
    assert re.search(r"train channel: fetched 8 images, 0\.0 MB, in ", ended.log)
    assert "train channel: 8 images, 8 objects, 0 images without objects" in ended.log
    assert json.loads((job.model / "model.json").read_text())["class_names"] == ["red", "blue"]
    assert names(job.base / "input") == before
    assert list(temporary.glob("gluon-ssd*")) == []


def test_a_missing_object_fails_the_job_with_its_line(job: Job, s3: str) -> None:
    path = job.base / "input" / "data" / "train" / "output.manifest"
    path.write_text(path.read_text().replace("3 3.jpg", "nowhere.jpg"))
    ended = job.run(**environment(s3))
    assert ended.code == 2, ended.log
    assert ended.failure == (
        "ClientError: train channel, output.manifest, line 4: s3://labels/job/nowhere.jpg: expected an object, got "
        "NoSuchKey; correct source-ref, or upload the image"
    )
    assert "Traceback" not in ended.log


def test_a_job_that_is_stopped_while_it_fetches_ends_at_once_and_well(job: Job, s3: str, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with proxied(s3, {"*": ["50", "always"]}) as proxy:
        process = job.start(TMPDIR=str(temporary), **environment(proxy.endpoint))
        deadline = time.monotonic() + 120
        while not proxy.requests and time.monotonic() < deadline:
            time.sleep(0.1)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        ended = job.finish(process)
        assert time.monotonic() < asked + 20
    assert ended.code == 0, ended.log
    assert ended.failure is None
    assert list(temporary.glob("gluon-ssd*")) == []
    assert "Ended without a model: asked to stop after 0 images had been fetched" in ended.log


def test_the_output_of_a_labeling_job_trains_with_one_command(job: Job, s3: str, tmp_path: Path) -> None:
    data, folder = job.base / "input" / "data", tmp_path / "trained"
    settings = ["num_classes=2", "base_network=resnet-50", "image_shape=64", "epochs=1", "mini_batch_size=3"]
    command = [str(Path(sys.executable).with_name("gluon-ssd")), "train", "--output", str(folder)]
    sources = ["--train", str(data / "train" / "output.manifest"), "--validation", "validation/validation.manifest"]
    ended = subprocess.run(
        [*command, *sources, "--hyperparameter", *settings],
        cwd=data,
        env={**clean_environment(), **environment(s3)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "validation channel: 4 images, 4 objects, 0 images without objects" in ended.stdout
    assert (folder / "output" / "model.tar.gz").exists()
    assert json.loads((folder / "input" / "config" / "hyperparameters.json").read_text())["num_training_samples"] == "8"
