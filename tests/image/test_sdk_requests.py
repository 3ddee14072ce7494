"""What the example asks of SageMaker by its SDK, version 2: told by a stand-in for the service."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from gluon_ssd.sagemaker.metrics import METRICS
from image.sdk import ROLE, run_example
from s3_server import BUCKET, REGION, environment

pytestmark = pytest.mark.docker

IMAGE_URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/gluon-ssd:gpu"
MODEL = f"s3://{BUCKET}/models/job/output/model.tar.gz"
REPLY = {"prediction": [[0.0, 0.9, 0.1, 0.2, 0.3, 0.4]]}


def run(sdk: Path, folder: Path, endpoint: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    ended = run_example(sdk, "sagemaker_jobs.py", *arguments, folder=folder, environment=environment(endpoint))
    assert ended.returncode == 0, ended.stderr
    return ended


def service(endpoint: str) -> Any:  # noqa: ANN401 - botocore makes its classes as it runs
    return boto3.client(
        "sagemaker",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - no secret
    )


JOB = ("--image-uri", IMAGE_URI, "--role", ROLE, "--output", f"s3://{BUCKET}/models", "--validation", "s3://data/v")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("train", *JOB, "--train", "/data"), "argument --train: expected s3://... or file:///..., got '/data'"),
        (
            ("train", *JOB, "--train", "s3://data/t", "--hyperparameter", "epochs"),
            "argument --hyperparameter: expected NAME=VALUE, got 'epochs'",
        ),
        (
            ("tune", *JOB, "--train", "s3://data/t", "--instance-type", "local"),
            "tune: expected an instance type of SageMaker, whose local mode has no tuning jobs, got local",
        ),
        (("predict", "--endpoint", "e", "nowhere.jpg"), "argument image: can't open 'nowhere.jpg'"),
    ],
)
def test_the_example_says_what_is_wrong_with_its_words(
    arguments: tuple[str, ...], expected: str, sdk: Path, tmp_path: Path
) -> None:
    ended = run_example(sdk, "sagemaker_jobs.py", *arguments, folder=tmp_path)
    assert ended.returncode != 0
    assert expected in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_example_asks_for_a_tuning_job_by_the_built_ins_objective(sdk: Path, tmp_path: Path, s3: str) -> None:
    run(
        sdk,
        tmp_path,
        s3,
        *("tune", "--image-uri", IMAGE_URI, "--role", ROLE, "--jobs", "4", "--output", f"s3://{BUCKET}/models"),
        *("--train", f"s3://{BUCKET}/train", "--validation", f"s3://{BUCKET}/validation"),
        *("--hyperparameter", "num_classes=2", "num_training_samples=8"),
    )
    (summary,) = service(s3).list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    job = service(s3).describe_hyper_parameter_tuning_job(
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


def test_the_example_makes_an_endpoint_of_a_jobs_model(sdk: Path, tmp_path: Path, s3: str) -> None:
    where = ("--instance-type", "ml.c5.xlarge", "--endpoint", "birds")
    ended = run(sdk, tmp_path, s3, "deploy", "--image-uri", IMAGE_URI, "--role", ROLE, "--model", MODEL, *where)
    assert ended.stdout.splitlines()[-1] == "endpoint: birds"
    endpoint = service(s3).describe_endpoint(EndpointName="birds")
    config = service(s3).describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    (variant,) = config["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.c5.xlarge", 1)
    model = service(s3).describe_model(ModelName=variant["ModelName"])
    assert model["ExecutionRoleArn"] == ROLE
    assert (model["PrimaryContainer"]["Image"], model["PrimaryContainer"]["ModelDataUrl"]) == (IMAGE_URI, MODEL)


class Endpoint(BaseHTTPRequestHandler):
    """Replies as an endpoint; its server keeps what it was sent."""

    requests: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.requests.append((self.path, self.headers["content-type"], body))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(REPLY).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has
        """Say nothing."""


@contextmanager
def serving() -> Iterator[tuple[str, list[tuple[str, str | None, bytes]]]]:
    """Serve, and yield the address and the requests: path, content type, body."""
    Endpoint.requests = []
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", Endpoint.requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_example_sends_an_image_and_prints_the_reply(sdk: Path, tmp_path: Path) -> None:
    image = tmp_path / "photo.jpg"
    image.write_bytes(b"\xff\xd8 a photo")
    with serving() as (address, requests):
        ended = run(sdk, tmp_path, address, "predict", "--endpoint", "birds", image)
    assert json.loads(ended.stdout.splitlines()[-1]) == REPLY
    assert requests == [("/endpoints/birds/invocations", "image/jpeg", b"\xff\xd8 a photo")]
