"""Output that appears whole when it is done, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gluon_ssd.errors import UserError


@contextmanager
def written_aside(output: Path) -> Iterator[Path]:
    """Yield a new folder beside `output`, to write in and to move from; it is gone when the block ends.

    Raises:
        UserError: nothing can be written there.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{output.stem}.", dir=output.parent) as aside:
            yield Path(aside)
    except OSError as error:
        raise UserError(f"output: expected to write {output}, got: {error}") from error


def expect_free(folder: Path) -> None:
    """Refuse a folder that holds something, since it would have to go.

    Raises:
        UserError: it does, or is no folder.
    """
    try:
        free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    except OSError as error:
        raise UserError(f"output: expected to write {folder}, got: {error}") from error
    if not free:
        raise UserError(f"output: expected a folder that is new or empty, got {folder}; remove it or name another")
