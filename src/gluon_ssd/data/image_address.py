"""Where a manifest says that an image is: the path of a file, or the address of an object in S3."""

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from gluon_ssd.data.json_annotation import AnnotationError, show

_S3 = "s3://"
_FILE = "file://"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_EXPECTED = "source-ref: expected the path of an image or an address s3://bucket/key"


class S3Object(NamedTuple):
    """An object in S3; its key is taken as it is written."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{_S3}{self.bucket}/{self.key}"

    def cached_in(self, folder: Path) -> Path:
        """Return the file that the object has in a folder once it is fetched."""
        # Without folders in it, which a late answer would make anew while it is removed.
        return folder / sha256(str(self).encode()).hexdigest()


def locate(written: object, folder: str) -> str:
    """Return the absolute path that a source-ref stands for, or its `s3://` address as it is.

    Relative paths start from `folder`. Raises AnnotationError.
    """
    if not isinstance(written, str) or not written:
        raise AnnotationError(f"{_EXPECTED}, got {show(written)}")
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise AnnotationError(f"{_EXPECTED}, got {show(written)}, which is no text") from error
    if written.startswith(_S3):
        return _s3_address(written)
    path = _file_path(written) if _SCHEME.match(written) else written
    if "\0" in path:
        raise AnnotationError(f"{_EXPECTED}, got {show(written)}")
    return os.path.normpath(os.path.join(folder, path))  # noqa: PTH118 - strings, which take less time and space


def s3_object(location: str) -> S3Object | None:
    """Return the object that `locate` has returned the address of; None for the path of a file."""
    if not location.startswith(_S3):
        return None
    bucket, _, key = location.removeprefix(_S3).partition("/")
    return S3Object(bucket, key)


def _s3_address(written: str) -> str:
    bucket, _, key = written.removeprefix(_S3).partition("/")
    if not bucket or not key or key.endswith("/"):
        raise AnnotationError(f"{_EXPECTED}, got {show(written)}")
    return written


def _file_path(written: str) -> str:
    try:
        parts = urlsplit(written.replace("?", "%3F").replace("#", "%23"))
    except ValueError as error:
        raise AnnotationError(f"{_EXPECTED}, got {show(written)}: {error}") from error
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise AnnotationError(f"{_EXPECTED}, got {show(written)}, which cannot be read here; download it first")
    return unquote(parts.path)
