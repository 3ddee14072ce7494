"""The metrics of a job and the log lines that SageMaker and people find them in."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar

from tqdm import tqdm

from gluon_ssd.sagemaker.logs import UNPREFIXED_LOGGER

logger = logging.getLogger(__name__)
unprefixed_logger = logging.getLogger(UNPREFIXED_LOGGER)

T = TypeVar("T")

_ALGORITHM = "AWS/Object Detection"
_BATCHES_A_LINE = 100


@dataclass(frozen=True)
class Metric:
    """A metric: its name, the log line that carries it, the regex that finds it, which way is better.

    The regexes are those that SageMaker publishes, but for those of the losses, whose parentheses are left out: to take
    them for a part of the number is forgiven to the built-in alone (contract, section 4.4).
    """

    name: str
    line: str
    regex: str
    direction: Literal["Maximize", "Minimize"]


PROGRESS = Metric(
    "train:progress",
    "#progress_metric: host=%s, completed %s %% of epochs",
    r"#progress_metric: host=\S+, completed (\S+) %",
    "Maximize",
)
SMOOTH_L1 = Metric(
    "train:smooth_l1",
    "#quality_metric: host=%s, epoch=%d, batch=%d train smooth_l1 <loss>=(%s)",
    r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train smooth_l1 <loss>=\((\S+)\)",
    "Minimize",
)
CROSS_ENTROPY = Metric(
    "train:cross_entropy",
    "#quality_metric: host=%s, epoch=%d, batch=%d train cross_entropy <loss>=(%s)",
    r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train cross_entropy <loss>=\((\S+)\)",
    "Minimize",
)
THROUGHPUT = Metric(
    "train:throughput",
    "#throughput_metric: host=%s, train throughput=%s records/second",
    r"#throughput_metric: host=\S+, train throughput=(\S+) records/second",
    "Maximize",
)
MEAN_AVERAGE_PRECISION = Metric(
    "validation:mAP",
    "#quality_metric: host=%s, epoch=%d, validation mAP <score>=(%s)",
    r"#quality_metric: host=\S+, epoch=\S+, validation mAP <score>=\((\S+)\)",
    "Maximize",
)
AP50 = Metric(
    "validation:AP50",
    "#quality_metric: host=%s, epoch=%d, validation AP50 <score>=(%s)",
    r"#quality_metric: host=\S+, epoch=\S+, validation AP50 <score>=\((\S+)\)",
    "Maximize",
)
COCO_AP = Metric(
    "validation:COCO_AP",
    "#quality_metric: host=%s, epoch=%d, validation COCO-AP <score>=(%s)",
    r"#quality_metric: host=\S+, epoch=\S+, validation COCO-AP <score>=\((\S+)\)",
    "Maximize",
)

METRICS = (PROGRESS, SMOOTH_L1, CROSS_ENTROPY, THROUGHPUT, MEAN_AVERAGE_PRECISION, AP50, COCO_AP)


class Reporter:
    """Prints what a job tells while it trains, in the built-in's words and order.

    Args:
        host: name of this host.
        epochs: epochs that the job asks for.
        mini_batch_size: images in a batch; a progress bar counts images.
        expected_batches: numbers of batches that an epoch may have, the one to name first; none: any number will do.
        started: when the job began, as `time.time()` tells it.
    """

    def __init__(
        self, host: str, *, epochs: int, mini_batch_size: int, expected_batches: tuple[int, ...], started: float
    ) -> None:
        self._host = host
        self._epochs = epochs
        self._mini_batch_size = mini_batch_size
        self._expected_batches = expected_batches
        self._started = started
        self._data_opened = started
        self._epoch_started = started

    def data_opened(self) -> None:
        """Tell that the training data can be read; what came before is the setup time."""
        self._data_opened = time.time()
        self._print_metrics(self._data_opened, _reader_counters(resets=0), Meta="init_train_data_iter")

    def batches(self, epoch: int, batches: Iterable[T], examples: Callable[[T], int]) -> Iterator[T]:
        """Pass the batches of an epoch on and print the rate at every hundredth; `examples` counts one batch's images.

        On a terminal a bar shows how far the epoch is.
        """
        self._epoch_started, clock = time.time(), time.perf_counter()
        seen = 0
        bar = self._bar(f"epoch {epoch}", batches, total=max(self._expected_batches, default=None))
        for number, batch in enumerate(bar, start=1):
            yield batch
            seen += examples(batch)
            if number % _BATCHES_A_LINE == 0:
                logger.info(progress_line(epoch, number, seen, elapsed=time.perf_counter() - clock))

    def validation_batches(self, epoch: int, batches: Iterable[T], *, total: int | None) -> Iterable[T]:
        """Pass the validation batches of an epoch on; on a terminal a bar shows how far they are."""
        return self._bar(f"epoch {epoch}, validation", batches, total=total)

    def trained(self, epoch: int, *, batches: int, cross_entropy: float, smooth_l1: float, throughput: float) -> None:
        """Print the losses of an epoch and its images per second; warn of an unexpected number of batches."""
        if self._expected_batches and batches not in self._expected_batches:
            logger.warning(
                "Expected number of batches: %d, did not match the number of batches processed: %d. This may happen "
                "when some images or annotations are invalid and cannot be parsed. Please check the dataset and ensure "
                "it follows the format in the documentation.",
                self._expected_batches[0],
                batches,
            )
        logger.info(CROSS_ENTROPY.line, self._host, epoch, batches, float(cross_entropy))
        logger.info(SMOOTH_L1.line, self._host, epoch, batches, float(smooth_l1))
        logger.info(THROUGHPUT.line, self._host, float(throughput))
        logger.info("Round of batches complete")
        logger.info("Updated the metrics")

    def validated(
        self,
        epoch: int,
        *,
        mean_average_precision: float,
        ap50: float,
        coco_ap: float,
        per_class: Mapping[str, float],
    ) -> None:
        """Print the scores of an epoch on the validation data, then a line for each class."""
        logger.info(MEAN_AVERAGE_PRECISION.line, self._host, epoch, float(mean_average_precision))
        logger.info(AP50.line, self._host, epoch, float(ap50))
        logger.info(COCO_AP.line, self._host, epoch, float(coco_ap))
        for name, precision in per_class.items():
            logger.info("validation AP of class %s: %.5f", name, precision)

    def improved(self, score: float, path: Path) -> None:
        """Print that the epoch is the best so far, and where its parameters are."""
        logger.info("Updating the best model with validation-mAP=%s", float(score))
        self._print_saved(path)

    def epoch_finished(self, epoch: int) -> None:
        """Print the share of epochs that are done."""
        logger.info(PROGRESS.line, self._host, 100 * (epoch + 1) / self._epochs)
        counters = _reader_counters(resets=epoch + 1)
        self._print_metrics(self._epoch_started, counters, epoch=epoch, Meta="training_data_iter")

    def finished(self, epochs: int, path: Path, *, hosts: int = 1) -> None:
        """Print what ends a job that completed `epochs` epochs on so many hosts: where the model is, and its times."""
        if hosts == 1:
            logger.warning("wait_for_all_workers will not sync workers since the kv store is not running distributed")
        self._print_saved(path)
        logger.info("Test data is not provided.")
        times = {
            "epochs": epochs,
            "setuptime": 1000 * (self._data_opened - self._started),
            "totaltime": 1000 * (time.time() - self._started),
        }
        self._print_metrics(self._started, times)

    def _bar(self, description: str, batches: Iterable[T], *, total: int | None) -> Iterable[T]:
        # disable=None: tqdm shows nothing unless standard error is a terminal.
        return tqdm(
            batches,
            desc=description,
            total=total,
            unit=" images",
            unit_scale=self._mini_batch_size,
            leave=False,
            disable=None,
        )

    def _print_saved(self, path: Path) -> None:
        logger.info('Saved checkpoint to "%s"', path)

    def _print_metrics(self, start: float, metrics: Mapping[str, float], **dimensions: object) -> None:
        report = {
            "StartTime": start,
            "EndTime": time.time(),
            "Dimensions": {"Algorithm": _ALGORITHM, "Host": self._host, "Operation": "training", **dimensions},
            "Metrics": {
                name: {"sum": float(value), "count": 1, "min": value, "max": value} for name, value in metrics.items()
            },
        }
        unprefixed_logger.info("#metrics %s\n", json.dumps(report))


def progress_line(epoch: int, batches: int, examples: int, *, elapsed: float) -> str:
    """Return the line that tells how fast an epoch runs, `elapsed` seconds after it began."""
    # The blanks are literal, not columns: epoch 29 is printed as "Epoch:    29".
    return (
        f"Epoch:    {epoch}, batches:    {batches}, num_examples:   {examples}, "
        f"{examples / elapsed:.1f} samples/sec, epoch time so far:  {timedelta(seconds=elapsed)}"
    )


def _reader_counters(resets: int) -> dict[str, int]:
    # The built-in counts the resets of its reader and leaves the other counters at zero.
    return {
        "Total Records Seen": 0,
        "Total Batches Seen": 0,
        "Max Records Seen Between Resets": 0,
        "Max Batches Seen Between Resets": 0,
        "Reset Count": resets,
        "Number of Records Since Last Reset": 0,
        "Number of Batches Since Last Reset": 0,
    }
