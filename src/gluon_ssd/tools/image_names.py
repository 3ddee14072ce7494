"""What an image is called in what is written: a path with slashes, within a folder."""

from pathlib import Path


def name_within(folder: Path, written: str) -> str:
    """Return the name of an image that a data set writes as a path, relative to `folder` or absolute.

    One that lies outside of the folder keeps the names of its folders, so that it can lie inside of another.
    """
    path = Path(written)
    if path.is_absolute() and path.is_relative_to(folder.resolve()):
        path = path.relative_to(folder.resolve())
    parts = [part for part in path.parts if part not in (path.anchor, "..")]
    return "/".join(parts)
