"""Output that appears whole when it is done, or not at all."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gluon_ssd.data.class_names import parse_class_names
from gluon_ssd.errors import UserError


@contextmanager
def written_aside(output: Path, *, option: str = "--output") -> Iterator[Path]:
    """Yield a new folder beside `output`, to write in and to move from; it is gone when the block ends.

    Args:
        output: what will be written.
        option: what begins the message where it cannot be.

    Raises:
        UserError: nothing can be written there.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{output.stem}.", dir=output.parent) as aside:
            yield Path(aside)
    except OSError as error:
        raise UserError(f"{option}: expected to write {output}, got: {error}") from error


def expect_new(file: Path, *, option: str = "--output") -> None:
    """Refuse a file, or whatever else has its name, that is there already; `option` begins the message.

    Raises:
        UserError: it is.
    """
    if os.path.lexists(file):
        raise UserError(f"{option}: expected a new file, got {file}, which is there already; remove it or name another")


def expect_classes(file: Path, class_names: Sequence[str]) -> None:
    """Refuse a file of class names that is there already, unless they are these, as where it gave them.

    Raises:
        UserError: it holds others, or cannot be read.
    """
    try:
        same = file.is_file() and parse_class_names(file.read_text("utf-8-sig")) == tuple(class_names)
    except (OSError, UnicodeDecodeError):
        same = False
    if not same:
        expect_new(file)


def expect_free(folder: Path, *, option: str = "--output") -> None:
    """Refuse a folder that holds something, since it would have to go; `option` begins the message.

    Raises:
        UserError: it does, or is no folder.
    """
    try:
        free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    except OSError as error:
        raise UserError(f"{option}: expected to write {folder}, got: {error}") from error
    if not free:
        raise UserError(f"{option}: expected a folder that is new or empty, got {folder}; remove it or name another")
