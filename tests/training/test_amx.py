import os
import subprocess
import sys

import pytest

from gluon_ssd.sagemaker import cpus
from gluon_ssd.training import amx

HAS_AMX = {"amx_tile", "amx_bf16"} <= cpus.flags()
# A convolution that MXNet is imported for before AMX is asked for, as it is in a job.
CONVOLVE = """
import os, mxnet as mx
from mxnet.contrib.amp.amp import bfloat16
from gluon_ssd.training import amx
print(amx.enable(os.environ))
x = mx.nd.amp_cast(mx.nd.ones((1, 64, 8, 8)), dtype=bfloat16)
y = mx.nd.Convolution(x, mx.nd.amp_cast(mx.nd.ones((64, 64, 3, 3)), dtype=bfloat16), kernel=(3, 3), num_filter=64,
                      no_bias=True)
print(mx.nd.amp_cast(y, dtype="float32").max().asscalar())
"""


def test_a_machine_without_amx_is_left_as_it_is() -> None:
    environ: dict[str, str] = {}
    assert amx.enable(environ) is HAS_AMX
    assert environ == ({"DNNL_MAX_CPU_ISA": "AVX512_CORE_AMX"} if HAS_AMX else {})


def test_what_somebody_has_set_stays() -> None:
    environ = {"DNNL_MAX_CPU_ISA": "AVX512_CORE"}
    assert not amx.enable(environ)
    assert environ == {"DNNL_MAX_CPU_ISA": "AVX512_CORE"}
    environ = {"DNNL_MAX_CPU_ISA": "AVX512_CORE_AMX"}
    assert amx.enable(environ) is HAS_AMX
    assert environ == {"DNNL_MAX_CPU_ISA": "AVX512_CORE_AMX"}


@pytest.mark.skipif(not HAS_AMX, reason="this CPU has no AMX")
def test_convolutions_use_it_and_come_out_right() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CONVOLVE],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path), "DNNL_VERBOSE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    lines = ended.stdout.splitlines()
    assert [line for line in lines if not line.startswith("dnnl_verbose")] == ["True", "576.0"]
    assert [line.split(",")[4] for line in lines if ",convolution," in line] == ["brgconv:avx512_core_amx_bf16"]
