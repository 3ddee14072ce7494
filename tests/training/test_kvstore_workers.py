"""Several processes on this machine, as on several machines, beside one process that does the same alone."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from one_of_several_workers import LARGE
from one_of_several_workers import start as untrained

PROGRAM = Path(__file__).parent.parent / "one_of_several_workers.py"
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def start(count: int, kind: str, folder: Path, name: str = "") -> list[subprocess.Popen[str]]:
    port = free_port()
    return [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(rank), str(count), kind, str(port), str(folder / f"{name}{rank}.npz")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"},
        )
        for rank in range(count)
    ]


ENVIRONMENT = {**os.environ, "PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"}  # equal threads, equal rounding


def run_alone(devices: int, folder: Path, name: str = "") -> dict[str, NDArray[np.float32]]:
    output = folder / f"{name}alone.npz"
    subprocess.run([sys.executable, str(PROGRAM), "alone", str(devices), str(output)], env=ENVIRONMENT, check=True)
    return dict(np.load(output))


def run(count: int, kind: str, folder: Path, name: str = "") -> list[dict[str, NDArray[np.float32]]]:
    for process in start(count, kind, folder, name):
        log, _ = process.communicate(timeout=120)
        assert process.returncode == 0, log
    return [dict(np.load(folder / f"{name}{rank}.npz")) for rank in range(count)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, NDArray[np.float32]]]:
    return run(2, "dist_sync", tmp_path_factory.mktemp("pair"))


def test_workers_hear_each_other_without_loss(pair: list[dict[str, NDArray[np.float32]]]) -> None:
    expected = [[[np.pi * number, 1e9 * number], [2 * np.pi * number, (1e9 + 1) * number]] for number in (1, 2, 3)]
    for worker in pair:
        np.testing.assert_allclose(worker["heard"], expected, rtol=1e-14)
        assert worker["told"].tolist() == [0, 1, 5.5]
        assert_hears_tables(worker)


def assert_hears_tables(worker: dict[str, NDArray[np.float32]]) -> None:
    """The first says tables of 0 and 1 rows, the second of 4,000 and 4,001, each filled with its length."""
    assert worker["lengths"].tolist() == [0, 1, 4000, 4001]
    expected = np.repeat([1, 4000, 4001], [1, 4000, 4001])
    np.testing.assert_array_equal(worker["rows"], np.stack([expected, expected], axis=1))


def test_two_workers_learn_as_two_devices_of_one_do(pair: list[dict[str, NDArray[np.float32]]], tmp_path: Path) -> None:
    alone = run_alone(2, tmp_path)
    for name, array in alone.items():
        np.testing.assert_array_equal(pair[0][name], pair[1][name], err_msg=name)
        np.testing.assert_allclose(pair[0][name], array, rtol=0, atol=1e-6, err_msg=name)


def test_devices_that_get_no_image_count_on_no_worker(tmp_path: Path) -> None:
    # Each worker has three devices and two images: the mean is over the four devices that have one.
    workers, alone = run(2, "dist_sync", tmp_path, "idle"), run_alone(4, tmp_path)
    for name, array in alone.items():
        np.testing.assert_array_equal(workers[0][name], workers[1][name], err_msg=name)
        np.testing.assert_allclose(workers[0][name], array, rtol=0, atol=1e-6, err_msg=name)


def test_where_both_halves_of_a_batch_are_alike_two_workers_learn_as_one_does(tmp_path: Path) -> None:
    # Else they cannot: each device divides its loss by its own anchors, and BatchNorm sees its own images alone.
    workers, alone, start = run(2, "dist_sync", tmp_path, "alike"), run_alone(1, tmp_path, "alike"), untrained()
    for name, array in alone.items():
        moved, apart = np.linalg.norm(array - start[name]), np.linalg.norm(array - workers[0][name])
        assert apart <= 2e-3 * moved, name  # rounding, grown in three steps


def test_the_first_gradients_leave_the_weights_that_all_start_from(tmp_path: Path) -> None:
    # The store has one place for a parameter's weights and then for its gradients.
    for worker in run(2, "dist_sync", tmp_path, "large"):
        np.testing.assert_array_equal(worker["large"], np.full(LARGE, 1 - 0.5 * (1 + 2) / 2, np.float32))


def test_workers_that_do_not_wait_hear_each_other_and_learn(tmp_path: Path) -> None:
    workers = run(2, "dist_async", tmp_path)
    assert workers[0]["told"].tolist() == workers[1]["told"].tolist() == [0, 1, 5.5]
    assert workers[0]["heard"][2, 1].tolist() == pytest.approx([6 * np.pi, 3 * (1e9 + 1)], rel=1e-14)
    assert_hears_tables(workers[0])
    assert_hears_tables(workers[1])
    alone = run_alone(1, tmp_path)
    assert np.isfinite(workers[0]["conv0_weight"]).all()
    assert np.abs(workers[0]["conv0_weight"] - alone["conv0_weight"]).max() < 0.1


def test_an_optimizer_on_the_server_divides_gradients_as_it_does_here(tmp_path: Path) -> None:
    (worker,) = run(1, "dist_async", tmp_path, "adadelta")
    for name, array in run_alone(1, tmp_path, "adadelta").items():
        np.testing.assert_allclose(worker[name], array, rtol=0, atol=1e-6, err_msg=name)
