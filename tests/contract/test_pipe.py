"""Whole jobs in Pipe mode: FIFOs made and written by another process, as SageMaker does it."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from contract.job import Ended, Job, picture, pictures
from pipe_service import served_by_process
from record_stream import frame

RECORDS = {"ContentType": "application/x-recordio", "TrainingInputMode": "Pipe"}
MANIFEST = {"ContentType": "application/x-image", "TrainingInputMode": "Pipe", "RecordWrapperType": "RecordIO"}
SETTINGS = {"epochs": "2", "mini_batch_size": "3", "num_training_samples": "8", "pipe_timeout": "30"}


def manifest(count: int) -> bytes:
    """The pictures of `pictures(count)` as an augmented manifest is streamed."""
    payloads = []
    for index in range(count):
        sample = picture(index, index % 2)
        class_id, left, top, right, bottom, _ = (sample.objects[0] * [1, 80, 60, 80, 60, 1]).round().tolist()
        box = {"class_id": class_id, "left": left, "top": top, "width": right - left, "height": bottom - top}
        document = {"image_size": [{"width": 80, "height": 60, "depth": 3}], "annotations": [box]}
        payloads += [sample.image, json.dumps(document).encode()]
    return frame(*payloads)


@contextmanager
def serving(job: Job, **channels: tuple[bytes, int]) -> Iterator[None]:
    """Serve the content of channels for a number of epochs each, by a process each."""
    data = job.base / "input" / "data"
    with ExitStack() as stack:
        for name, (content, epochs) in channels.items():
            source = job.base / f"{name}.stream"
            source.write_bytes(content)
            stack.enter_context(served_by_process(data / name, source, epochs))
        yield


def make_job(base: Path, channel: dict[str, str], **hyperparameters: str) -> Job:
    job = Job(base, channels={"train": channel, "validation": channel})
    job.hyperparameters |= SETTINGS | hyperparameters
    job.write_config()
    return job


def scores(ended: Ended) -> list[str]:
    """The losses and scores of every epoch, to the last digit."""
    assert ended.code == 0, ended.log
    return re.findall(r"#quality_metric: .*", ended.log)


@pytest.fixture(scope="module")
def from_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    job = Job(tmp_path_factory.mktemp("files"))
    job.hyperparameters |= SETTINGS | {"shuffle": "false"}
    job.write_records("train", pictures(8))
    job.write_records("validation", pictures(4))
    job.write_config()
    return scores(job.run(OMP_NUM_THREADS="1"))


@pytest.mark.parametrize("channel", [RECORDS, MANIFEST], ids=["records", "manifest"])
def test_a_job_without_shuffling_learns_from_pipes_what_it_learns_from_files(
    tmp_path: Path, from_files: list[str], channel: dict[str, str]
) -> None:
    job = make_job(tmp_path, channel, shuffle="false")
    of = manifest if channel is MANIFEST else (lambda count: frame(*pictures(count)))
    with serving(job, train=(of(8), 2), validation=(of(4), 2)):
        ended = job.run(OMP_NUM_THREADS="1")
    assert scores(ended) == from_files
    for name in ("train", "validation"):
        line = f"The channel '{name}' is in pipe input mode under {job.base}/input/data/{name}."
        assert ended.log.count(line) == 2
    assert sorted(path.name for path in (job.base / "input" / "data").iterdir()) == [
        "train_0", "train_1", "validation_0", "validation_1",
    ]  # fmt: skip


def test_a_job_on_shuffled_pipes_depends_on_the_seed_and_not_on_the_workers(tmp_path: Path) -> None:
    jobs = []
    for name, workers in (("alone", "0"), ("helped", "2")):
        job = make_job(tmp_path / name, RECORDS, num_workers=workers, shuffle_buffer="4", epochs="1")
        with serving(job, train=(frame(*pictures(8)), 1), validation=(frame(*pictures(4)), 1)):
            jobs.append(scores(job.run(OMP_NUM_THREADS="1")))
    assert jobs[0] == jobs[1]


def test_one_channel_may_be_a_pipe_and_the_other_files(tmp_path: Path) -> None:
    job = make_job(tmp_path, RECORDS, epochs="1")
    job.channels = {"train": RECORDS, "validation": {"TrainingInputMode": "FastFile"}}
    job.write_config()
    job.write_records("validation", pictures(4))
    with serving(job, train=(frame(*pictures(8)), 1)):
        assert len(scores(job.run())) == 5


def test_without_a_configuration_fifos_are_recognized(tmp_path: Path) -> None:
    job = make_job(tmp_path, RECORDS, epochs="1")
    (job.base / "input" / "config" / "inputdataconfig.json").unlink()
    with serving(job, train=(frame(*pictures(8)), 1), validation=(manifest(4), 1)):
        wait_for(job.base / "input" / "data" / "train_0", job.base / "input" / "data" / "validation_0")
        assert len(scores(job.run())) == 5


def wait_for(*paths: Path) -> None:
    deadline = time.monotonic() + 20
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_pipe_that_never_comes_is_a_platform_error_after_the_stated_time(tmp_path: Path) -> None:
    ended = make_job(tmp_path, RECORDS, pipe_timeout="1").run()
    assert ended.code == 3, ended.log
    assert ended.failure is not None
    assert ended.failure.startswith(
        "InternalServerError: SageMaker pipe channel timed out. train channel, train_0: "
        "expected data within 1 seconds, got none"
    )
    assert "Traceback" not in ended.failure + ended.log


def test_a_writer_that_dies_in_a_record_is_a_customer_error_that_names_it(tmp_path: Path) -> None:
    job = make_job(tmp_path, RECORDS)
    with serving(job, train=(frame(*pictures(8))[:-100], 1)):
        ended = job.run()
    assert ended.code == 2, ended.log
    assert ended.failure is not None
    assert ended.failure.startswith(
        "ClientError: Unable to parse record. Please make sure input data is in correct recordio format. "
        "train channel, train_0, record 7: expected "
    )
    assert "Traceback" not in ended.log


def test_a_wrong_validation_stream_is_a_customer_error(tmp_path: Path) -> None:
    job = make_job(tmp_path, MANIFEST)
    with serving(job, train=(manifest(8), 2), validation=(frame(b'{"annotations": []}', picture(0, 0).image), 1)):
        ended = job.run()
    assert ended.code == 2, ended.log
    assert ended.failure is not None
    assert "validation channel, validation_0, record 0: expected an image, got JSON" in ended.failure


def is_waiting(line: str) -> bool:
    if "init_train_data_iter" not in line:
        return False
    time.sleep(2)
    return True


@pytest.mark.parametrize("written", [b"", frame(*pictures(5))])
def test_a_stop_while_the_pipe_is_silent_leaves_a_model(tmp_path: Path, written: bytes) -> None:
    job = make_job(tmp_path, RECORDS, pipe_timeout="3600")
    fifo = job.base / "input" / "data" / "train_0"
    fifo.parent.mkdir(parents=True)
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)  # never closed, and so never at its end
    os.write(writer, written)
    ended = job.run_and_stop(is_waiting, signal.SIGTERM)
    os.close(writer)
    assert ended.code == 0, ended.log
    assert "No epoch was finished" in ended.log
    assert (job.base / "output" / "model.tar.gz").exists()


def test_early_stopping_leaves_the_rest_of_the_stream(tmp_path: Path) -> None:
    job = make_job(
        tmp_path, RECORDS, epochs="40", learning_rate="1e-9", early_stopping="true", early_stopping_min_epochs="2",
        early_stopping_patience="1", early_stopping_tolerance="1",
    )  # fmt: skip
    with serving(job, train=(frame(*pictures(8)), 40), validation=(frame(*pictures(4)), 40)):
        ended = job.run()
    assert len(scores(ended)) < 40 * 5
