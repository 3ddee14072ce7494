"""From a job's channels to the batches it trains and validates on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.data.batches import BatchForm, TrainingBatches, ValidationBatches
from gluon_ssd.data.class_names import read_class_names
from gluon_ssd.data.dataset import Dataset
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.channels import Channels
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.paths import Paths

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """What a job reads: batches of both splits, and the names of the classes where a channel holds them."""

    training: TrainingBatches
    validation: ValidationBatches
    class_names: tuple[str, ...] | None


@contextmanager
def open_data(job: Hyperparameters, channels: Channels, paths: Paths, *, num_workers: int) -> Iterator[Data]:
    """Open and check both channels, each read by `num_workers` processes, which end with the block."""
    train, validation = paths.channel(channels.train.name), paths.channel(channels.validation.name)
    with (
        _open_training(train, job, num_workers) as training,
        _open_validation(validation, job, num_workers) as validating,
    ):
        yield Data(training, validating, _class_names(train, validation, job.num_classes))


def _open_training(folder: Path, job: Hyperparameters, num_workers: int) -> TrainingBatches:
    logger.warning("Training images are resized to image shape (3, %d, %d)", job.image_shape, job.image_shape)
    dataset = _open_channel(folder, job, num_workers)
    _check_count(job.num_training_samples, len(dataset))
    return TrainingBatches(
        dataset, _form(folder, job), augmentation=job.augmentation, seed=job.seed, num_workers=num_workers
    )


def _open_validation(folder: Path, job: Hyperparameters, num_workers: int) -> ValidationBatches:
    logger.warning("Validation images are resized to image shape (3, %d, %d)", job.image_shape, job.image_shape)
    return ValidationBatches(_open_channel(folder, job, num_workers), _form(folder, job), num_workers=num_workers)


def _open_channel(folder: Path, job: Hyperparameters, num_workers: int) -> Dataset:
    logger.info("ImageDetRecordIOParser: %s, use %d worker processes for decoding..", folder, num_workers)
    dataset = RecordIODataset.open(
        folder, channel=folder.name, num_classes=job.num_classes, label_width=job.label_width
    )
    logger.info("ImageDetRecordIOParser: %s, label padding width: %d", folder, job.label_width)
    return dataset


def _form(folder: Path, job: Hyperparameters) -> BatchForm:
    return BatchForm(folder.name, job.mini_batch_size, job.image_shape)


def _check_count(told: int, found: int) -> None:
    if told != found:
        logger.warning(
            "num_training_samples: expected %d, the number of images in the train channel, got %d; "
            "changes of the learning rate come at another time than meant",
            found,
            told,
        )


def _class_names(train: Path, validation: Path, num_classes: int) -> tuple[str, ...] | None:
    """Return the names that the channels agree on, or the one has that has any.

    Raises:
        UserError: They differ, so that an id would mean one class in training and another in validation.
    """
    names, others = read_class_names(train), read_class_names(validation)
    if names and others and names != others:
        raise UserError(
            f"class names: expected the same in both channels, got {', '.join(names)} in the train channel "
            f"and {', '.join(others)} in the validation channel; prepare both with the same --classes"
        )
    names = names or others
    if names is None or len(names) == num_classes:
        return names
    logger.warning("class names: expected %d, as num_classes says, got %d; going without", num_classes, len(names))
    return None
