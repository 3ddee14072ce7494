"""What tests of the image need and not every machine has."""

import os

import pytest


def expect(what: str, *, found: bool) -> None:
    """Skip a test that needs what was not found, but where all of it is to be there: REQUIRE_DOCKER=1."""
    if found:
        return
    if os.environ.get("REQUIRE_DOCKER") == "1":
        pytest.fail(f"expected {what}, got none")
    pytest.skip(f"needs {what}: run make test-image")
