"""SageMaker's Python SDKs, each in an environment of its own, and what they need of this one."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from image.container import IMAGE

ROOT = Path(__file__).parent.parent.parent
ROLE = "arn:aws:iam::123456789012:role/trains"
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
}
_NO_TELEMETRY = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"


def run_example(
    python: Path, example: str, *arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run an example; `folder` takes what the SDK writes aside."""
    config = folder / "config.yaml"
    config.write_text(_NO_TELEMETRY)
    return subprocess.run(
        [python, ROOT / "examples" / example, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **_ENVIRONMENT}
        | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(config)}
        | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def cleaned_up() -> Iterator[None]:
    """Take away what a local mode leaves behind in the engine: stopped containers, and a network."""
    of_compose = "label=com.docker.compose.project"  # not those of other tests
    containers = ["docker", "ps", "--all", "--quiet", "--filter", f"ancestor={IMAGE}", "--filter", of_compose]
    before = set(subprocess.check_output(containers, text=True).split())
    yield
    for container in set(subprocess.check_output(containers, text=True).split()) - before:
        subprocess.run(["docker", "rm", "--force", container], check=True, capture_output=True)
    subprocess.run(["docker", "network", "rm", "sagemaker-local"], check=False, capture_output=True)
