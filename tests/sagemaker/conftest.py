import io
import logging
from collections.abc import Iterator

import pytest

from gluon_ssd.sagemaker import logs


@pytest.fixture
def restored_loggers() -> Iterator[None]:
    """Undo what `logs.configure` does to the loggers that the whole process shares."""
    loggers = [logging.getLogger(), logging.getLogger(logs.UNPREFIXED_LOGGER)]
    before = [(logger, list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.fixture
def log(restored_loggers: None) -> io.StringIO:  # noqa: ARG001 - used for its effect
    """What a job prints, as a text file sees it."""
    stream = io.StringIO()
    logs.configure(stream)
    return stream
