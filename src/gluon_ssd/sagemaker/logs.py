"""The form of the built-in's log: a time in UTC, a level and a thread before each message."""

import logging
import sys
import time
from typing import TextIO

from tqdm import tqdm

from gluon_ssd.sagemaker import standard_streams

UNPREFIXED_LOGGER = "unprefixed"
"""The logger of the lines that stand as they are."""

_PREFIXED = "[%(asctime)s %(levelname)s %(thread)d] %(message)s"
_BARE = "%(message)s"


class _Handler(logging.StreamHandler[TextIO]):
    """Writes above a progress bar instead of through it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if not self.stream.isatty():
            super().emit(record)
            return
        with tqdm.external_write_mode(file=self.stream):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging gives it
        """End the program where nobody reads its log any more, as others end; raises SystemExit."""
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)
            return
        standard_streams.discard_output()
        raise SystemExit(standard_streams.READER_GONE)


def configure(stream: TextIO | None = None) -> None:
    """Send everything from INFO up to `stream`, standard output by default; a later call replaces an earlier one.

    The root logger takes the handler because MXNet's learning rate scheduler logs there.
    """
    stream = stream or sys.stdout
    # A file name that is not UTF-8 may be part of a message.
    standard_streams.accept_any_text(stream, sys.stderr)
    root, unprefixed = logging.getLogger(), logging.getLogger(UNPREFIXED_LOGGER)
    for logger in (root, unprefixed):
        logger.setLevel(logging.INFO)
    unprefixed.propagate = False
    _attach(root, stream, _PREFIXED)
    _attach(unprefixed, stream, _BARE)


def quieten() -> None:
    """Let through nothing but warnings and errors, as for a process that others like it speak for."""
    for logger in (logging.getLogger(), logging.getLogger(UNPREFIXED_LOGGER)):
        logger.setLevel(logging.WARNING)


def _attach(logger: logging.Logger, stream: TextIO, form: str) -> None:
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Handler)]:
        logger.removeHandler(handler)
    formatter = logging.Formatter(form, datefmt="%m/%d/%Y %H:%M:%S")
    formatter.converter = time.gmtime
    handler = _Handler(stream)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
