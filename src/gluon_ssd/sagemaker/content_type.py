"""The content type of a channel, told from the names of its files where it was given none, or holds a manifest."""

import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

MANIFEST = "application/jsonlines"

_RECORDIO = "application/x-recordio"
_IMAGES = "application/x-image"
# In order: what lies beside RecordIO files is not what a job trains on.
_SUFFIXES = {
    _RECORDIO: {".rec"},
    MANIFEST: {".manifest", ".jsonl"},
    _IMAGES: {".jpg", ".jpeg", ".png"},
}


def recognize(folder: Path, given: str | None = None, *, annotated: bool = False) -> str | None:
    """Return the content type that a channel's files have, and log it; that `given` where there is nothing of the kind.

    What is given holds, but for manifests: the service has no content type of its own for them. Where another channel
    has the annotations of images, as `annotated` says, what lies beside these is no manifest.
    """
    found = {Path(name).suffix.lower() for _, _, files in os.walk(folder) for name in files if not name.startswith(".")}
    kinds = [content_type for content_type, suffixes in _SUFFIXES.items() if found & suffixes]
    if annotated and _IMAGES in kinds and MANIFEST in kinds:
        kinds.remove(MANIFEST)
    if not kinds or (given and kinds[0] != MANIFEST):
        return given
    logger.info(
        "%s channel: %s, read as %s, as its files are named",
        folder.name,
        f"ContentType {given}" if given else "no ContentType",
        kinds[0],
    )
    return kinds[0]
