"""The files of a channel: listed by their relative paths, and found by their names without suffix."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gluon_ssd.errors import UserError

_NAMES_SHOWN = 5


def list_files(folder: Path, channel: str) -> list[str]:
    """Return the relative paths of the files under a folder, sorted; names that begin with a dot are hidden.

    Strings, since a hundred thousand `Path` objects would take a hundred times the space of an array.

    Raises:
        UserError: the folder, or one in it, cannot be read.
    """
    found = []
    try:
        for place, folders, names in os.walk(folder, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = "" if place == str(folder) else os.path.relpath(place, folder) + "/"
            found += [below + name for name in names if not name.startswith(".")]
    except OSError as error:
        raise UserError(f"{channel} channel: expected a folder that can be read, got {error}") from error
    return sorted(found)


def with_suffix(files: Iterable[str], suffixes: Sequence[str]) -> list[str]:
    """Return the files whose names end in one of the (lower case) suffixes, in whatever case."""
    return [file for file in files if file.lower().endswith(tuple(suffixes))]


def by_stem(files: Iterable[str], channel: str) -> Mapping[str, str]:
    """Return the files by their relative paths without suffix: `x/y.jpg` by `x/y`.

    Raises:
        UserError: two files differ by nothing but the suffix.
    """
    found: dict[str, str] = {}
    for file in files:
        stem = os.path.splitext(file)[0]  # noqa: PTH122 - a string, for speed
        if stem in found:
            raise UserError(
                f"{channel} channel: expected names that differ by more than the suffix, since images and annotations "
                f"belong together by name, got {found[stem]} and {file}; rename one"
            )
        found[stem] = file
    return found


def shown(files: Sequence[str]) -> str:
    """Return the first few names of a list of files, for messages; `nothing` of an empty one."""
    more = ", ..." if len(files) > _NAMES_SHOWN else ""
    return ", ".join(files[:_NAMES_SHOWN]) + more if files else "nothing"


def _raise(error: OSError) -> None:
    raise error
