"""The files of a folder that count as data, and their kinds, which the ends of their names tell."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

RECORDS = (".rec",)
MANIFESTS = (".manifest", ".jsonl")
IMAGES = (".jpg", ".jpeg", ".png")
CLASS_NAMES = (".classes",)


def visible(folder: Path) -> Iterator[str]:
    """Yield the relative paths of the files under a folder while it is read, in no order; raises OSError.

    What has a name that begins with a dot is hidden, and so is what lies in such a folder. Links to folders are not
    followed.
    """
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if not _is_folder(entry):
                    yield f"{below}{entry.name}"
                elif not entry.is_symlink():
                    waiting.append(f"{below}{entry.name}/")


def with_suffix(files: Iterable[str], suffixes: Sequence[str]) -> list[str]:
    """Return the files whose names end in one of the (lower case) suffixes, in whatever case."""
    return [file for file in files if file.lower().endswith(tuple(suffixes))]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere: whoever opens it will say so
        return False
