import logging
import os

import mxnet as mx
import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.training.precision import prepare

CPU, GPU = [mx.cpu()], [mx.gpu(0), mx.gpu(1)]


@pytest.mark.parametrize("devices", [CPU, GPU])
def test_float32_is_trained_in_anywhere_without_a_word(
    devices: list[mx.Context], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        prepare("float32", devices, [])
    assert caplog.messages == []


def test_float16_needs_a_gpu() -> None:
    prepare("float16", GPU, [])
    with pytest.raises(UserError, match=r"^precision: expected float32 or bfloat16 on a CPU, got float16"):
        prepare("float16", CPU, ["avx512_bf16", "avx512_fp16"])


def test_bfloat16_is_for_cpus() -> None:
    with pytest.raises(UserError, match=r"^precision: expected float32 or float16 on a GPU, got bfloat16"):
        prepare("bfloat16", GPU, ["avx512_bf16"])


@pytest.mark.parametrize("flags", [[], ["avx2", "avx512f", "avx512_vnni"]])
def test_a_cpu_without_bfloat16_is_told_what_it_lacks(flags: list[str]) -> None:
    with pytest.raises(UserError, match=r"^precision: expected float32 on this CPU.*/proc/cpuinfo lack avx512_bf16$"):
        prepare("bfloat16", CPU, flags)


def test_bfloat16_without_amx_is_told_that_it_may_be_slower(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        prepare("bfloat16", CPU, ["avx512f", "avx512_bf16"])
    assert caplog.messages[0] == "Training in bfloat16 with AVX512_BF16, without AMX"
    assert caplog.messages[1].startswith("precision: without AMX bfloat16 is faster than float32 on some CPUs")
    assert len(caplog.messages) == 2


def test_an_amx_that_is_switched_off_stays_off(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "AVX512_CORE_BF16")
    with caplog.at_level(logging.INFO):
        prepare("bfloat16", CPU, ["avx512f", "avx512_bf16", "amx_tile", "amx_bf16"])
    assert caplog.messages[0] == "Training in bfloat16 with AVX512_BF16, without AMX"
    assert os.environ["DNNL_MAX_CPU_ISA"] == "AVX512_CORE_BF16"
