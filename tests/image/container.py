"""Jobs in containers of the image, started as its users start them."""

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contract.job import Ended, Job, pictures

DEVICE = os.environ.get("IMAGE_DEVICE", "cpu")
"""Which of the two images is under test: cpu or gpu."""
IMAGE = f"gluon-ssd:{DEVICE}"
SMALL = {"base_network": "resnet-18", "num_workers": "0"}


def make_job(base: Path, **hyperparameters: str) -> Job:
    """A job on eight RecordIO images that takes seconds."""
    job = Job(base)
    job.hyperparameters |= SMALL | hyperparameters
    job.write_records("train", pictures(8))
    job.write_records("validation", pictures(4))
    job.write_config()
    return job


@contextmanager
def started(
    job: Job, *options: str, command: tuple[str, ...] = ("train",)
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `docker run OPTIONS -v BASE:/opt/ml IMAGE COMMAND`; yield the name of the container, and the process.

    At the end of the block the container is gone, whatever became of it.
    """
    name = f"gluon-ssd-test-{uuid.uuid4().hex[:12]}"
    process = subprocess.Popen(
        ["docker", "run", "--rm", "--name", name, "-v", f"{job.base}:/opt/ml", *options, IMAGE, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield name, process
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
        process.communicate(timeout=60)


def run(job: Job, *options: str, command: tuple[str, ...] = ("train",)) -> Ended:
    """Run a job to its end."""
    with started(job, *options, command=command) as (_, process):
        return job.finish(process)


def run_and_stop(job: Job, when: Callable[[str], bool], *options: str) -> Ended:
    """Ask the container to stop, as `docker stop` does by SIGTERM, as soon as a line of the log says so."""
    with started(job, *options) as (name, process):
        assert process.stdout
        seen = []
        for line in process.stdout:
            seen.append(line)
            if when(line):
                subprocess.run(["docker", "stop", "--time", "60", name], check=True, capture_output=True)
                break
        ended = job.finish(process)
    return Ended(ended.code, "".join(seen) + ended.log, ended.failure)


def output_of(*command: str, options: tuple[str, ...] = ()) -> str:
    """Return what a command in a container prints."""
    return subprocess.run(
        ["docker", "run", "--rm", *options, IMAGE, *command], check=True, capture_output=True, text=True
    ).stdout
