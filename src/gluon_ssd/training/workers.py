"""The devices of this machine that train together."""

import logging

import mxnet as mx

from gluon_ssd.errors import PlatformError

logger = logging.getLogger(__name__)


def devices(*, gpu_expected: bool) -> list[mx.Context]:
    """All GPUs, or the CPU where there is none.

    Raises:
        PlatformError: there should be GPUs but MXNet sees none, so that nobody pays for GPUs and trains on the CPU.
    """
    count = mx.context.num_gpus()
    logger.info("Number of GPUs being used: %d", count)
    if count:
        return [mx.gpu(index) for index in range(count)]
    if gpu_expected:
        raise PlatformError(
            "GPU: expected at least one, as this machine has or its instance type says, got none that MXNet can use; "
            "check the driver, and that the image is the GPU one"
        )
    logger.warning("No GPU: training on the CPU, which is slow for anything but a try")
    return [mx.cpu()]
