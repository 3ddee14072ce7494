"""`gluon-ssd algorithm`, run as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

from contract.job import clean_environment
from gluon_ssd.sagemaker.algorithm import specification

IMAGE_URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/gluon-ssd:gpu"


def algorithm(*options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gluon_ssd", "algorithm", *map(str, options)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_prints_the_specification() -> None:
    ended = algorithm("--image-uri", IMAGE_URI)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == specification(IMAGE_URI)


def test_it_writes_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "algorithm.json"
    options = ("--image-uri", IMAGE_URI, "--name", "mine", "--instance-types", "ml.c5.xlarge", "--output", file)
    ended = algorithm(*options)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    written = file.read_text()
    assert json.loads(written) == specification(IMAGE_URI, name="mine", instance_types=["ml.c5.xlarge"])
    again = algorithm(*options)
    assert again.returncode == 2
    assert again.stderr.startswith(f"gluon-ssd: --output: expected a new file, got {file}, which is there already")
    assert file.read_text() == written


def test_a_mistake_is_told_in_a_line() -> None:
    ended = algorithm("--image-uri", IMAGE_URI, "--instance-types", "ml.p5.48xlarge")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("gluon-ssd: instance types: expected GPUs that MXNet 1.9.1 has machine code for")
    assert ended.stderr.count("\n") == 1
