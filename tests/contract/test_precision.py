"""Whole jobs whose convolutions are trained in bfloat16, beside the same in float32."""

from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from bfloat16_here import needs_bfloat16
from contract.job import SMALLEST, Ended, Job, pictures

MODEL = {"ContentType": "application/x-sagemaker-model", "TrainingInputMode": "File"}
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # equal threads, equal rounding
pytestmark = pytest.mark.slow


def run(base: Path, model: Path | None = None, **hyperparameters: str) -> tuple[Job, Ended]:
    job = Job(base)
    job.hyperparameters = SMALLEST | {"base_network": "resnet-18"} | hyperparameters
    for channel in ("train", "validation"):
        job.write_records(channel, pictures(8))
    if model is not None:
        job.channels = {**job.channels, "model": MODEL}
        (base / "input" / "data" / "model").symlink_to(model)
    job.write_config()
    # oneDNN writes down what it computes, and in which type.
    return job, job.run(**ONE_THREAD, DNNL_VERBOSE="1", TRAINING_JOB_NAME="packing-takes-seconds")


def parameters(job: Job) -> dict[str, mx.nd.NDArray]:
    arrays: dict[str, mx.nd.NDArray] = mx.nd.load(str(job.model / "model_algo_1-0000.params"))
    return arrays


def convolutions(log: str) -> set[tuple[str, bool]]:
    """Which convolutions oneDNN has computed, to train or for validation, and whether in bfloat16."""
    fields = [line.split(",") for line in log.splitlines() if ",convolution," in line]
    return {(kind, "src_bf16" in memory) for _, _, _, _, _, kind, memory, *_ in fields}


@pytest.fixture(scope="module")
def float32(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Ended]:
    return run(tmp_path_factory.mktemp("float32"))


@pytest.fixture(scope="module")
def bfloat16(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Ended]:
    return run(tmp_path_factory.mktemp("bfloat16"), precision="bfloat16", export_onnx="1")


def test_a_job_that_does_not_ask_for_it_computes_nothing_in_bfloat16(float32: tuple[Job, Ended]) -> None:
    assert float32[1].code == 0, float32[1].log
    assert {lowered for _, lowered in convolutions(float32[1].log)} == {False}
    assert "bf16" not in float32[1].log.replace("bfloat16 support", "").replace("avx512_core_bf16", "")


@needs_bfloat16
def test_bfloat16_is_what_it_trains_in_and_float32_what_it_validates_in(bfloat16: tuple[Job, Ended]) -> None:
    assert bfloat16[1].code == 0, bfloat16[1].log
    computed = convolutions(bfloat16[1].log)
    assert computed >= {("forward_training", True), ("backward_data", True), ("backward_weights", True)}
    assert ("forward_inference", False) in computed
    assert ("forward_inference", True) not in computed
    assert "Training in bfloat16 with A" in bfloat16[1].log


@needs_bfloat16
def test_the_artifact_is_float32_and_its_graphs_those_of_float32_byte_for_byte(
    float32: tuple[Job, Ended], bfloat16: tuple[Job, Ended]
) -> None:
    for name in ("model_algo_1-symbol.json", "deploy_model_algo_1-symbol.json"):
        assert (bfloat16[0].model / name).read_bytes() == (float32[0].model / name).read_bytes()
    found, expected = parameters(bfloat16[0]), parameters(float32[0])
    assert {name: array.shape for name, array in found.items()} == {
        name: array.shape for name, array in expected.items()
    }
    assert {array.dtype for array in found.values()} == {np.float32}
    same = [name for name in found if (found[name] == expected[name]).min().asscalar()]
    assert len(same) < len(found) / 10  # such as gammas that are fixed
    assert (bfloat16[0].model / "model.onnx").stat().st_size > 1e6


@needs_bfloat16
def test_a_model_trained_in_bfloat16_is_trained_further_with_layers_frozen(
    bfloat16: tuple[Job, Ended], tmp_path: Path
) -> None:
    first = bfloat16[0]
    job, ended = run(tmp_path, first.model, precision="bfloat16", freeze_layer_pattern="(conv0|stage1_).*")
    assert ended.code == 0, ended.log
    assert "freeze_layer_pattern: froze" in ended.log
    before, after = parameters(first), parameters(job)
    frozen = [name for name in before if name.startswith(("arg:conv0", "arg:stage1_"))]
    assert len(frozen) > 5
    for name in frozen:
        np.testing.assert_array_equal(before[name].asnumpy(), after[name].asnumpy())
    moved = "arg:stage4_unit1_conv1_weight"
    assert (before[moved].asnumpy() != after[moved].asnumpy()).mean() > 0.5


@pytest.mark.skipif(mx.context.num_gpus() > 0, reason="this machine has a GPU")
def test_float16_on_a_cpu_is_a_mistake_of_the_job(tmp_path: Path) -> None:
    job, ended = run(tmp_path, precision="float16")
    assert ended.code == 2
    assert ended.failure is not None
    assert ended.failure.startswith(
        "ClientError: precision: expected float32 or bfloat16 on a CPU, got float16, for which MXNet needs a GPU"
    )
    assert not job.model.exists() or not list(job.model.iterdir())
