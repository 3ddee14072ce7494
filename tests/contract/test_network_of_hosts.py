"""Jobs on several hosts with addresses and names of their own, as SageMaker's containers have them."""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from contract.job import Job, pictures
from contract.machines import Machine, machines

pytestmark = [pytest.mark.slow, pytest.mark.distributed]
SMALL = {"base_network": "resnet-18", "num_workers": "0", "host_timeout": "100"}


def lay_out(folder: Path, hosts: Sequence[Machine], **hyperparameters: str) -> list[Job]:
    jobs = []
    for host in hosts:
        job = Job(folder / host.name)
        job.hyperparameters.update(SMALL | hyperparameters)
        job.write_records("train", pictures(12))
        job.write_records("validation", pictures(2))
        job.write_config()
        (job.base / "input" / "config" / "resourceconfig.json").write_text(
            json.dumps(
                {
                    "current_host": host.name,
                    "hosts": [host.name for host in hosts],
                    "network_interface_name": "eth0",
                }
            )
        )
        jobs.append(job)
    return jobs


def start(job: Job, host: Machine) -> subprocess.Popen[str]:
    return job.start(*host.before, OMP_NUM_THREADS="1")


def test_three_hosts_train_together_although_the_first_comes_half_a_minute_late(tmp_path: Path) -> None:
    with machines(3) as hosts:
        jobs = lay_out(tmp_path, hosts)
        others = [start(job, host) for job, host in zip(jobs[1:], hosts[1:], strict=True)]
        time.sleep(30)
        processes = [start(jobs[0], hosts[0]), *others]
        ended = [job.finish(process) for job, process in zip(jobs, processes, strict=True)]
    assert [one.code for one in ended] == [0, 0, 0], [one.log for one in ended]
    assert (jobs[0].model / "model_algo_1-0000.params").exists()


@pytest.mark.parametrize("store", ["dist_sync", "dist_async"])
def test_a_host_whose_cable_is_cut_ends_the_job_on_both_sides_within_40_seconds(tmp_path: Path, store: str) -> None:
    with machines(2) as hosts:
        jobs = lay_out(tmp_path, hosts, epochs="100000", kv_store=store)
        processes = [start(job, host) for job, host in zip(jobs, hosts, strict=True)]
        log = processes[1].stdout
        assert log
        assert any("epoch=1," in line for line in log)
        hosts[1].unplug()
        cut = time.monotonic()
        ended = [job.finish(process) for job, process in zip(jobs, processes, strict=True)]
        assert time.monotonic() - cut < 40
    assert [one.code for one in ended] == [3, 3], [one.log for one in ended]
    for one in ended:
        assert one.failure
        assert one.failure.startswith("InternalServerError: hosts: expected every one of them to train to the end")
