"""Tests of the image by a Docker engine: `make test-image` brings both, and REQUIRE_DOCKER=1 demands them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from image.container import IMAGE
from image.needs import expect
from image.sdk import ROOT


@pytest.fixture(scope="session", autouse=True)
def _image() -> None:
    """Skip where there is no engine or no image, or fail where they are required."""
    expect("the command docker", found=shutil.which("docker") is not None)
    asked = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, text=True, check=False)
    expect(f"{IMAGE} ({asked.stderr.strip()})", found=asked.returncode == 0)


@pytest.fixture(scope="session")
def sdk() -> Path:
    """Return the Python that has version 2 of SageMaker's SDK."""
    python = ROOT / ".venv-sdk" / "bin" / "python"
    expect(f"SageMaker's SDK in {python}", found=python.exists())
    return python


@pytest.fixture(scope="session")
def sdk3() -> Path:
    """Return the Python that has version 3 of SageMaker's SDK, which is too large for every run of these tests."""
    python = ROOT / ".venv-sdk3" / "bin" / "python"
    if not python.exists():
        pytest.skip("version 3 of SageMaker's SDK is not installed (940 MB); `make test-sdk3` does it")
    return python
