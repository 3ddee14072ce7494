"""Class names: a text file `<name>.classes` that a channel may hold beside its records, one name a line."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)


def parse_class_names(text: str) -> tuple[str, ...]:
    """Return the names in order of their ids; blank lines and blanks around a name do not count."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def write_class_names(path: Path, names: Iterable[str]) -> None:
    """Write names in order of their ids, as `parse_class_names` reads them."""
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def read_class_names(folder: Path) -> tuple[str, ...] | None:
    """Return the class names of a channel, or None where it holds none, or files that disagree.

    Names are a comfort of reports and pictures, so a file that cannot be used is a warning, not a failure.
    """
    return read_class_files(sorted(folder.rglob("*.classes")), folder)


def read_class_files(files: Sequence[Path], folder: Path) -> tuple[str, ...] | None:
    """Return the class names that files within a folder agree on, as `read_class_names` does."""
    try:
        contents = {parse_class_names(file.read_text("utf-8-sig")) for file in files}
    except (OSError, UnicodeDecodeError) as error:
        logger.warning("class names in %s: not used: expected readable text, got %s", folder, error)
        return None
    if len(contents) > 1:
        names = ", ".join(str(file.relative_to(folder)) for file in files)
        logger.warning("class names in %s: not used: expected equal files, got different names in %s", folder, names)
        return None
    return next(iter(contents), ()) or None
