"""How well a model does on labeled images, scored as a job scores its validation channel."""

import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from gluon_ssd.data.batches import Batch, BatchForm, ValidationBatches
from gluon_ssd.data.counted import counted
from gluon_ssd.data.dataset import Dataset
from gluon_ssd.detector import Detector
from gluon_ssd.errors import UserError
from gluon_ssd.evaluation import Evaluation, evaluate
from gluon_ssd.sagemaker import cpus, metrics
from gluon_ssd.tools.labeled_data import open_labeled

_NAME_WIDTH = 24


@dataclass(frozen=True)
class Scores:
    """What was found out of a model on some images.

    Attributes:
        images: how many could be read.
        objects: how many objects of each class there are, difficult ones left out.
        seconds: what detecting took, with what is left of reading images once worker processes run.
    """

    evaluation: Evaluation
    overlap_threshold: float
    images: int
    objects: Mapping[int, int]
    seconds: float
    class_names: tuple[str, ...] | None

    def class_name(self, class_id: int) -> str:
        """Return what to call a class."""
        return self.class_names[class_id] if self.class_names else f"class {class_id}"


def evaluate_model(
    detector: Detector,
    path: Path,
    annotations: Path | None = None,
    *,
    attribute: str = "",
    overlap_threshold: float = 0.5,
    batch_size: int = 32,
) -> Scores:
    """Score what a detector finds in labeled images, which are those that `open_labeled` takes.

    A job's validation gives equal numbers where the batches have its size.

    Raises:
        UserError: a setting makes no sense, or the images or their labels cannot be used.
    """
    if not 0 < overlap_threshold <= 1:
        raise UserError(f"--overlap-threshold: expected a number above 0 and at most 1, got {overlap_threshold:g}")
    if batch_size < 1:
        raise UserError(f"--batch-size: expected an integer of at least 1, got {batch_size}")
    with open_labeled(path, annotations, detector.description, attribute=attribute) as data:
        form = BatchForm(path.name, batch_size, detector.description.image_shape)
        detections, truth, seconds = _detect(detector, data, form)
    labels, counts = np.unique([row[0] for rows in truth for row in rows if not row[5]], return_counts=True)
    return Scores(
        evaluate(detections, truth, overlap_threshold=overlap_threshold),
        overlap_threshold,
        images=len(truth),
        objects=dict(zip(labels.astype(int).tolist(), counts.tolist(), strict=True)),
        seconds=seconds,
        class_names=detector.class_names,
    )


def as_text(scores: Scores) -> str:
    """Return the scores for people."""
    evaluation = scores.evaluation
    total = sum(scores.objects.values())
    lines = [
        f"{counted(scores.images, 'image')}, {counted(total, 'object')}, {scores.images / scores.seconds:.1f} images/s",
        "",
        f"mAP      {evaluation.mean_average_precision:.5f}  VOC, 11 points, IoU > {scores.overlap_threshold:g}",
        f"AP50     {evaluation.ap50:.5f}  VOC, all points, IoU > 0.5",
        f"COCO AP  {evaluation.coco_ap:.5f}  IoU 0.50 to 0.95",
        "",
        f"{'class':<{_NAME_WIDTH}} objects       AP",
    ]
    for class_id, precision in evaluation.average_precision.items():
        name = scores.class_name(class_id)
        lines.append(f"{name:<{_NAME_WIDTH}} {scores.objects[class_id]:>7}  {precision:.5f}")
    return "\n".join(lines)


def as_json(scores: Scores) -> dict[str, Any]:
    """Return the scores, named as a job's metrics are."""
    evaluation = scores.evaluation
    return {
        metrics.MEAN_AVERAGE_PRECISION.name: evaluation.mean_average_precision,
        metrics.AP50.name: evaluation.ap50,
        metrics.COCO_AP.name: evaluation.coco_ap,
        "overlap_threshold": scores.overlap_threshold,
        "images": scores.images,
        "images_per_second": scores.images / scores.seconds,
        "classes": [
            {
                "class_id": class_id,
                "name": scores.class_name(class_id),
                "objects": scores.objects[class_id],
                "average_precision": precision,
            }
            for class_id, precision in evaluation.average_precision.items()
        ],
    }


def _detect(
    detector: Detector, data: Dataset, form: BatchForm
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]], float]:
    """Return what was found in each image, its truth, and the seconds from the first batch on."""
    detections: list[NDArray[np.float32]] = []
    truth: list[NDArray[np.float32]] = []
    with (
        ValidationBatches(data, form, num_workers=max(1, cpus.available() - 1)) as batches,
        closing(_shown(batches, len(data))) as shown,
    ):
        started = time.perf_counter()
        for batch in shown:
            detections += detector.detect_batch(batch.images)
            truth += [rows[rows[:, 0] >= 0] for rows in batch.objects]
    return detections, truth, time.perf_counter() - started


def _shown(batches: ValidationBatches, images: int) -> Generator[Batch, None, None]:
    """Pass batches on; on a terminal a bar shows how far they are."""
    with tqdm(total=images, desc="evaluating", unit=" images", leave=False, disable=None) as bar:
        for batch in batches:
            yield batch
            bar.update(len(batch.images))
