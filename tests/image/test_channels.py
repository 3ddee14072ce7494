"""Whole jobs whose data reach the container otherwise than as files: FIFOs made outside, and objects in S3."""

import json
import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from contract.job import Job, picture, pictures
from image.container import SMALL, make_job, run
from pipe_service import served_by_process
from record_stream import frame
from s3_server import BUCKET, environment, put

pytestmark = pytest.mark.docker


def test_a_job_learns_from_fifos_made_on_the_host_what_it_learns_from_files(tmp_path: Path) -> None:
    settings = {"epochs": "2", "num_training_samples": "8", "shuffle": "false"}
    files = make_job(tmp_path / "files", **settings)
    pipes = Job(tmp_path / "pipes", hyperparameters=files.hyperparameters | {"pipe_timeout": "60"})
    pipe = {"ContentType": "application/x-recordio", "TrainingInputMode": "Pipe"}
    pipes.channels = {"train": pipe, "validation": pipe}
    pipes.write_config()
    with ExitStack() as stack:
        for channel, count in (("train", 8), ("validation", 4)):
            source = tmp_path / f"{channel}.stream"
            source.write_bytes(frame(*pictures(count)))
            stack.enter_context(served_by_process(pipes.base / "input" / "data" / channel, source, 2))
        ended = [run(job, "--network", "none") for job in (pipes, files)]
    assert [one.code for one in ended] == [0, 0], [one.log for one in ended]
    scores = [re.findall("#quality_metric: .*", one.log) for one in ended]
    assert len(scores[0]) == 2 * 5
    assert scores[0] == scores[1]


def test_a_job_on_an_augmented_manifest_fetches_its_images_from_s3(tmp_path: Path, s3: str) -> None:
    channel = {"ContentType": "application/x-image", "TrainingInputMode": "File"}
    job = Job(tmp_path, channels={"train": channel, "validation": channel})
    job.hyperparameters |= SMALL
    job.write_config()
    put(s3, {f"image/{number}.jpg": picture(number, number % 2).image for number in range(8)})
    for name in ("train", "validation"):
        manifest = job.base / "input" / "data" / name / "output.manifest"
        manifest.parent.mkdir(parents=True)
        manifest.write_text("".join(f"{line(number)}\n" for number in range(8)))
    variables = [word for name, value in environment(s3).items() for word in ("--env", f"{name}={value}")]
    ended = run(job, "--network", "host", *variables)
    assert (ended.code, ended.failure) == (0, None), ended.log
    assert (job.base / "output" / "model.tar.gz").exists()


def line(number: int) -> str:
    """A line of a manifest as Ground Truth writes it."""
    class_id, left, top, right, bottom, _ = (picture(number, number % 2).objects[0] * [1, 80, 60, 80, 60, 1]).tolist()
    box = {"left": round(left), "top": round(top), "width": round(right - left), "height": round(bottom - top)}
    return json.dumps(
        {
            "source-ref": f"s3://{BUCKET}/image/{number}.jpg",
            "birds": {
                "image_size": [{"width": 80, "height": 60, "depth": 3}],
                "annotations": [{"class_id": int(class_id), **box}],
            },
            "birds-metadata": {"class-map": {str(int(class_id)): ("red", "blue")[int(class_id)]}},
        }
    )
