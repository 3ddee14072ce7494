"""Jobs on several hosts: containers on a network of their own, which know each other by name alone."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

from contract.job import Ended, Job
from image.container import IMAGE, make_job, started

pytestmark = pytest.mark.docker

HOSTS = ["algo-1", "algo-2"]
QUIETLY = ("-o BatchMode=yes", "-o StrictHostKeyChecking=no", "-o ConnectTimeout=10", "-o LogLevel=ERROR")


@pytest.fixture
def network() -> Iterator[str]:
    """A network without a way out, as isolated training jobs have it."""
    name = f"gluon-ssd-test-{uuid.uuid4().hex[:12]}"
    subprocess.run(["docker", "network", "create", "--internal", name], check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "network", "rm", name], check=True, capture_output=True)


def lay_out(folder: Path, interface: str = "eth0", **hyperparameters: str) -> list[Job]:
    jobs = []
    for host in HOSTS:
        jobs.append(make_job(folder / host, host_timeout="60", **hyperparameters))
        config = {"current_host": host, "hosts": HOSTS, "network_interface_name": interface}
        (jobs[-1].base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    return jobs


@contextmanager
def together(jobs: list[Job], network: str, *options: str) -> Iterator[list[subprocess.Popen[str]]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                started(job, *options, "--network", network, "--hostname", host, "--network-alias", host)
            )[1]
            for job, host in zip(jobs, HOSTS, strict=True)
        ]


def run_together(jobs: list[Job], network: str) -> list[Ended]:
    with together(jobs, network) as processes:
        return [job.finish(process) for job, process in zip(jobs, processes, strict=True)]


def log_in(host: str, network: str) -> str:
    """Try to reach a host by SSH from a container of no job; return what SSH says."""
    trying = f"ssh-keygen -q -t ed25519 -N '' -f /root/key && ssh {' '.join(QUIETLY)} -i /root/key {host} echo in; true"
    return subprocess.run(
        ["docker", "run", "--rm", "--network", network, IMAGE, "sh", "-c", trying],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ).stdout  # fmt: skip


def test_two_containers_train_together_by_a_parameter_server(tmp_path: Path, network: str) -> None:
    jobs = lay_out(tmp_path, kv_store="dist_sync", epochs="2")
    ended = run_together(jobs, network)
    assert [(one.code, one.failure) for one in ended] == [(0, None)] * 2, [one.log for one in ended]
    # 8 images in batches of 2 x 4: one an epoch, on either host; the first judges and writes for both.
    assert [one.log.count("train cross_entropy <loss>=") for one in ended] == [2, 2]
    assert [one.log.count("validation mAP <score>=") for one in ended] == [2, 0]
    assert [(job.base / "output" / "model.tar.gz").exists() for job in jobs] == [True, False]


def test_two_containers_train_together_by_horovod_and_let_nobody_else_in(tmp_path: Path, network: str) -> None:
    # An interface that is not there, as version 3 of the SDK names one.
    mpi = {"kv_store": "horovod", "sagemaker_mpi_custom_mpi_options": "--report-bindings"}
    jobs = lay_out(tmp_path, "ethwe", epochs="2", **mpi)
    # HOME means nothing to SSH's own programs, and all to the launcher's.
    with together(jobs, network, "--env", "HOME=/tmp") as processes:
        first = processes[0].stdout
        assert first
        seen = list(takewhile(lambda line: "epoch=0, batch=1 train cross_entropy" not in line, first))
        said = [log_in(host, network) for host in HOSTS]
        ended = [job.finish(process) for job, process in zip(jobs, processes, strict=True)]
    assert [(one.code, one.failure) for one in ended] == [(0, None)] * 2, ["".join(seen), *(one.log for one in ended)]
    assert said == [f"root@{host}: Permission denied (publickey,password).\n" for host in HOSTS]
    # The launcher brings what both hosts say to the first.
    assert {host for host in HOSTS if f"host={host}, epoch=1, batch=1 train cross_entropy" in ended[0].log} == {*HOSTS}
    assert "is not bound" in "".join(seen)  # by mpirun's option
    assert [(job.base / "output" / "model.tar.gz").exists() for job in jobs] == [True, False]


def test_hosts_that_are_not_root_say_each_that_horovod_needs_it(tmp_path: Path, network: str) -> None:
    jobs = lay_out(tmp_path, kv_store="horovod")
    for path in (tmp_path, *tmp_path.rglob("*")):
        shutil.chown(path, 1234)
    with together(jobs, network, "--user", "1234") as processes:
        ended = [job.finish(process) for job, process in zip(jobs, processes, strict=True)]
    told = "ClientError: hosts: expected to run as root, whom SSH's server needs, got user 1234"
    assert [(one.code, one.failure) for one in ended] == [(2, told)] * 2, [one.log for one in ended]


def test_a_host_with_a_mistake_in_its_data_says_so_and_the_other_ends(tmp_path: Path, network: str) -> None:
    jobs = lay_out(tmp_path, kv_store="dist_sync")
    jobs[1].write_records("train", [b"no record"])
    ended = run_together(jobs, network)
    assert [one.code for one in ended] == [3, 2], [one.log for one in ended]
    assert ended[1].failure
    assert ended[1].failure.startswith("ClientError: ")
