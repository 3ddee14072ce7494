"""A tar archive from somebody else, unpacked so that it can harm nothing.

Regular files alone are written, each below the folder, and no more of them than a model has. Python's own
`filter="data"` lets links through and knows no sizes.
"""

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from gluon_ssd.errors import PlatformError, UserError

SUFFIXES = (".tar.gz", ".tgz", ".tar")
MOST_MEMBERS = 64
MOST_BYTES = 4 * 2**30
"""Of the unpacked files; a model has some 100 MB."""

_GZIP = b"\x1f\x8b"
_MOST_BESIDES = 2**20  # of headers, padding and what follows the end: GNU tar pads an archive to 10 KiB
_CHUNK = 2**20
_LONGEST_PATH = 255  # what file systems take for a single name
_BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError)


def unpack(path: Path, folder: Path, *, what: str, most_bytes: int = MOST_BYTES) -> None:
    """Write the files of a `.tar.gz` or `.tar` into an empty folder, below the folders that they have in it.

    Args:
        path: the archive.
        folder: where the files go.
        what: the archive's part in what its reader does, for messages.
        most_bytes: how large the files may be together.

    Raises:
        UserError: It is no such archive, breaks off, or holds anything but a few files and folders below its own.
        PlatformError: It cannot be read, or there is no room for its files.
    """
    place = f"{what}, {path}"
    try:
        with _opened(path, place) as stream:
            _unpack(stream, folder, place, most_bytes)
    except _BROKEN as error:
        raise UserError(f"{place}: expected a whole tar archive, gzipped or not, got one with {error}") from error
    except OSError as error:
        raise PlatformError(f"{place}: expected to unpack it into {folder}, got {error}") from error


class _Metered:
    """A stream that gives no more bytes than it was allowed to, so that a small file cannot become a large one.

    `tarfile` believes headers: one that claims to be of 4 GB would be read into memory.

    Attributes:
        allowance: How many bytes may still be read.
        latest: What was read last; of `tarfile` the header, good or not, at which it stopped.
    """

    def __init__(self, stream: gzip.GzipFile | BinaryIO, place: str) -> None:
        self.allowance = _MOST_BESIDES
        self.latest = b""
        self._stream = stream
        self._place = place

    def read(self, size: int) -> bytes:
        """Read as a file does, up to `size` bytes."""
        self._spend(size)
        self.latest = self._stream.read(size)
        return self.latest

    def tell(self) -> int:
        """Return how many bytes are read or passed over."""
        return self._stream.tell()

    def seek(self, position: int) -> int:
        """Pass over the bytes up to a position."""
        self._spend(position - self.tell())
        return self._stream.seek(position)

    def _spend(self, size: int) -> None:
        if size < 0:
            raise ValueError("a header that points backward")
        if size > self.allowance:
            raise UserError(
                f"{self._place}: expected at most {_MOST_BESIDES} bytes besides its files, got an archive with more"
            )
        self.allowance -= size


@contextmanager
def _opened(path: Path, place: str) -> Iterator[_Metered]:
    with path.open("rb") as file:
        start = file.read(len(_GZIP))
        if not start:
            raise UserError(f"{place}: expected a tar archive, gzipped or not, got an empty file")
        file.seek(0)
        if start != _GZIP:
            yield _Metered(file, place)
            return
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield _Metered(unzipped, place)


def _unpack(stream: _Metered, folder: Path, place: str, most_bytes: int) -> None:
    total = 0
    # It calls no more than the methods that there are.
    with tarfile.open(fileobj=cast("BinaryIO", stream), mode="r:") as tar:
        for count, member in enumerate(tar, start=1):
            parts = _safe_parts(member, place)
            total += member.size
            if count > MOST_MEMBERS:
                raise UserError(f"{place}: expected at most {MOST_MEMBERS} files, got more")
            if total > most_bytes:
                raise UserError(f"{place}: expected files of at most {most_bytes} bytes in all, got more")
            if member.isreg():
                _check_room(folder, member.size, place)
                stream.allowance += member.size
                _write(tar, member, folder.joinpath(*parts), place)
    if stream.latest.strip(b"\0"):  # which tarfile takes for the end
        raise tarfile.ReadError("a broken header")
    while stream.read(1):  # to the end, where gzip's checksum is
        pass


def _safe_parts(member: tarfile.TarInfo, place: str) -> tuple[str, ...]:
    """Return the member's path below the folder, in its parts."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\0" in member.name:
        raise UserError(f"{place}: expected paths below its own folder, got {member.name!r}")
    if len(member.name.encode(errors="surrogateescape")) > _LONGEST_PATH:
        raise UserError(f"{place}: expected paths of at most {_LONGEST_PATH} bytes, got {member.name[:99]!r}...")
    if member.isreg() and not path.parts:
        raise UserError(f"{place}: expected names of files, got {member.name!r} for one")
    # A sparse file is larger than what the archive has of it, for which there is no limit then.
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise UserError(f"{place}: expected files and folders alone, got {member.name!r}, which is {_kind(member)}")
    if member.size < 0 or (member.isdir() and member.size):
        raise UserError(f"{place}: expected a size that can be, got {member.size} of {member.name!r}")
    return path.parts


def _kind(member: tarfile.TarInfo) -> str:
    if member.islnk() or member.issym():
        return f"a link to {member.linkname!r}"
    return "a sparse file" if member.issparse() else "a device or a pipe"


def _check_room(folder: Path, size: int, place: str) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise PlatformError(f"{place}: expected {size} bytes of free disk space in {folder}, got {free}")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, place: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"{place}: expected files below folders, got {member.name!r} below another file") from error
    if target.is_dir():
        raise UserError(f"{place}: expected files beside folders, got {member.name!r} as both")
    if target.exists():
        raise UserError(f"{place}: expected each path once, got {member.name!r} twice")
    # It breaks off with an error of tarfile's where the archive has less than the member's size.
    with cast("BinaryIO", tar.extractfile(member)) as source, target.open("xb") as written:
        shutil.copyfileobj(source, written, _CHUNK)
