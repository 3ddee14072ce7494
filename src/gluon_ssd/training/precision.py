"""In which type a job's convolutions are computed, and whether this machine can do so."""

import logging
import os
from collections.abc import Collection, Sequence

import mxnet as mx

from gluon_ssd.errors import UserError
from gluon_ssd.training import amx

logger = logging.getLogger(__name__)

FLOAT32, FLOAT16, BFLOAT16 = "float32", "float16", "bfloat16"

_NEEDED = "avx512_bf16"  # as /proc/cpuinfo calls it
_MATRIX_UNIT = ("amx_bf16", "amx_tile")


def prepare(precision: str, devices: Sequence[mx.Context], cpu_flags: Collection[str]) -> None:
    """Make ready to train in this precision; to be called before MXNet computes anything.

    `cpu_flags` are those of /proc/cpuinfo.

    Raises:
        UserError: These devices cannot compute in it.
    """
    on_gpu = devices[0].device_type == "gpu"
    if precision == FLOAT16 and not on_gpu:
        raise UserError("precision: expected float32 or bfloat16 on a CPU, got float16, for which MXNet needs a GPU")
    if precision == BFLOAT16 and on_gpu:
        raise UserError("precision: expected float32 or float16 on a GPU, got bfloat16, which MXNet has for CPUs alone")
    if precision == BFLOAT16:
        _prepare_cpu(cpu_flags)


def _prepare_cpu(flags: Collection[str]) -> None:
    if _NEEDED not in flags:
        raise UserError(
            "precision: expected float32 on this CPU, got bfloat16, which needs AVX512_BF16 as Intel's Xeon has from "
            f"Sapphire Rapids on, and AMD's EPYC from Genoa on; the flags in /proc/cpuinfo lack {_NEEDED}"
        )
    if set(_MATRIX_UNIT) <= set(flags) and amx.enable(os.environ):
        logger.info("Training in bfloat16 with AMX")
        return
    logger.info("Training in bfloat16 with AVX512_BF16, without AMX")
    logger.warning(
        "precision: without AMX bfloat16 is faster than float32 on some CPUs (AMD) and slower on others (Intel); "
        "compare the throughput of both"
    )
