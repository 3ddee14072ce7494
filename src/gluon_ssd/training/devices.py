"""The devices of this machine that train together."""

import logging
from collections.abc import Sequence
from pathlib import Path

import mxnet as mx

from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.training import compute_capability

logger = logging.getLogger(__name__)


def of_this_machine(*, gpu_paid_for: bool, device_files: Path = Path("/dev")) -> list[mx.Context]:
    """All GPUs, or the CPU where there is none.

    Raises:
        PlatformError: there should be GPUs but MXNet sees none, so that nobody pays for GPUs and trains on the CPU.
            They should be there where they are paid for, and where a MXNet that can use them finds NVIDIA's device
            files; the CPU build on a laptop that happens to have a GPU is nothing wrong.
        UserError: there is one that MXNet has no code for.
    """
    has_files = any(device_files.glob("nvidia[0-9]*"))
    has_cuda = mx.runtime.Features().is_enabled("CUDA")
    count = _count_gpus()
    logger.info("Number of GPUs being used: %d", count)
    if count:
        for gpu in range(count):
            compute_capability.check(compute_capability.of_gpu(gpu), gpu)
        return [mx.gpu(index) for index in range(count)]
    if gpu_paid_for or (has_cuda and has_files):
        raise PlatformError(
            "GPU: expected at least one, as this machine has or its instance type says, got none that MXNet can use; "
            "check the driver, and that the image is the GPU one"
        )
    if has_files:
        logger.warning("GPU: this machine has one, but MXNet is the CPU build; install the GPU one to use it")
    logger.warning("No GPU: training on the CPU, which is slow for anything but a try")
    return [mx.cpu()]


def of_process(devices: Sequence[mx.Context], number: int) -> mx.Context:
    """Return the device of a machine's process `number`: a GPU each, or the CPU for all of them.

    Raises:
        UserError: there are fewer GPUs.
    """
    if devices[0].device_type == "cpu":
        return devices[0]
    if number >= len(devices):
        raise UserError(
            f"sagemaker_mpi_num_of_processes_per_host: expected at most {len(devices)}, a process for each GPU of this "
            f"machine, got a process number {number + 1}"
        )
    return devices[number]


def _count_gpus() -> int:
    try:
        return int(mx.context.num_gpus())
    except mx.MXNetError as error:  # a driver that does not answer
        reason = str(error).strip().splitlines()[-1]
        raise PlatformError(f"GPU: expected to count them, got {reason}; check the driver") from error
