"""What the built-in algorithm's log says before training begins, as far as it still makes sense."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from gluon_ssd.sagemaker import hyperparameters
from gluon_ssd.sagemaker.hyperparameters import DEFAULTS, Hyperparameters
from gluon_ssd.sagemaker.logs import UNPREFIXED_LOGGER

logger = logging.getLogger(__name__)
unprefixed_logger = logging.getLogger(UNPREFIXED_LOGGER)

CONTENT_TYPES = ("application/x-image", "application/x-recordio", "image/jpeg", "image/png")


def called(arguments: Sequence[str]) -> None:
    """Tell what the container was asked to do."""
    unprefixed_logger.info("Docker entrypoint called with argument(s): %s", " ".join(arguments))
    _, *more = arguments
    if more:
        logger.warning("train: expected no words after it, got %s: hyperparameters.json is what counts", " ".join(more))


def provided(path: Path, configuration: Mapping[str, object]) -> None:
    """Tell the defaults, and the configuration that is laid over them."""
    logger.info("Reading default configuration from %s: %s", hyperparameters.__file__, DEFAULTS)
    logger.info("Merging with provided configuration from %s: %s", path, dict(configuration))


def configured(job: Hyperparameters) -> None:
    """Tell the configuration that holds, and that this process trains by itself."""
    logger.info("Final configuration: %s", job.as_strings())
    unprefixed_logger.info("Process 1 is a worker.")
    logger.info("Using default worker.")
    for content_type in CONTENT_TYPES:
        logger.info("Loaded iterator creator %s for content type ('%s', '1.0')", content_type, content_type)
    logger.info("Checkpoint loading and saving are disabled.")


def training_context(devices: Sequence[str], store: str) -> None:
    """Tell on which devices training starts, and through what they share gradients."""
    logger.info("Using [%s] as training context.", ", ".join(devices))
    logger.info("Create Store: %s", store)
    logger.info("Using (%s) as training context.", ", ".join(devices))


def state_created() -> None:
    """Tell that the network has its weights."""
    logger.info("Creating a new state instance.")
