"""Two processes that Horovod's launchers have started, beside one process that does the same alone."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from distributed_needs import expect
from one_of_several_workers import start as untrained
from training.test_kvstore_workers import ENVIRONMENT, PROGRAM, run_alone

pytestmark = [pytest.mark.slow, pytest.mark.distributed]

FAIL = """
import sys, mxnet as mx
from gluon_ssd.training import horovod_workers
for message in sys.argv[1:]:
    try:
        with horovod_workers.join():
            raise mx.MXNetError(message)
    except Exception as error:
        print(type(error).__name__, error, sep="|")
"""
MPI = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-bind-to", "none", "-np", "2"]
GLOO = [sys.executable, "-m", "horovod.runner.launch", "--gloo", "-np", "2"]
LAUNCHERS = pytest.mark.parametrize("launcher", [MPI, GLOO], ids=["mpi", "gloo"])


def run(launcher: list[str], folder: Path, name: str = "") -> list[dict[str, NDArray[np.float32]]]:
    expect("Horovod", found=find_spec("horovod") is not None)
    expect("mpirun", found=shutil.which("mpirun") is not None)
    command = [*launcher, sys.executable, str(PROGRAM), "horovod", str(folder / f"{name}.npz")]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return [dict(np.load(folder / f"{name}{rank}.npz")) for rank in range(2)]


@LAUNCHERS
def test_processes_hear_each_other_without_loss_and_learn_as_two_devices_of_one_do(
    launcher: list[str], tmp_path: Path
) -> None:
    pair, alone = run(launcher, tmp_path, "pair"), run_alone(2, tmp_path)
    expected = [[[np.pi * number, 1e9 * number], [2 * np.pi * number, (1e9 + 1) * number]] for number in (1, 2, 3)]
    for worker in pair:
        np.testing.assert_array_equal(worker["heard"], expected)
        assert worker["told"].tolist() == [0, 1, 5.5]
    for name, array in alone.items():
        np.testing.assert_array_equal(pair[0][name], pair[1][name], err_msg=name)
        np.testing.assert_allclose(pair[0][name], array, rtol=0, atol=1e-6, err_msg=name)


def test_where_both_halves_of_a_batch_are_alike_two_processes_learn_as_one_does(tmp_path: Path) -> None:
    pair, alone, start = run(MPI, tmp_path, "alike"), run_alone(1, tmp_path, "alike"), untrained()
    for name, array in alone.items():
        moved, apart = np.linalg.norm(array - start[name]), np.linalg.norm(array - pair[0][name])
        assert apart <= 2e-3 * moved, name  # rounding, grown in three steps


def test_processes_start_from_the_parameters_of_the_first(tmp_path: Path) -> None:
    pair = run(MPI, tmp_path, "unlike_starts")
    for name, array in pair[0].items():
        if name not in {"heard", "told"} and "running" not in name and "moving" not in name:
            np.testing.assert_array_equal(array, pair[1][name], err_msg=name)


def test_an_error_of_horovod_is_the_loss_of_a_process_but_not_one_whose_paths_name_it() -> None:
    expect("Horovod", found=find_spec("horovod") is not None)
    gloo = "[/tmp/third_party/gloo/gloo/tcp/pair.cc:589] Read error"
    messages = [
        "MXNetError: Horovod has been shut down. This was caused by an exception",
        "Stack trace:\n  [bt] (0) /lib/mxnet.so\nMXNetError: ncclAllReduce failed: no",
        "MPI_Allgather failed, see MPI output for details.",
        gloo,
        "Check failed: a == b (1 vs. 2) at /opt/horovod/mxnet/mpi_lib.so",
        "cannot read /data/gloo/horovod.rec: nccl",
    ]
    ended = subprocess.run(
        [sys.executable, "-c", FAIL, *messages],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    lost = "PlatformError|hosts: expected every process to train to the end, got {}; see the logs of the others for "
    lost += "the reason"
    assert ended.stdout.splitlines() == [
        lost.format("Horovod has been shut down"),
        lost.format("ncclAllReduce failed: no"),
        lost.format("MPI_Allgather failed, see MPI output for details"),
        lost.format(gloo),
        "MXNetError|Check failed: a == b (1 vs. 2) at /opt/horovod/mxnet/mpi_lib.so",
        "MXNetError|cannot read /data/gloo/horovod.rec: nccl",
    ]
