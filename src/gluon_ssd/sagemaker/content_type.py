"""The content type of a channel, told from the names of its files where it was given none, or holds a manifest."""

import logging
from collections.abc import Collection, Iterable
from pathlib import Path

from gluon_ssd import file_kinds

logger = logging.getLogger(__name__)

RECORDIO = "application/x-recordio"
MANIFEST = "application/jsonlines"
IMAGES = "application/x-image"
SUFFIXES = {RECORDIO: file_kinds.RECORDS, MANIFEST: file_kinds.MANIFESTS, IMAGES: file_kinds.IMAGES}
"""How the names of files end, by content type; in order, since what lies beside RecordIO files is not trained on."""


def of_files(files: Iterable[str], *, annotated: bool = False) -> str | None:
    """Return the content type that files of these names have; None where there is nothing of the kind.

    Where other files have the annotations of images, as `annotated` says, what lies beside these is no manifest.
    """
    return _first(_found(files, {RECORDIO}), annotated=annotated)


def recognize(folder: Path, given: str | None = None, *, annotated: bool = False) -> str | None:
    """Return the content type that a channel's files have, and log it; that `given` where there is nothing of the kind.

    What is given holds, but for manifests: the service has no content type of its own for them. For `annotated` see
    `of_files`.
    """
    # The folder is read no further than it takes: one in FastFile mode is listed by requests to S3.
    settling = {RECORDIO, IMAGES} if given and annotated else {RECORDIO}
    try:
        kind = _first(_found(file_kinds.visible(folder), settling), annotated=annotated)
    except OSError:
        return given  # the reader of the channel says what is wrong with it
    if kind is None or (given and kind != MANIFEST):
        return given
    logger.info(
        "%s channel: %s, read as %s, as its files are named",
        folder.name,
        f"ContentType {given}" if given else "no ContentType",
        kind,
    )
    return kind


def _found(files: Iterable[str], settling: Collection[str]) -> set[str]:
    """Return the content types of files, up to the first that settles the matter."""
    found = set()
    for file in files:
        kinds = [kind for kind, suffixes in SUFFIXES.items() if file_kinds.with_suffix([file], suffixes)]
        found.update(kinds)
        if not found.isdisjoint(settling):
            break
    return found


def _first(kinds: Collection[str], *, annotated: bool) -> str | None:
    left_out = {MANIFEST} if annotated and IMAGES in kinds else set()
    return next((kind for kind in SUFFIXES if kind in kinds and kind not in left_out), None)
