"""Float16 itself needs a GPU; what its scaled gradients do to the parameters does not."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.training.loss_scaling import DynamicallyScaled, Unscaled
from gluon_ssd.training.workers import ALONE

PROGRAM = Path(__file__).parent.parent / "one_of_two_scaled_workers.py"
FIRST_SCALE = 65_536
DEVICES = [mx.cpu(0), mx.cpu(1)]


def parameter(name: str = "weight") -> mx.gluon.Parameter:
    made = mx.gluon.Parameter(name, shape=(2,))
    made.initialize(init="zeros", ctx=DEVICES)
    return made


def set_gradients(made: mx.gluon.Parameter, *of_devices: list[float]) -> None:
    for device, gradient in zip(DEVICES, of_devices, strict=True):
        made.grad(device)[:] = mx.nd.array(gradient)
        made.data(device)._fresh_grad = True  # noqa: SLF001 - as autograd does


def values(made: mx.gluon.Parameter) -> list[list[float]]:
    return [made.data(device).asnumpy().tolist() for device in DEVICES]


def trainer(*parameters: mx.gluon.Parameter) -> mx.gluon.Trainer:
    return ALONE.trainer({made.name: made for made in parameters}, mx.optimizer.SGD(learning_rate=1.0))


def test_unscaled_is_a_plain_step_along_the_mean() -> None:
    made = parameter()
    update = Unscaled(trainer(made))
    set_gradients(made, [1, 2], [3, 6])
    update.step(2)
    assert update.scale == 1
    assert values(made) == [[-2, -4], [-2, -4]]


def test_a_scaled_step_goes_where_an_unscaled_one_would() -> None:
    made = parameter()
    update = DynamicallyScaled(trainer(made), [made])
    assert update.scale == FIRST_SCALE
    set_gradients(made, [FIRST_SCALE, 2 * FIRST_SCALE], [3 * FIRST_SCALE, 6 * FIRST_SCALE])
    update.step(2)
    assert values(made) == [[-2, -4], [-2, -4]]
    assert update.scale == FIRST_SCALE


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
def test_an_overflow_on_one_device_skips_the_step_of_all_parameters_on_all_devices(wrong: float) -> None:
    first, second = parameter("first"), parameter("second")
    update = DynamicallyScaled(trainer(first, second), [first, second])
    set_gradients(first, [1, 1], [1, 1])
    set_gradients(second, [1, 1], [1, wrong])
    update.step(2)
    assert values(first) == values(second) == [[0, 0], [0, 0]]


def test_after_overflows_the_scale_falls_until_steps_are_taken_again() -> None:
    made = parameter()
    update = DynamicallyScaled(trainer(made), [made])
    scales = []
    for _ in range(8):
        scales.append(update.scale)
        # As float16 does beyond 65,504: the gradient of the loss itself is 10 on each device.
        gradient = 10 * update.scale if 10 * update.scale < 65_504 else np.inf
        set_gradients(made, [gradient, 0], [gradient, 0])
        update.step(2)
    taken = [scale for scale in scales if 10 * scale < 65_504]
    assert scales == sorted(scales, reverse=True)
    assert len(taken) >= 3
    # Whatever the scale, each step taken has the same length.
    assert values(made) == [[-10.0 * len(taken), 0]] * 2


def test_after_two_thousand_good_steps_the_scale_doubles() -> None:
    made = parameter()
    update = DynamicallyScaled(trainer(made), [made])
    for _ in range(2001):
        set_gradients(made, [0, 0], [0, 0])
        update.step(2)
    assert update.scale == 2 * FIRST_SCALE


def run(folder: Path) -> list[dict[str, NDArray[np.float32]]]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(rank), str(port), str(folder / f"{rank}.npz")],
            env={**os.environ, "PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    for process in processes:
        log, _ = process.communicate(timeout=120)
        assert process.returncode == 0, log
    return [dict(np.load(folder / f"{rank}.npz")) for rank in (0, 1)]


@pytest.mark.slow
def test_an_overflow_at_one_worker_skips_the_step_of_all(tmp_path: Path) -> None:
    first, second = run(tmp_path)
    # Two steps of -1, and one between them that the second worker's gradient spoils.
    assert first["weight"].tolist() == second["weight"].tolist() == [-2, -2]
    assert first["scales"].tolist() == second["scales"].tolist()
    assert first["scales"][0] == FIRST_SCALE > first["scales"][-1]
