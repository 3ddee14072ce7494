"""Jobs on several machines whose processes share gradients through Horovod, started by sagemaker-training over SSH."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from contract.job import Ended, Job
from contract.machines import Machine, machines
from contract.ssh_machines import enter, processes_that_train
from contract.test_network_of_hosts import lay_out
from distributed_needs import expect

pytestmark = [pytest.mark.slow, pytest.mark.distributed]
LOST = "InternalServerError: hosts: expected every process to train to the end, got "


@pytest.fixture(autouse=True)
def _needs() -> Iterator[None]:
    expect("Horovod", found=find_spec("horovod") is not None)
    expect("an SSH server", found=Path("/usr/sbin/sshd").exists())
    yield
    for done in Path("/tmp").glob("done.algo-*"):  # noqa: S108 - sagemaker-training's
        done.unlink()


def start(jobs: Sequence[Job], hosts: Sequence[Machine]) -> list[subprocess.Popen[str]]:
    return [
        job.start(
            *enter(host, job.base),
            OMP_NUM_THREADS="1",
            SAGEMAKER_BASE_DIR="/opt/ml",
            GLUON_SSD_SSH_KEYS="1",
            AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=f"/{host.name}",
        )
        for job, host in zip(jobs, hosts, strict=True)
    ]


def finish(jobs: Sequence[Job], processes: Sequence[subprocess.Popen[str]]) -> list[Ended]:
    return [job.finish(process) for job, process in zip(jobs, processes, strict=True)]


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return
    pytest.fail("".join(seen))


@contextmanager
def two_in_training(folder: Path) -> Iterator[tuple[list[Machine], list[Job], list[subprocess.Popen[str]]]]:
    """Two machines, in the second epoch of a job without end."""
    with machines(2) as hosts:
        jobs = lay_out(folder, hosts, kv_store="horovod", epochs="100000")
        processes = start(jobs, hosts)
        wait_for(processes[0], "host=algo-2, epoch=1,")
        yield hosts, jobs, processes


def test_three_machines_train_together_although_one_comes_half_a_minute_late(tmp_path: Path) -> None:
    with machines(3) as hosts:
        jobs = lay_out(tmp_path, hosts, kv_store="horovod")
        early = start(jobs[:2], hosts[:2])
        time.sleep(30)
        ended = finish(jobs, [*early, *start(jobs[2:], hosts[2:])])
    assert [(one.code, one.failure) for one in ended] == [(0, None)] * 3, [one.log for one in ended]
    assert (jobs[0].model / "model_algo_1-0000.params").exists()
    for number in (1, 2, 3):  # mpirun brings what all of them say to the first
        assert f"#quality_metric: host=algo-{number}, epoch=0, batch=1 train cross_entropy" in ended[0].log


def test_a_machine_that_never_comes_ends_the_job_as_a_fault_of_the_platform(tmp_path: Path) -> None:
    with machines(2) as hosts:
        jobs = lay_out(tmp_path, hosts, kv_store="horovod", host_timeout="8")
        started = time.monotonic()
        (ended,) = finish(jobs[:1], start(jobs[:1], hosts[:1]))
    assert ended.code == 3, ended.log
    assert ended.failure
    assert ended.failure.startswith(
        "InternalServerError: hosts: expected algo-2 to give its SSH keys at port 7022 within 8 s, got "
    )
    assert time.monotonic() - started < 60


def test_a_machine_that_has_the_name_of_another_is_told_so(tmp_path: Path) -> None:
    with machines(2) as hosts:
        jobs = lay_out(tmp_path, hosts, kv_store="horovod", host_timeout="20")
        config = jobs[1].base / "input" / "config" / "resourceconfig.json"
        config.write_text('{"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}')
        (first, second) = finish(jobs, start(jobs, hosts))
    assert second.code == 2, second.log
    assert second.failure
    assert second.failure.startswith("ClientError: resourceconfig.json: current_host: expected a name of this machine")
    assert first.code == 3, first.log


def test_a_process_that_is_killed_ends_the_job_on_both_machines_within_a_minute(tmp_path: Path) -> None:
    with two_in_training(tmp_path) as (hosts, jobs, processes):
        (number,) = processes_that_train(hosts[1])
        assert b"=/algo-1\0" not in Path(f"/proc/{number}/environ").read_bytes()
        os.kill(number, signal.SIGKILL)
        killed = time.monotonic()
        ended = finish(jobs, processes)
        assert time.monotonic() - killed < 60
    assert [one.code for one in ended] == [3, 3], [one.log for one in ended]
    assert all(one.failure and one.failure.startswith(LOST) for one in ended)


def test_the_loss_of_the_first_machine_ends_the_job_on_the_other_within_a_minute(tmp_path: Path) -> None:
    with two_in_training(tmp_path) as (_, jobs, processes):
        processes[0].kill()
        killed = time.monotonic()
        finish(jobs[:1], processes[:1])
        (ended,) = finish(jobs[1:], processes[1:])
        assert time.monotonic() - killed < 60
    assert ended.code == 3, ended.log
    assert ended.failure
    assert ended.failure.startswith(LOST)


def test_a_machine_that_is_asked_to_stop_stops_all_and_the_model_is_kept(tmp_path: Path) -> None:
    with two_in_training(tmp_path) as (_, jobs, processes):
        # unshare has become the parent of the container's first process.
        (first,) = Path(f"/proc/{processes[1].pid}/task/{processes[1].pid}/children").read_text().split()
        os.kill(int(first), signal.SIGTERM)
        ended = finish(jobs, processes)
    assert [(one.code, one.failure) for one in ended] == [(0, None)] * 2, [one.log for one in ended]
    assert (jobs[0].model / "model_algo_1-0000.params").exists()


@pytest.mark.parametrize("last_words", ["", "sent into the void, so that TCP repeats it for a quarter of an hour\n"])
def test_a_machine_whose_cable_is_cut_ends_the_job_on_both_sides_within_two_minutes(
    tmp_path: Path, last_words: str
) -> None:
    with two_in_training(tmp_path) as (hosts, jobs, processes):
        (number,) = processes_that_train(hosts[1])
        hosts[1].unplug()
        cut = time.monotonic()
        with Path(f"/proc/{number}/fd/1").open("w") as log:  # the launcher's, which carries it to the first host
            log.write(last_words)
        ended = finish(jobs, processes)
        assert time.monotonic() - cut < 120
    assert [one.code for one in ended] == [3, 3], [one.log for one in ended]
    assert all(one.failure and one.failure.startswith(LOST) for one in ended)
