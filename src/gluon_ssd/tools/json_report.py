"""What a command found out, as a JSON file for programs."""

import json
from collections.abc import Mapping
from pathlib import Path

from gluon_ssd.errors import UserError
from gluon_ssd.tools.written_aside import expect_new

_OPTION = "--json"


def expect_report(path: Path | None, *, option: str = _OPTION) -> None:
    """Refuse the file of a report, if one is asked for, that is there already or cannot be; before long work is done.

    Args:
        path: the file.
        option: what begins the message.

    Raises:
        UserError: it is, or its folder is not there.
    """
    if path is None:
        return
    expect_new(path, option=option)
    if not path.parent.is_dir():
        raise UserError(f"{option} {path}: expected a file in a folder that is there, got {path.parent}, which is not")


def write_report(content: Mapping[str, object], path: Path, *, option: str = _OPTION) -> None:
    """Write a new file; raise UserError, which `option` begins, where that cannot be."""
    expect_report(path, option=option)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(as_text(content))
    except OSError as error:
        raise UserError(f"{option} {path}: expected a file that can be written, got {error}") from error


def as_text(content: Mapping[str, object]) -> str:
    """Return what the file holds."""
    return json.dumps(content, indent=2) + "\n"
