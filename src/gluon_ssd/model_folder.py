"""Where a model lies: in a folder, in an archive, or in a folder with an archive."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gluon_ssd import tar_archive
from gluon_ssd.errors import UserError
from gluon_ssd.temporary_folder import temporary_folder

ARCHIVE = "model.tar.gz"
_FILES = ("*-symbol.json", "*.params", "*.onnx")
_MOST_SHOWN = 5


@contextmanager
def model_folder(path: Path, *, what: str = "model") -> Iterator[Path]:
    """Give a folder with the files of the model at `path`, which is never written to.

    That is a folder with them, or with one folder that has them; a `.tar.gz`, `.tgz` or `.tar` of such a folder, which
    is unpacked into a temporary folder that is gone afterwards; or a folder with such an archive. Where a folder has
    several, `model.tar.gz` goes before loose files, and these before another archive. A UserError that ends the block
    is told with the archive in the place of the temporary folder.

    Raises:
        UserError: There is no such model, or its archive is not safe to unpack; `what` begins the message.
        PlatformError: There is no room to unpack it.
    """
    archive = find_archive(path, what=what)
    if archive is None:
        yield _holder(path, f"{what}, {path}")
        return
    with temporary_folder() as temporary:
        tar_archive.unpack(archive, temporary, what=what)
        try:
            yield _holder(temporary, f"{what}, {archive}")
        except UserError as error:
            # Nobody knows the temporary folder, and it is gone when the message is read.
            raise UserError(str(error).replace(str(temporary), str(archive))) from error


def find_archive(path: Path, *, what: str = "model") -> Path | None:
    """Return the archive that `model_folder` unpacks; None where the files lie loose.

    Raises:
        UserError: Nothing is at `path`, or more archives than one.
    """
    if path.is_file():
        if any(path.match(pattern) for pattern in _FILES):
            raise UserError(f"{what}: expected a folder or a {ARCHIVE}, got {path}, a file of a model; name its folder")
        return path
    if not path.is_dir():
        raise UserError(f"{what}: expected a folder or a {ARCHIVE}, got {path}, where nothing is")
    archives = [file for file in _visible(path) if file.is_file() and file.name.endswith(tar_archive.SUFFIXES)]
    named = [file for file in archives if file.name == ARCHIVE]
    if named or not archives or _holders(path):
        return named[0] if named else None
    if len(archives) > 1:
        raise UserError(f"{what}, {path}: expected one archive, or one named {ARCHIVE}, got {_shown(archives)}")
    return archives[0]


def _holder(folder: Path, place: str) -> Path:
    """Return the folder that has a model's files: this one or one in it."""
    holders = _holders(folder)
    if not holders:
        found = _shown(_visible(folder))
        raise UserError(f"{place}: expected a model, such as model_algo_1-symbol.json and .params, got {found}")
    if len(holders) > 1:
        raise UserError(f"{place}: expected one model, got one in each of {_shown(holders)}")
    return holders[0]


def _holders(folder: Path) -> Sequence[Path]:
    if _has_model(folder):
        return [folder]
    return [inner for inner in _visible(folder) if inner.is_dir() and _has_model(inner)]


def _has_model(folder: Path) -> bool:
    return any(file.match(pattern) for file in _visible(folder) for pattern in _FILES)


def _visible(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _shown(paths: Sequence[Path]) -> str:
    more = ["..."] if len(paths) > _MOST_SHOWN else []
    return ", ".join([*(path.name for path in paths[:_MOST_SHOWN]), *more]) or "nothing"
