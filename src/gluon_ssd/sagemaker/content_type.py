"""The content type of a channel that was given none, told from the names of its files."""

import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

# In order: what lies beside RecordIO files is not what a job trains on.
_SUFFIXES = {
    "application/x-recordio": {".rec"},
    "application/x-image": {".jpg", ".jpeg", ".png"},
}


def recognize(folder: Path) -> str | None:
    """Return the content type that a channel's files have, and log it; None where there is nothing of the kind."""
    found = {Path(name).suffix.lower() for _, _, files in os.walk(folder) for name in files if not name.startswith(".")}
    for content_type, suffixes in _SUFFIXES.items():
        if found & suffixes:
            logger.info("%s channel: no ContentType, read as %s, as its files are named", folder.name, content_type)
            return content_type
    return None
