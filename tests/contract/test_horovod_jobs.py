"""Jobs whose processes share gradients through Horovod, all of them on this machine."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from contract.job import Ended, Job, clean_environment
from contract.left_over import left_over
from contract.test_hosts import lay_out, lines
from distributed_needs import expect

pytestmark = [pytest.mark.slow, pytest.mark.distributed]
RUN_HOSTS = (
    "import os, sys; from pathlib import Path; from gluon_ssd.tools.local_hosts import run_hosts; "
    "sys.exit(run_hosts([Path(base) for base in sys.argv[1:]], os.environ))"
)
HOROVOD = {"kv_store": "horovod", "base_network": "resnet-18"}


@pytest.fixture(autouse=True)
def _horovod() -> None:
    expect("Horovod", found=find_spec("horovod") is not None)
    expect("mpirun", found=shutil.which("mpirun") is not None)


def start(jobs: Sequence[Job]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN_HOSTS, *(str(job.base) for job in jobs)],
        env=clean_environment() | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(jobs: Sequence[Job], process: subprocess.Popen[str]) -> list[Ended]:
    """How the job ended on each host; the exit code of all of them is the first's that is not 0."""
    log, _ = process.communicate(timeout=300)
    logs = [log, *((job.base / "log.txt").read_text() for job in jobs[1:])]
    failures = [job.base / "output" / "failure" for job in jobs]
    assert not left_over([job.base for job in jobs])
    return [
        Ended(process.returncode, log, failure.read_text() if failure.exists() else None)
        for log, failure in zip(logs, failures, strict=True)
    ]


def wait_for(path: Path, text: str) -> None:
    until = time.monotonic() + 200
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < until, path.read_text() if path.exists() else f"no {path}"
        time.sleep(0.1)


def test_two_hosts_train_together_and_the_first_judges_and_writes(tmp_path: Path) -> None:
    stopping = {"early_stopping": "true", "early_stopping_min_epochs": "1", "early_stopping_patience": "1"}
    # Such small steps improve nothing, so that the third epoch is the last.
    jobs = lay_out(tmp_path, 2, **HOROVOD, **stopping, epochs="9", learning_rate="1e-9")
    ended = finish(jobs, start(jobs))
    assert [one.code for one in ended] == [0, 0], [one.log for one in ended]
    first, second = "127.0.0.1", "127.0.0.2"
    # 10 images in batches of 2 x 4: two batches, then one, since batches run on.
    assert [line for line in lines(ended[0].log) if line[2] != "mAP"] == [
        (first, "0", "2"),
        (first, "1", "1"),
        (first, "2", "1"),
    ]
    assert [line for line in lines(ended[0].log) if line[2] == "mAP"] == [
        (first, str(epoch), "mAP") for epoch in range(3)
    ]
    assert lines(ended[1].log) == [(second, "0", "2"), (second, "1", "1"), (second, "2", "1")]
    assert "Create Store: horovod" in ended[0].log
    assert (jobs[0].model / "model_algo_1-0000.params").exists()
    assert (jobs[0].base / "output" / "model.tar.gz").exists()
    assert not list(jobs[1].model.iterdir())
    assert [path.name for path in (jobs[1].base / "output").iterdir()] == []


def test_processes_of_one_host_share_its_batch_and_the_first_speaks_for_it(tmp_path: Path) -> None:
    (job,) = lay_out(tmp_path, 1, sagemaker_mpi_enabled="true", sagemaker_mpi_num_of_processes_per_host="2")
    ended = job.run()
    assert ended.code == 0, ended.log
    # As one process has it: 10 images in batches of 4.
    assert [line for line in lines(ended.log) if line[2] != "mAP"] == [("127.0.0.1", "0", "3"), ("127.0.0.1", "1", "2")]
    assert ended.log.count("Create Store: horovod") == 1
    assert (job.model / "model_algo_1-0000.params").exists()


def test_a_batch_that_processes_cannot_share_evenly_is_refused(tmp_path: Path) -> None:
    (job,) = lay_out(tmp_path, 1, **HOROVOD, mini_batch_size="5", sagemaker_mpi_num_of_processes_per_host="2")
    ended = job.run()
    assert ended.code == 2, ended.log
    assert ended.failure == (
        "ClientError: mini_batch_size: expected a multiple of 2, the number of processes on each machine, got 5"
    )


def test_a_request_to_stop_reaches_all_and_the_model_is_kept(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, **HOROVOD, epochs="1000")
    process = start(jobs)
    wait_for(jobs[1].base / "log.txt", "epoch=1,")
    process.send_signal(signal.SIGTERM)
    ended = finish(jobs, process)
    assert [(one.code, one.failure) for one in ended] == [(0, None), (0, None)], [one.log for one in ended]
    assert (jobs[0].model / "model_algo_1-0000.params").exists()
    assert (jobs[0].base / "output" / "model.tar.gz").exists()


@pytest.mark.parametrize("lost", [0, 1])
def test_a_process_that_is_killed_ends_the_job_within_a_minute(tmp_path: Path, lost: int) -> None:
    jobs = lay_out(tmp_path, 2, **HOROVOD, epochs="1000")
    process = start(jobs)
    wait_for(jobs[1].base / "log.txt", "epoch=0,")
    os.kill(int((jobs[lost].base / "output" / ".first_process").read_text()), signal.SIGKILL)
    killed = time.monotonic()
    ended = finish(jobs, process)
    assert time.monotonic() - killed < 60
    assert ended[0].code == 3, ended[0].log
    for one in ended:
        assert one.failure
        assert one.failure.startswith("InternalServerError: hosts: expected every process to train to the end, got ")


def test_a_mistake_in_the_data_of_one_host_is_told_there_and_ends_the_other(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, **HOROVOD)
    jobs[1].write_records("train", [b"no record"])
    ended = finish(jobs, start(jobs))
    assert ended[1].failure
    assert ended[1].failure.startswith("ClientError: Unable to parse record. ")
    assert ended[0].failure
    assert ended[0].failure.startswith("InternalServerError: hosts: expected every process to train to the end, got ")


def test_a_launcher_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    jobs = lay_out(tmp_path, 2, **HOROVOD, epochs="1000")
    process = start(jobs)
    wait_for(jobs[1].base / "log.txt", "epoch=0,")
    process.kill()
    process.communicate(timeout=60)
    until = time.monotonic() + 30
    while left_over([job.base for job in jobs]):
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.parametrize("mistaken", [False, True])
def test_processes_that_a_user_launches_replace_what_an_earlier_job_has_left(tmp_path: Path, *, mistaken: bool) -> None:
    (job,) = lay_out(tmp_path, 1, **HOROVOD, mini_batch_size="5" if mistaken else "4", epochs="1")
    output = job.base / "output"
    output.mkdir()
    (output / "failure").write_text("ClientError: an earlier mistake")
    (output / "model.tar.gz").write_bytes(b"an earlier model")
    ended = job.run("mpirun", "--allow-run-as-root", "--oversubscribe", "-bind-to", "none", "-np", "2")
    left = {path.name: path.read_bytes()[:12] for path in output.iterdir()}
    if mistaken:
        assert left == {"failure": b"ClientError:", "model.tar.gz": b"an earlier model"[:12]}
        assert ended.failure
        assert "mini_batch_size" in ended.failure
    else:
        assert (ended.code, ended.failure) == (0, None), ended.log
        assert left.keys() == {"model.tar.gz"}
        assert left["model.tar.gz"] != b"an earlier model"[:12]


def test_without_mpirun_a_job_says_what_to_install(tmp_path: Path) -> None:
    (job,) = lay_out(tmp_path, 1, **HOROVOD, sagemaker_mpi_num_of_processes_per_host="2")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "readlink", "dirname", "env"):
        (programs / name).symlink_to(shutil.which(name) or "")
    ended = job.run(PATH=str(programs))
    assert ended.code == 3, ended.log
    assert ended.failure == (
        "InternalServerError: kv_store: expected what horovod needs to be installed, got no mpirun of Open MPI "
        "(openmpi-bin)"
    )
