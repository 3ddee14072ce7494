"""A file fetched from a web server."""

import sys
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import requests
from tqdm import tqdm

from gluon_ssd.errors import PlatformError

PAUSES = (1.0, 4.0, 16.0)
"""Seconds before each attempt after the first."""

_TIMEOUT = (10, 60)  # seconds for a connection, and of silence
_PIECE = 1 << 18  # bytes
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


def download(url: str, target: Path, *, limit: int, pauses: Sequence[float] = PAUSES) -> None:
    """Fetch a file, with a progress bar on a terminal, through the proxy that HTTPS_PROXY and the like name.

    A server that does not answer, fails, or breaks off is asked again. Where this raises, `target` may hold a part.

    Raises:
        PlatformError: There was no whole answer, or one of more than `limit` bytes.
        OSError: `target` cannot be written.
    """
    for pause in (*pauses, None):
        try:
            _fetch(url, target, limit)
        except requests.RequestException as error:
            if pause is None or not _may_pass(error):
                raise PlatformError(f"{url}: expected a file, got {_reason(error)}") from error
            print(f"{url}: got {_reason(error)}; trying again in {pause:g} s", file=sys.stderr)
            time.sleep(pause)
        else:
            return


def _fetch(url: str, target: Path, limit: int) -> None:
    # Only so is the length that the server tells that of the file.
    headers = {"Accept-Encoding": "identity"}
    with requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers) as answer:
        answer.raise_for_status()
        length = answer.headers.get("content-length", "")
        with (
            target.open("wb") as stream,
            # Quiet where nobody watches.
            tqdm(
                desc=target.name,
                total=int(length) if length.isdecimal() else None,
                unit="B",
                unit_scale=True,
                disable=None,
                leave=False,
            ) as progress,
        ):
            for piece in answer.iter_content(_PIECE):
                stream.write(piece)
                progress.update(len(piece))
                if stream.tell() > limit:
                    raise PlatformError(f"{url}: expected at most {limit:,} bytes, got more")


def _may_pass(error: requests.RequestException) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.response.status_code in _PASSING
    return isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError)


def _reason(error: requests.RequestException) -> str:
    """Return what went wrong in the first place, without the layers that passed it on."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    first: BaseException = error
    while first.__context__ is not None:
        first = first.__context__
    return f"{type(first).__name__}: {first}"
