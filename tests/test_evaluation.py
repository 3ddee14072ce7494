"""Average precision against hand computation, GluonCV's metrics and pycocotools."""

import contextlib
import io
from itertools import count

import numpy as np
import pytest
from gluoncv.utils.metrics.voc_detection import VOC07MApMetric, VOCMApMetric
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from gluon_ssd.evaluation import Evaluation, evaluate

Floats = NDArray[np.float64]
LEFT, RIGHT = (0.1, 0.1, 0.4, 0.5), (0.6, 0.1, 0.9, 0.5)
NOWHERE = (0.0, 0.8, 0.05, 0.9)


def rows(*values: tuple[float, ...]) -> Floats:
    return np.array(values, np.float64).reshape(-1, 6)


def scores(result: Evaluation) -> tuple[float, float, float]:
    return result.mean_average_precision, result.ap50, result.coco_ap


def score(detections: list[Floats], truth: list[Floats], threshold: float = 0.5) -> Evaluation:
    return evaluate(detections, truth, overlap_threshold=threshold)


# Hand-computed cases.


def test_two_of_two_found_before_any_mistake_is_perfect() -> None:
    truth = [rows((0, *LEFT, 0), (0, *RIGHT, 0))]
    found = [rows((0, 0.3, *NOWHERE), (0, 0.9, *LEFT), (0, 0.8, *RIGHT))]
    assert scores(score(found, truth)) == pytest.approx((1.0, 1.0, 1.0))


def test_a_mistake_between_two_hits_costs_precision_above_half_recall() -> None:
    truth = [rows((0, *LEFT, 0), (0, *RIGHT, 0))]
    found = [rows((0, 0.9, *LEFT), (0, 0.8, *NOWHERE), (0, 0.7, *RIGHT))]
    result = score(found, truth)
    # Recall 0, 0.1 .. 0.5 have precision 1 (6 points), 0.6 .. 1.0 have 2/3 (5 points).
    assert result.mean_average_precision == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    assert result.ap50 == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    # 51 of COCO's 101 recalls are at most 0.5.
    assert result.coco_ap == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def test_a_second_hit_on_the_same_object_is_a_mistake() -> None:
    truth = [rows((0, *LEFT, 0), (0, *RIGHT, 0))]
    found = [rows((0, 0.9, *LEFT), (0, 0.8, *LEFT), (0, 0.7, *RIGHT))]
    assert score(found, truth).ap50 == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_a_difficult_object_is_neither_found_nor_missed() -> None:
    truth = [rows((0, *LEFT, 1), (0, *RIGHT, 0))]
    unfound, found = [rows((0, 0.7, *RIGHT))], [rows((0, 0.9, *LEFT), (0, 0.8, *LEFT), (0, 0.7, *RIGHT))]
    assert scores(score(unfound, truth)) == pytest.approx((1.0, 1.0, 1.0))
    # VOC ignores every detection of it; COCO ignores the first, and the second is a mistake before the only hit.
    assert scores(score(found, truth)) == pytest.approx((1.0, 1.0, 0.5))


def test_coco_gives_a_detection_to_the_object_that_must_be_found_though_a_difficult_one_fits_better() -> None:
    shifted = (0.1, 0.1, 0.4, 0.45)
    truth = [rows((0, *LEFT, 1), (0, *shifted, 0))]
    found = [rows((0, 0.9, *LEFT))]
    result = score(found, truth)
    assert result.ap50 == 0.0
    # shifted covers 0.35 / 0.40 = 0.875 of LEFT, which is enough at 0.50, 0.55 .. 0.85: 8 of 10 overlaps.
    assert result.coco_ap == pytest.approx(0.8)


def test_classes_without_truth_are_left_out() -> None:
    truth = [rows((2, *LEFT, 0), (5, *RIGHT, 0), (7, *RIGHT, 1))]
    found = [rows((0, 0.95, *LEFT), (2, 0.9, *LEFT), (7, 0.9, *RIGHT))]
    result = score(found, truth)
    assert result.average_precision == {2: 1.0, 5: 0.0}
    assert scores(result) == pytest.approx((0.5, 0.5, 0.5))


def test_detections_of_one_image_do_not_find_objects_of_another() -> None:
    truth = [rows((0, *LEFT, 0)), rows((0, *RIGHT, 0))]
    found = [rows((0, 0.9, *RIGHT)), rows((0, 0.8, *RIGHT))]
    result = score(found, truth)
    assert result.ap50 == pytest.approx(0.5 * 0.5)


def test_detections_of_the_wrong_class_find_nothing() -> None:
    assert score([rows((1, 0.9, *LEFT))], [rows((0, *LEFT, 0))]).average_precision == {0: 0.0}


def test_no_detections_score_zero() -> None:
    assert score([rows()], [rows((0, *LEFT, 0))]) == Evaluation(0.0, {0: 0.0}, 0.0, 0.0)


@pytest.mark.parametrize("images", [0, 1, 3])
def test_no_truth_scores_zero(images: int) -> None:
    found = [rows((0, 0.9, *LEFT))] * images
    assert score(found, [rows()] * images) == Evaluation(0.0, {}, 0.0, 0.0)


def test_a_recall_of_exactly_three_tenths_counts_at_its_point() -> None:
    corners = [(x / 10, 0.0, x / 10 + 0.09, 0.5) for x in range(10)]
    truth = [rows(*((0, *corner, 0) for corner in corners))]
    found = [rows(*((0, 0.9, *corner) for corner in corners[:3]))]
    assert score(found, truth).mean_average_precision == pytest.approx(4 / 11)  # recall 0, 0.1, 0.2, 0.3


def test_the_overlap_must_exceed_the_threshold() -> None:
    truth, found = [rows((0, 0.0, 0.0, 0.5, 0.5, 0))], [rows((0, 0.9, 0.0, 0.0, 0.5, 0.25))]
    assert score(found, truth, 0.5).mean_average_precision == 0.0
    assert score(found, truth, 0.499).mean_average_precision == 1.0
    # COCO is content with equality, at the first of its ten overlaps.
    assert score(found, truth).coco_ap == pytest.approx(0.1)


def test_only_the_eleven_point_precision_follows_the_overlap_threshold() -> None:
    truth, found = [rows((0, *LEFT, 0))], [rows((0, 0.9, 0.1, 0.1, 0.4, 0.42))]  # IoU 0.8
    strict, lax = score(found, truth, 0.9), score(found, truth, 0.3)
    assert (strict.mean_average_precision, lax.mean_average_precision) == (0.0, 1.0)
    assert (strict.ap50, strict.coco_ap) == (lax.ap50, lax.coco_ap)


def test_padding_and_truth_without_the_difficult_flag_are_accepted() -> None:
    padding = (-1, -1, -1, -1, -1, -1)
    found = np.array([padding, (0, 0.9, *LEFT)], np.float32)
    truth = np.array([(0, *LEFT), padding[:5]], np.float32)
    assert evaluate([found], [truth], overlap_threshold=0.5).ap50 == 1.0


def test_unequal_numbers_of_images_are_refused() -> None:
    with pytest.raises(ValueError, match="expected detections of 1 images, got those of 2"):
        score([rows(), rows()], [rows()])


# Random cases against other programs.


def random_case(seed: int, images: int, classes: int, *, per_image: int = 8) -> tuple[list[Floats], list[Floats]]:
    """Return detections and truth with near hits, duplicates, wrong classes, strays and empty images."""
    rng = np.random.default_rng(seed)
    detections, truth = [], []
    for _ in range(images):
        number = int(rng.integers(0, per_image))
        corner, side = rng.uniform(0, 0.7, (number, 2)), rng.uniform(0.15, 0.3, (number, 2))
        corners = np.hstack([corner, corner + side])
        labels = rng.integers(0, classes, (number, 1))
        truth.append(np.hstack([labels, corners, rng.random((number, 1)) < 0.2]).astype(np.float64))
        copies = rng.integers(0, 4, number)
        near = np.repeat(corners, copies, axis=0) + rng.normal(0, 0.015, (int(copies.sum()), 4))
        stray = rng.uniform(0, 0.5, (5, 4)) + np.array([0, 0, 0.5, 0.5])
        found = np.vstack([near, stray])
        found_labels = np.concatenate([np.repeat(labels[:, 0], copies), rng.integers(0, classes + 1, 5)])
        wrong = rng.random(len(found)) < 0.1
        found_labels[wrong] = rng.integers(0, classes, int(wrong.sum()))
        detections.append(np.column_stack([found_labels, rng.random(len(found)), found]))
    return detections, truth


def in_pixels(corners: Floats) -> Floats:
    """Scale up, and take off the 1 that GluonCV adds to xmax and ymax."""
    return corners * 10_000 - (0, 0, 1, 1)


def gluoncv_score(metric: VOCMApMetric, detections: list[Floats], truth: list[Floats]) -> float:
    for found, real in zip(detections, truth, strict=True):
        metric.update(
            in_pixels(found[None, :, 2:]),
            found[None, :, 0],
            found[None, :, 1],
            in_pixels(real[None, :, 1:5]),
            real[None, :, 0],
            real[None, :, 5],
        )
    return float(metric.get()[1])


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_eleven_point_precision_equals_gluoncv(seed: int, threshold: float) -> None:
    detections, truth = random_case(seed, 60, 4)
    required = np.concatenate(truth)
    counts = np.unique(required[required[:, 5] == 0, 0], return_counts=True)[1]
    detections, truth = without_fifths(detections, truth, counts)
    theirs = gluoncv_score(VOC07MApMetric(iou_thresh=threshold), detections, truth)
    assert 0.2 < theirs < 0.95
    assert score(detections, truth, threshold).mean_average_precision == pytest.approx(theirs, abs=1e-9)


def without_fifths(
    detections: list[Floats], truth: list[Floats], counts: NDArray[np.int64]
) -> tuple[list[Floats], list[Floats]]:
    """Add one more object to every class whose number of objects is a multiple of 5.

    GluonCV compares recall with 0.30000000000000004; elsewhere than at multiples of 5 that is the same as 0.3.
    """
    added = [(label, *LEFT, 0.0) for label, number in enumerate(counts) if number % 5 == 0]
    return [*detections, rows()], [*truth, rows(*added)]


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_all_point_precision_equals_gluoncv(seed: int) -> None:
    detections, truth = random_case(seed, 60, 4)
    theirs = gluoncv_score(VOCMApMetric(iou_thresh=0.5), detections, truth)
    assert 0.2 < theirs < 0.95
    assert score(detections, truth).ap50 == pytest.approx(theirs, abs=1e-9)


def pycocotools_score(detections: list[Floats], truth: list[Floats]) -> float:
    """Return COCO's AP; corners become x, y, width, height in pixels of an image of 1,000 by 1,000."""
    numbers = count(1)
    annotations = [
        {
            "id": next(numbers),
            "image_id": image,
            "category_id": int(real[0]) + 1,
            "bbox": coco_box(real[1:5]),
            # COCOeval overwrites 'ignore'; an area beyond its widest range has the effect that 'ignore' is meant to.
            "area": 1e12 if real[5] else 100.0,
            "iscrowd": 0,
        }
        for image, per_image in enumerate(truth)
        for real in per_image
    ]
    results = [
        {"image_id": image, "category_id": int(row[0]) + 1, "bbox": coco_box(row[2:]), "score": row[1]}
        for image, per_image in enumerate(detections)
        for row in per_image
    ]
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(len(truth))],
        "categories": [{"id": category} for category in range(1, 10)],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0])


def coco_box(corners: Floats) -> list[float]:
    xmin, ymin, xmax, ymax = (corners * 1000).tolist()
    return [xmin, ymin, xmax - xmin, ymax - ymin]


@pytest.mark.parametrize("seed", [7, 8, 9, 10])
def test_coco_precision_equals_pycocotools(seed: int) -> None:
    detections, truth = random_case(seed, 50, 3)
    theirs = pycocotools_score(detections, truth)
    assert 0.1 < theirs < 0.9
    assert score(detections, truth).coco_ap == pytest.approx(theirs, abs=1e-9)


def test_coco_precision_equals_pycocotools_among_crowded_rivals() -> None:
    rng = np.random.default_rng(11)
    detections, truth = [], []
    for _ in range(20):
        corners = np.array(LEFT) + rng.normal(0, 0.02, (6, 4))
        truth.append(np.column_stack([np.zeros(6), corners, rng.random(6) < 0.3]))
        found = np.array(LEFT) + rng.normal(0, 0.02, (15, 4))
        detections.append(np.column_stack([np.zeros(15), rng.random(15).round(1), found]))  # with equal scores
    theirs = pycocotools_score(detections, truth)
    assert 0.1 < theirs < 0.9
    assert score(detections, truth).coco_ap == pytest.approx(theirs, abs=1e-9)


def test_coco_precision_equals_pycocotools_beyond_a_hundred_detections() -> None:
    detections, truth = random_case(12, 4, 1, per_image=60)
    crowd = [np.repeat(found, 3, axis=0) for found in detections]
    assert max(int((found[:, 0] == 0).sum()) for found in crowd) > 100
    theirs = pycocotools_score(crowd, truth)
    assert score(crowd, truth).coco_ap == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("later", ["right", "left"])
def test_of_two_objects_that_overlap_equally_the_later_is_taken_as_pycocotools_does(later: str) -> None:
    middle = np.array([0.25, 0.25, 0.5, 0.5])  # binary fractions: no rounding tells left from right
    step = np.array([0.03125, 0, 0.03125, 0])
    shifts = (-step, step) if later == "right" else (step, -step)
    truth = [rows(*((0, *(middle + shift), 0) for shift in shifts))]
    found = [rows((0, 0.9, *middle), (0, 0.8, *(middle + 3 * step)))]  # the second can only have the right one
    theirs = pycocotools_score(found, truth)
    assert score(found, truth).coco_ap == pytest.approx(theirs, abs=1e-9)
    assert (theirs > 0.4) is (later == "left")
