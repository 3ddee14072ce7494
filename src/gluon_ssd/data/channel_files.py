"""The files of a channel: listed by their relative paths, and found by their names without suffix."""

import os
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from gluon_ssd import file_kinds
from gluon_ssd.errors import UserError

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class ChannelFolder:
    """The folder of a channel, or the `part` of it that a split has to itself; `channel` names it in messages.

    `only` are the files that count, where they are not all that the folder holds.
    """

    channel: str
    path: Path
    part: str = ""
    only: tuple[str, ...] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Workers open files that they are told of; a hundred thousand names take long to send.
        return {name: value for name, value in self.__dict__.items() if name != "_listing"}

    @property
    def whole(self) -> "ChannelFolder":
        """The channel's own folder, of which this may be a part."""
        return ChannelFolder(self.channel, self.path, only=self.only) if self.part else self

    @cached_property
    def folder(self) -> Path:
        """Where the files are that relative paths lead to."""
        return self.path / self.part

    def open(self, file: str) -> BinaryIO:
        """Open a file for reading."""
        return open(f"{self._prefix}{file}", "rb")  # noqa: PTH123 - a `Path` takes as long as the reading

    def read(self, file: str) -> bytes:
        """Return the content of a file.

        Raises:
            UserError: it cannot be read.
        """
        try:
            with self.open(file) as stream:
                return stream.read()
        except OSError as error:
            raise UserError(f"{self.where(file)}: expected a file that can be read, got {error}") from error

    @cached_property
    def _prefix(self) -> str:
        return f"{self.folder}/"

    def where(self, file: str) -> str:
        """Say which file: `train channel, x/y.jpg`."""
        return f"{self.channel} channel, {f'{self.part}/' if self.part else ''}{file}"

    def files(self) -> list[str]:
        """Return the relative paths of all files, sorted; what has a name that begins with a dot is hidden.

        Strings, since `Path` objects would take many times the space. The folder is read once.

        Raises:
            UserError: the folder, or one in it, cannot be read.
        """
        return self._listing

    @cached_property
    def _listing(self) -> list[str]:
        try:
            return sorted(file_kinds.visible(self.folder) if self.only is None else self.only)
        except OSError as error:
            raise UserError(f"{self.channel} channel: expected a folder that can be read, got {error}") from error


def by_stem(folder: ChannelFolder, files: Iterable[str], *, without: Collection[str] = ()) -> Mapping[str, str]:
    """Return the files by their relative paths without suffix: `x/y.jpg` by `x/y`.

    Folders whose names are in `without` do not count: `x/Annotations/y.xml` is `x/y` too. Nor does it which of the
    forms of Unicode a name is in: what looks the same is the same.

    Raises:
        UserError: two files differ by nothing but that.
    """
    found: dict[str, str] = {}
    for file in files:
        stem = one_form(os.path.splitext(file)[0])  # noqa: PTH122 - a string, for speed
        if without:
            *folders, name = stem.split("/")
            stem = "/".join([*(part for part in folders if part not in without), name])
        if stem in found:
            raise UserError(
                f"{folder.channel} channel: expected names that differ by more than the suffix, since images and "
                f"annotations belong together by name, got {found[stem]} and {file}; rename one"
            )
        found[stem] = file
    return found


def one_form(name: str) -> str:
    """Return a name in the composed form of Unicode; macOS and some archives write the other one."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def shown(files: Sequence[str]) -> str:
    """Return the first few names of a list of files, for messages; `nothing` of an empty one."""
    more = ", ..." if len(files) > _NAMES_SHOWN else ""
    return ", ".join(files[:_NAMES_SHOWN]) + more if files else "nothing"
