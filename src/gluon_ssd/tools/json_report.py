"""What a command found out, as a JSON file for programs."""

import json
from collections.abc import Mapping
from pathlib import Path

from gluon_ssd.errors import UserError
from gluon_ssd.tools.written_aside import expect_new

_OPTION = "--json"


def expect_report(path: Path | None) -> None:
    """Refuse the file of a report, if one is asked for, that is there already or cannot be; before long work is done.

    Raises:
        UserError: it is, or its folder is not there.
    """
    if path is None:
        return
    expect_new(path, option=_OPTION)
    if not path.parent.is_dir():
        raise UserError(f"{_OPTION} {path}: expected a file in a folder that is there, got {path.parent}, which is not")


def write_report(content: Mapping[str, object], path: Path) -> None:
    """Write a new file; raise UserError where that cannot be."""
    expect_report(path)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise UserError(f"{_OPTION} {path}: expected a file that can be written, got {error}") from error
