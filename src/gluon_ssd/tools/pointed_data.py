"""The data that a path on the command line leads to: a folder, or one file with the class list beside it."""

from pathlib import Path

from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.errors import UserError
from gluon_ssd.file_kinds import CLASS_NAMES, with_suffix


def files_at(path: Path, channel: str | None = None) -> ChannelFolder:
    """Return what lies at an existing path, as a channel that is called as told, or else as the folder or the file is.

    Raises:
        UserError: the folder of a file cannot be listed.
    """
    if path.is_dir():
        return ChannelFolder(channel or path.resolve().name, path)
    try:
        lists = with_suffix(sorted(beside.name for beside in path.parent.iterdir()), CLASS_NAMES)
    except OSError as error:
        raise UserError(f"{path}: expected a folder that can be read, got {error}") from error
    own = [name for name in lists if Path(name).stem == path.stem]
    return ChannelFolder(channel or path.stem, path.parent, only=(path.name, *own))
