"""A folder for files that are needed for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gluon_ssd.errors import PlatformError


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder that is gone when the block ends.

    Raises:
        PlatformError: nowhere can one be made.
    """
    try:
        # Errors: one more file may come while the folder is emptied, where a job ends before it has begun.
        folder = TemporaryDirectory(prefix="gluon-ssd-", ignore_cleanup_errors=True)
    except OSError as error:
        raise PlatformError(
            f"temporary files: expected a folder for them that can be written to, such as /tmp, got {error}"
        ) from error
    with folder as name:
        yield Path(name)
