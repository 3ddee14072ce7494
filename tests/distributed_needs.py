"""What tests of several machines need and not every machine has."""

import os

import pytest


def expect(what: str, *, found: bool) -> None:
    """Skip a test that needs what was not found, but where all of it is to be there: `make test-distributed`."""
    if found:
        return
    if os.environ.get("REQUIRE_DISTRIBUTED"):
        pytest.fail(f"expected {what}, found none")
    pytest.skip(f"needs {what}: run make test-distributed as root")
