from pathlib import Path

import mxnet as mx
import pytest

from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.training import devices

without_gpu = pytest.mark.skipif(mx.context.num_gpus() > 0, reason="this machine has a GPU")


@without_gpu
def test_without_a_gpu_the_cpu_trains_and_says_so(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    assert devices.of_this_machine(gpu_paid_for=False, device_files=tmp_path) == [mx.cpu()]
    assert "No GPU: training on the CPU, which is slow for anything but a try" in caplog.messages


@without_gpu
def test_a_gpu_that_should_be_there_is_not_silently_done_without() -> None:
    with pytest.raises(PlatformError, match="GPU: expected at least one"):
        devices.of_this_machine(gpu_paid_for=True)


@pytest.mark.skipif(mx.runtime.Features().is_enabled("CUDA"), reason="this MXNet uses GPUs")
def test_the_cpu_build_on_a_machine_with_a_gpu_trains_and_says_why_not_there(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "nvidia0").touch()
    assert devices.of_this_machine(gpu_paid_for=False, device_files=tmp_path) == [mx.cpu()]
    assert "GPU: this machine has one, but MXNet is the CPU build; install the GPU one to use it" in caplog.messages


def test_each_process_of_a_machine_has_a_gpu_or_all_have_the_cpu() -> None:
    gpus = [mx.gpu(0), mx.gpu(1)]
    assert [devices.of_process(gpus, number) for number in range(2)] == gpus
    assert devices.of_process([mx.cpu()], 3) == mx.cpu()


def test_more_processes_than_gpus_are_refused() -> None:
    with pytest.raises(UserError) as caught:
        devices.of_process([mx.gpu(0)], 1)
    assert str(caught.value) == (
        "sagemaker_mpi_num_of_processes_per_host: expected at most 1, a process for each GPU of this machine, got a "
        "process number 2"
    )
