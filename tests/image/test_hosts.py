"""Jobs on several hosts: containers on a network of their own, which know each other by name alone."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from contract.job import Ended, Job
from image.container import make_job, started

pytestmark = pytest.mark.docker

HOSTS = ["algo-1", "algo-2"]


@pytest.fixture
def network() -> Iterator[str]:
    """A network without a way out, as isolated training jobs have it."""
    name = f"gluon-ssd-test-{uuid.uuid4().hex[:12]}"
    subprocess.run(["docker", "network", "create", "--internal", name], check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "network", "rm", name], check=True, capture_output=True)


def lay_out(folder: Path, **hyperparameters: str) -> list[Job]:
    jobs = []
    for host in HOSTS:
        jobs.append(make_job(folder / host, host_timeout="60", **hyperparameters))
        config = {"current_host": host, "hosts": HOSTS, "network_interface_name": "eth0"}
        (jobs[-1].base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    return jobs


def run_together(jobs: list[Job], network: str) -> list[Ended]:
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(job, "--network", network, "--hostname", host, "--network-alias", host))[1]
            for job, host in zip(jobs, HOSTS, strict=True)
        ]
        return [job.finish(process) for job, process in zip(jobs, processes, strict=True)]


def test_two_containers_train_together_by_a_parameter_server(tmp_path: Path, network: str) -> None:
    jobs = lay_out(tmp_path, kv_store="dist_sync", epochs="2")
    ended = run_together(jobs, network)
    assert [(one.code, one.failure) for one in ended] == [(0, None)] * 2, [one.log for one in ended]
    # 8 images in batches of 2 x 4: one an epoch, on either host; the first judges and writes for both.
    assert [one.log.count("train cross_entropy <loss>=") for one in ended] == [2, 2]
    assert [one.log.count("validation mAP <score>=") for one in ended] == [2, 0]
    assert [(job.base / "output" / "model.tar.gz").exists() for job in jobs] == [True, False]


def test_a_host_with_a_mistake_in_its_data_says_so_and_the_other_ends(tmp_path: Path, network: str) -> None:
    jobs = lay_out(tmp_path, kv_store="dist_sync")
    jobs[1].write_records("train", [b"no record"])
    ended = run_together(jobs, network)
    assert [one.code for one in ended] == [3, 2], [one.log for one in ended]
    assert ended[1].failure
    assert ended[1].failure.startswith("ClientError: ")
