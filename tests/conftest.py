"""What tests of several folders share."""

from collections.abc import Iterator

import pytest

from s3_server import moto_server


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Return the address of an S3 server, of which all tests share the bucket."""
    with moto_server() as endpoint:
        yield endpoint
