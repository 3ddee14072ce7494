"""An augmented manifest moved to another folder, from where it still leads to its images."""

import json
from pathlib import Path

from gluon_ssd.data import image_address, json_annotation
from gluon_ssd.data.json_annotation import AnnotationError
from gluon_ssd.data.manifest_line import SOURCE


def move_manifest(source: Path, target: Path) -> None:
    """Write a copy in which each relative path of an image is absolute; all else stays as it is, mistakes too."""
    folder = str(source.parent.absolute())
    with source.open("rb") as lines, target.open("wb") as copy:
        for line in lines:
            copy.write(_moved(line, folder))


def _moved(line: bytes, folder: str) -> bytes:
    try:
        document = json_annotation.load(line)
        if not isinstance(document, dict):
            return line
        location = image_address.locate(document.get(SOURCE), folder)
    except AnnotationError:
        return line  # the job says what is wrong with it
    if location == document[SOURCE]:
        return line
    return json.dumps(document | {SOURCE: location}).encode() + b"\n"
