"""Jobs on several hosts, each a process with a base folder and a loopback address of its own."""

import json
import re
import shutil
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from contract.job import Ended, Job, pictures
from contract.left_over import left_over
from gluon_ssd.detector import Detector
from gluon_ssd.tools.evaluate import evaluate_model
from pipe_service import served_by_process
from record_stream import frame

pytestmark = pytest.mark.slow
SMALL = {"epochs": "2", "num_workers": "0", "num_training_samples": "10", "host_timeout": "60"}
LINE = re.compile(r"#quality_metric: host=(\S+), epoch=(\d), (batch=(\d+) train cross_entropy|validation mAP)")


def free_port() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def lay_out(folder: Path, count: int, **hyperparameters: str) -> list[Job]:
    hosts = [f"127.0.0.{number}" for number in range(1, count + 1)]
    port = free_port()
    jobs = []
    for host in hosts:
        job = Job(folder / host)
        job.hyperparameters.update(SMALL | {"_ps_port": port} | hyperparameters)
        job.write_records("train", pictures(10))
        job.write_records("validation", pictures(4))
        job.write_config()
        config = {"current_host": host, "hosts": hosts[::-1]}
        (job.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
        jobs.append(job)
    return jobs


def run(jobs: Sequence[Job]) -> list[Ended]:
    processes = [job.start(OMP_NUM_THREADS="1") for job in jobs]
    return [job.finish(process) for job, process in zip(jobs, processes, strict=True)]


def run_until_the_second_fails(jobs: Sequence[Job]) -> tuple[list[Ended], float]:
    """How both of two hosts ended, and how many seconds after the second one the first did."""
    processes = [job.start(OMP_NUM_THREADS="1") for job in jobs]
    failed = jobs[1].finish(processes[1])
    at = time.monotonic()
    other = jobs[0].finish(processes[0])
    return [other, failed], time.monotonic() - at


def lines(log: str) -> list[tuple[str, str, str]]:
    return [(host, epoch, batches or "mAP") for host, epoch, _, batches in LINE.findall(log)]


def best_score(log: str) -> float:
    """Return the best mAP; with an `overlap_threshold` of next to nothing even an untrained network has some."""
    best = max(map(float, re.findall(r"validation mAP <score>=\((\S+)\)", log)))
    assert best > 0
    return best


def evaluated(job: Job, records: Sequence[bytes]) -> float:
    """Return the mAP of the model that a job has left, on all of these images in one process."""
    path = job.write_records("all", records, "all.rec")
    scores = evaluate_model(Detector.read(job.model), path, overlap_threshold=0.01, batch_size=4)
    return scores.evaluation.mean_average_precision


@pytest.mark.parametrize("store", ["dist_sync", "dist_async"])
def test_two_hosts_train_together_and_the_first_judges_and_writes(tmp_path: Path, store: str) -> None:
    jobs = lay_out(tmp_path, 2, kv_store=store, overlap_threshold="0.01")
    ended = run(jobs)
    assert [one.code for one in ended] == [0, 0], [one.log for one in ended]
    assert best_score(ended[0].log) == pytest.approx(evaluated(jobs[0], pictures(4)), abs=1e-3)
    # 10 images in batches of 2 x 4: two batches, then one, since batches run on.
    first, second = "127.0.0.1", "127.0.0.2"
    assert lines(ended[0].log) == [(first, "0", "2"), (first, "0", "mAP"), (first, "1", "1"), (first, "1", "mAP")]
    assert lines(ended[1].log) == [(second, "0", "2"), (second, "1", "1")]
    assert f"Create Store: {store}" in ended[0].log
    assert re.findall(r"is a shell:(\w+)", ended[0].log) == ["scheduler", "server"]
    assert re.findall(r"is a shell:(\w+)", ended[1].log) == ["server"]
    assert "completed 100.0 % of epochs" in ended[1].log
    assert "not running distributed" not in ended[0].log
    assert (jobs[0].model / "model_algo_1-0000.params").exists()
    assert (jobs[0].base / "output" / "model.tar.gz").exists()
    assert not list(jobs[1].model.iterdir())
    assert not (jobs[1].base / "output" / "model.tar.gz").exists()
    assert left_over([job.base for job in jobs]) == []


def test_hosts_with_images_of_their_own_take_equally_many_steps(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, kv_store="dist_sync", overlap_threshold="0.01")
    sharded = {"ContentType": "application/x-recordio", "S3DistributionType": "ShardedByS3Key"}
    for job, count in zip(jobs, (5, 8), strict=True):
        job.channels = {"train": sharded, "validation": sharded}
        job.hyperparameters["num_training_samples"] = "13"
        job.write_records("train", pictures(count))
        job.write_records("validation", pictures(count - 2))
        config = json.loads((job.base / "input" / "config" / "resourceconfig.json").read_text())
        job.write_config()
        (job.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    ended = run(jobs)
    assert [one.code for one in ended] == [0, 0], [one.log for one in ended]
    # The first one's images alone are not what it judges by.
    judged = best_score(ended[0].log)
    assert judged == pytest.approx(evaluated(jobs[0], pictures(3) + pictures(6)), abs=1e-3)
    assert judged != pytest.approx(evaluated(jobs[0], pictures(3)), abs=1e-3)
    # Batches of 4 on each: two to see the 8 images of the second host, on both.
    assert [line[2] for line in lines(ended[0].log)] == ["2", "mAP", "2", "mAP"]
    assert [line[2] for line in lines(ended[1].log)] == ["2", "2"]


def test_hosts_with_pipes_of_their_own_end_their_epochs_together(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, kv_store="dist_sync", num_training_samples="16")
    piped = {"ContentType": "application/x-recordio", "TrainingInputMode": "Pipe"}
    with ExitStack() as stack:
        for job, count in zip(jobs, (3, 13), strict=True):
            job.channels = {"train": piped | {"S3DistributionType": "ShardedByS3Key"}, "validation": piped}
            config = (job.base / "input" / "config" / "resourceconfig.json").read_text()
            job.write_config()
            (job.base / "input" / "config" / "resourceconfig.json").write_text(config)
            shutil.rmtree(job.base / "input" / "data")
            (job.base / "input" / "data").mkdir()
            for channel, images in (("train", count), ("validation", 4)):
                source = job.base / f"{channel}.stream"
                source.write_bytes(frame(*pictures(images)))
                stack.enter_context(served_by_process(job.base / "input" / "data" / channel, source, 2))
        ended = run(jobs)
    assert [one.code for one in ended] == [0, 0], [one.log for one in ended]
    # Batches of 4: the second host's 13 images take four, then three, since batches run on; the first has one of each.
    assert [line[2] for line in lines(ended[0].log)] == ["4", "mAP", "3", "mAP"]
    assert [line[2] for line in lines(ended[1].log)] == ["4", "3"]


def test_a_host_that_never_comes_ends_the_job_as_a_fault_of_the_platform(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, host_timeout="5")
    ended = jobs[0].run(OMP_NUM_THREADS="1")
    assert ended.code == 3
    assert ended.failure == ("InternalServerError: hosts: expected all 2 to come within 5 s, got fewer; see their logs")
    assert left_over([job.base for job in jobs]) == []


def test_a_job_that_is_asked_to_stop_while_it_waits_for_a_host_does_so_at_once(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, host_timeout="200")
    process = jobs[0].start(OMP_NUM_THREADS="1")
    log = process.stdout
    assert log
    assert any("is a shell:server" in line for line in log)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    ended = jobs[0].finish(process)
    assert (ended.code, ended.failure) == (0, None), ended.log
    assert "Ended without a model: while it waited for the other hosts" in ended.log
    assert time.monotonic() - asked < 60
    assert left_over([job.base for job in jobs]) == []


def test_a_port_that_is_taken_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        jobs = lay_out(tmp_path, 2, host_timeout="200", _ps_port=str(port))
        started = time.monotonic()
        ended = jobs[0].run(OMP_NUM_THREADS="1")
    assert ended.code == 3
    assert ended.failure
    assert ended.failure.startswith(
        "InternalServerError: parameter server: expected its scheduler to wait for all hosts, got its end with exit "
    )
    assert f"is port {port} (_ps_port) taken on this host?" in ended.failure
    assert time.monotonic() - started < 100
    assert left_over([job.base for job in jobs]) == []


def test_a_name_that_is_never_known_ends_the_job_as_a_fault_of_the_platform(tmp_path: Path) -> None:
    (job,) = lay_out(tmp_path, 1, host_timeout="2")
    config = {"current_host": "127.0.0.1", "hosts": ["127.0.0.1", "no-such-host.invalid"]}
    (job.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    ended = job.run()
    assert ended.code == 3
    assert ended.failure
    assert ended.failure.startswith(
        "InternalServerError: hosts: expected the name no-such-host.invalid to be known within 2 s, got "
    )


def test_a_host_that_has_anothers_name_is_told_so(tmp_path: Path) -> None:
    (job,) = lay_out(tmp_path, 1)
    config = {"current_host": "192.0.2.1", "hosts": ["192.0.2.1", "127.0.0.1"]}  # the first is nobody's, by RFC 5737
    (job.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    ended = job.run()
    assert ended.code == 2, ended.log
    assert ended.failure
    assert ended.failure.startswith("ClientError: resourceconfig.json: current_host: expected a name of this machine, ")


@pytest.mark.parametrize("lost", [0, 1])
def test_a_host_that_is_killed_ends_all_others_within_40_seconds(tmp_path: Path, lost: int) -> None:
    jobs = lay_out(tmp_path, 3, epochs="1000")
    processes = [job.start(OMP_NUM_THREADS="1") for job in jobs]
    output = processes[lost].stdout
    assert output
    for line in output:
        if "epoch=1" in line:
            processes[lost].send_signal(signal.SIGKILL)
            break
    killed = time.monotonic()
    ended = [job.finish(process) for job, process in zip(jobs, processes, strict=True)]
    assert time.monotonic() - killed < 40
    ended.pop(lost)
    for other in ended:
        assert other.code == 3, other.log
        assert other.failure
        assert other.failure.startswith("InternalServerError: hosts: expected every one of them to train to the end")
    time.sleep(2)
    assert left_over([job.base for job in jobs]) == []


def test_a_host_that_is_asked_to_stop_stops_all_and_the_model_is_kept(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, epochs="1000")
    processes = [job.start(OMP_NUM_THREADS="1") for job in jobs]
    output = processes[1].stdout
    assert output
    for line in output:
        if "epoch=1" in line:
            processes[1].send_signal(signal.SIGTERM)
            break
    ended = [job.finish(process) for job, process in zip(jobs, processes, strict=True)]
    assert [one.code for one in ended] == [0, 0], [one.log for one in ended]
    assert (jobs[0].model / "model_algo_1-0000.params").exists()
    assert left_over([job.base for job in jobs]) == []


def test_a_mistake_in_the_data_of_one_host_is_told_there_and_ends_the_other_at_once(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2)
    jobs[1].write_records("train", [b"no record"])
    ended, later = run_until_the_second_fails(jobs)
    assert later < 15  # less than the silence of a host that is killed
    assert [one.code for one in ended] == [3, 2], [one.log for one in ended]
    assert ended[1].failure
    assert ended[1].failure.startswith("ClientError: ")


def test_a_mistake_that_one_host_finds_before_it_reads_any_data_ends_the_other_at_once(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2)
    jobs[1].channels = {**jobs[1].channels, "validation": {"ContentType": "text/csv"}}
    config = (jobs[1].base / "input" / "config" / "resourceconfig.json").read_text()
    jobs[1].write_config()
    (jobs[1].base / "input" / "config" / "resourceconfig.json").write_text(config)
    ended, later = run_until_the_second_fails(jobs)
    assert later < 15  # less than the silence of a host that is killed
    assert [one.code for one in ended] == [3, 2], [one.log for one in ended]
    assert "got one that ended early" in (ended[0].failure or "")
    assert left_over([job.base for job in jobs]) == []


@pytest.mark.parametrize(
    ("channel", "images", "counts"), [("train", pictures(9), "10, 9"), ("validation", pictures(5)[1:], "4, 4")]
)
def test_hosts_with_other_copies_of_a_channel_are_refused(
    tmp_path: Path, channel: str, images: list[bytes], counts: str
) -> None:
    jobs = lay_out(tmp_path, 2)
    jobs[1].write_records(channel, images)
    ended = run(jobs)
    # Whoever is late to say it is ended as the other host is.
    assert sorted(one.code for one in ended) in ([2, 2], [2, 3]), [one.log for one in ended]
    told = [one.failure for one in ended if one.code == 2]
    reason = f"expected the same files on all hosts, as FullyReplicated gives them, got others: {counts} images by host"
    assert set(told) == {f"ClientError: {channel} channel: {reason}"}


def test_hosts_with_different_hyperparameters_are_refused_before_one_waits_for_ever(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2)
    jobs[1].hyperparameters["epochs"] = "1"
    config = (jobs[1].base / "input" / "config" / "resourceconfig.json").read_text()
    jobs[1].write_config()
    (jobs[1].base / "input" / "config" / "resourceconfig.json").write_text(config)
    ended = run(jobs)
    # Whoever has not heard the other's answer when that one is gone knows of its silence alone.
    assert sorted(one.code for one in ended) in ([2, 2], [2, 3]), [one.log for one in ended]
    assert any("ClientError: hyperparameters: expected the same on all hosts" in (one.failure or "") for one in ended)


def test_hosts_start_from_the_same_model_and_stay_alike(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, epochs="1")
    assert [one.code for one in run(jobs)] == [0, 0]
    again = lay_out(tmp_path / "again", 2, epochs="1", freeze_layer_pattern=".*")
    for job in again:
        channel = job.base / "input" / "data" / "model"
        channel.mkdir()
        (channel / "model.tar.gz").write_bytes((jobs[0].base / "output" / "model.tar.gz").read_bytes())
        job.channels = {**job.channels, "model": {"ContentType": "application/x-sagemaker-model"}}
        config = (job.base / "input" / "config" / "resourceconfig.json").read_text()
        job.write_config()
        (job.base / "input" / "config" / "resourceconfig.json").write_text(config)
    assert [one.code for one in run(again)] == [0, 0]
    before, after = (mx.nd.load(str(job.model / "model_algo_1-0000.params")) for job in (jobs[0], again[0]))
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(array.asnumpy(), after[name].asnumpy(), err_msg=name)
