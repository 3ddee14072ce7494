"""The local mode of SageMaker's SDK: the example, as a notebook would run it."""

import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from contract.job import SMALLEST
from gluon_ssd.sagemaker.metrics import METRICS
from image.container import IMAGE, SMALL, make_job
from s3_server import BUCKET, REGION, environment

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "sagemaker_jobs.py"
PYTHON = ROOT / ".venv-sdk" / "bin" / "python"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
}
NO_TELEMETRY = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"


@pytest.fixture
def sdk() -> Iterator[Path]:
    """Return the Python that has the SDK; take away what it leaves behind in the engine."""
    if not PYTHON.exists():
        assert os.environ.get("REQUIRE_DOCKER") != "1"
        pytest.skip("SageMaker's SDK is not installed; `make test-image` does it")
    of_compose = "label=com.docker.compose.project"  # not those of other tests
    containers = ["docker", "ps", "--all", "--quiet", "--filter", f"ancestor={IMAGE}", "--filter", of_compose]
    before = set(subprocess.check_output(containers, text=True).split())
    yield PYTHON
    for container in set(subprocess.check_output(containers, text=True).split()) - before:
        subprocess.run(["docker", "rm", "--force", container], check=True, capture_output=True)
    subprocess.run(["docker", "network", "rm", "sagemaker-local"], check=False, capture_output=True)


def train(sdk: Path, folder: Path, hosts: int, **hyperparameters: str) -> subprocess.CompletedProcess[str]:
    """Run the example on a folder's RecordIO files."""
    data = make_job(folder).base / "input" / "data"
    (folder / "config.yaml").write_text(NO_TELEMETRY)
    settings = SMALLEST | SMALL | hyperparameters
    return subprocess.run(
        [
            *(sdk, EXAMPLE, "train", "--image-uri", IMAGE, "--role", "arn:aws:iam::123456789012:role/trains"),
            *("--train", f"file://{data}/train", "--validation", f"file://{data}/validation"),
            *("--output", f"file://{folder}/models", "--instance-type", "local", "--instance-count", str(hosts)),
            *("--hyperparameter", *(f"{name}={value}" for name, value in settings.items())),
        ],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), **ENVIRONMENT}
        | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "config.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.docker
@pytest.mark.parametrize("hosts", [1, 2])
def test_local_mode_trains_and_takes_the_artifact(sdk: Path, tmp_path: Path, hosts: int) -> None:
    (tmp_path / "models").mkdir()
    ended = train(sdk, tmp_path, hosts)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (ended.stdout + ended.stderr).count("train cross_entropy <loss>=") == hosts
    with tarfile.open(next((tmp_path / "models").rglob("model.tar.gz"))) as archive:
        assert "model_algo_1-0000.params" in [Path(name).name for name in archive.getnames()]


@pytest.mark.docker
def test_local_mode_tells_of_a_failure(sdk: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    ended = train(sdk, tmp_path, 1, num_classes="none")
    assert ended.returncode != 0
    assert "Customer Error: hyperparameters: num_classes: expected" in ended.stdout + ended.stderr


@pytest.mark.docker
def test_the_example_asks_for_a_tuning_job_by_the_built_ins_objective(sdk: Path, tmp_path: Path, s3: str) -> None:
    (tmp_path / "config.yaml").write_text(NO_TELEMETRY)
    ended = subprocess.run(
        [
            *(sdk, EXAMPLE, "tune", "--image-uri", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/gluon-ssd:gpu"),
            *("--role", "arn:aws:iam::123456789012:role/trains", "--jobs", "4"),
            *("--train", f"s3://{BUCKET}/train", "--validation", f"s3://{BUCKET}/validation"),
            *("--output", f"s3://{BUCKET}/models", "--hyperparameter", "num_classes=2", "num_training_samples=8"),
        ],
        env={"PATH": os.environ["PATH"], **environment(s3)}
        | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(tmp_path / "config.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    service = boto3.client(
        "sagemaker",
        endpoint_url=s3,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - no secret
    )
    (summary,) = service.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    job = service.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=summary["HyperParameterTuningJobName"]
    )
    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    assert objective == {"Type": "Maximize", "MetricName": "validation:mAP"}
    definition = job["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"] == {"num_classes": "2", "num_training_samples": "8"}
    assert [metric["Name"] for metric in definition["AlgorithmSpecification"]["MetricDefinitions"]] == [
        metric.name for metric in METRICS
    ]
    assert {channel["ChannelName"]: channel["ContentType"] for channel in definition["InputDataConfig"]} == {
        "train": "application/x-recordio",
        "validation": "application/x-recordio",
    }
