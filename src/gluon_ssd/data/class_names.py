"""Class names: those of a text file `<name>.classes` in a channel, one name a line, and those that annotations tell."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from gluon_ssd import file_kinds
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)


def parse_class_names(text: str) -> tuple[str, ...]:
    """Return the names in order of their ids; blank lines and blanks around a name do not count."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def write_class_names(path: Path, names: Iterable[str]) -> None:
    """Write names in order of their ids, as `parse_class_names` reads them."""
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def read_class_names(folder: ChannelFolder) -> tuple[str, ...] | None:
    """Return the class names of a channel, or None where it holds none, or files that disagree.

    Names are a comfort of reports and pictures, so a file that cannot be used is a warning, not a failure.
    """
    try:
        files = file_kinds.with_suffix(folder.files(), file_kinds.CLASS_NAMES)
        contents = {parse_class_names(folder.read(file).decode("utf-8-sig")) for file in files}
    except (UserError, UnicodeDecodeError) as error:
        logger.warning("class names in %s: not used: expected readable text, got %s", folder.folder, error)
        return None
    if len(contents) > 1:
        names = ", ".join(files)
        where = folder.folder
        logger.warning("class names in %s: not used: expected equal files, got different names in %s", where, names)
        return None
    return next(iter(contents), ()) or None


def agreed(several: Iterable[Mapping[int, str] | None]) -> Mapping[int, str] | None:
    """Return the names by class id that several annotations tell; None where one contradicts another, or itself."""
    names: dict[int, str] = {}
    for some in several:
        if some is None or any(names.setdefault(class_id, name) != name for class_id, name in some.items()):
            return None
    return names


def in_order(names: Mapping[int, str] | None, num_classes: int) -> tuple[str, ...] | None:
    """Return the names in order of their ids, where there is one for each class and no other."""
    if names is None or names.keys() != set(range(num_classes)) or len(set(names.values())) < num_classes:
        return None
    return tuple(names[class_id] for class_id in range(num_classes))
