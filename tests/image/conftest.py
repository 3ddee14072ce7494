"""Tests of the image by a Docker engine: `make test-image` brings both, and REQUIRE_DOCKER=1 demands them."""

import os
import subprocess
from pathlib import Path

import pytest

from image.container import IMAGE
from image.sdk import ROOT


@pytest.fixture(scope="session", autouse=True)
def _image() -> None:
    """Skip where there is no engine or no image, or fail where they are required."""
    try:
        asked = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, text=True, check=False)
        missing = asked.stderr.strip()
    except FileNotFoundError:
        missing = "there is no command docker"
    if missing and os.environ.get("REQUIRE_DOCKER") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(f"{missing}; `make test-image` brings what is missing")


@pytest.fixture(scope="session")
def sdk() -> Path:
    """Return the Python that has version 2 of SageMaker's SDK."""
    python = ROOT / ".venv-sdk" / "bin" / "python"
    if not python.exists():
        if os.environ.get("REQUIRE_DOCKER") == "1":
            pytest.fail(f"expected {python}, got none")
        pytest.skip("SageMaker's SDK is not installed; `make test-image` does it")
    return python


@pytest.fixture(scope="session")
def sdk3() -> Path:
    """Return the Python that has version 3 of SageMaker's SDK, which is too large for every run of these tests."""
    python = ROOT / ".venv-sdk3" / "bin" / "python"
    if not python.exists():
        pytest.skip("version 3 of SageMaker's SDK is not installed (940 MB); `make test-sdk3` does it")
    return python
