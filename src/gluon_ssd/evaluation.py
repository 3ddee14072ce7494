"""Average precision of detections, by the rules of PASCAL VOC and of COCO."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluon_ssd import boxes

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]
Rows = NDArray[np.floating[Any]]  # as the caller has them
Outcome = NDArray[np.int8]  # what became of each detection: one of the three below

HIT, MISS, IGNORED = 1, 0, -1

# Quotients, not products: 3 * 0.1 exceeds 3 / 10, and a recall of exactly 3 of 10 would not count as 0.3.
VOC_RECALLS: Reals = np.arange(11) / 10
# COCO's own products, with their rounding, since its numbers are to be met.
COCO_RECALLS: Reals = np.linspace(0.0, 1.0, 101)
COCO_OVERLAPS: Reals = np.linspace(0.5, 0.95, 10)
COCO_DETECTIONS = 100  # of each class in an image

NO_ROWS: Reals = np.zeros((0, 6))


@dataclass(frozen=True)
class Evaluation:
    """How well detections agree with the truth; every score is in [0, 1], and 0.0 when there is no truth at all.

    Attributes:
        mean_average_precision: mean over classes of `average_precision`.
        average_precision: VOC2007's 11-point AP of each class that occurs in the truth.
        ap50: mean over classes of VOC2010's all-point AP at IoU > 0.5.
        coco_ap: COCO's AP, the mean over classes and IoU 0.50, 0.55 ... 0.95 (pycocotools' `stats[0]`).
    """

    mean_average_precision: float
    average_precision: dict[int, float]
    ap50: float
    coco_ap: float


@dataclass(frozen=True)
class _Scene:
    """All images' detections and truth as flat arrays; a detection's index is its rank, the best score first."""

    truth_class: Indices
    difficult: NDArray[np.bool_]
    ranks: dict[int, Indices]  # class -> its detections, the best first
    place: Indices  # how many better detections of the same class the same image has
    # Pairs of a detection and a truth of its class that overlap, by rank of the detection.
    pair_detection: Indices
    pair_truth: Indices
    pair_overlap: Reals

    @property
    def detections(self) -> int:
        return len(self.place)

    def positives(self) -> dict[int, int]:
        """Count each class's objects that must be found; a class that has none is left out."""
        classes, counts = np.unique(self.truth_class[~self.difficult], return_counts=True)
        return dict(zip(classes.tolist(), counts.tolist(), strict=True))


def evaluate(detections: Sequence[Rows], truth: Sequence[Rows], *, overlap_threshold: float) -> Evaluation:
    """Score the detections of some images against their truth.

    Difficult objects count neither as found nor as missed, and classes without truth are left out. Rows of a negative
    class are padding.

    Args:
        detections: for each image (k, 6) rows `class, score, xmin, ymin, xmax, ymax`, in any order.
        truth: for each image (n, 6) rows `class, xmin, ymin, xmax, ymax, difficult`, or (n, 5) without the flag.
        overlap_threshold: the IoU that a detection of `mean_average_precision` must exceed.

    Raises:
        ValueError: the two hold unequal numbers of images.
    """
    scene = _read_scene(detections, truth)
    average_precision = _voc(scene, overlap_threshold, _eleven_point)
    return Evaluation(
        mean_average_precision=_mean(average_precision),
        average_precision=average_precision,
        ap50=_mean(_voc(scene, 0.5, _all_point)),
        coco_ap=_coco(scene),
    )


def _read_scene(detections: Sequence[Rows], truth: Sequence[Rows]) -> _Scene:
    if len(detections) != len(truth):
        message = f"evaluation: expected detections of {len(truth)} images, got those of {len(detections)}"
        raise ValueError(message)
    found_rows, real_rows = [_rows(rows) for rows in detections], [_rows(rows) for rows in truth]
    found, real = np.concatenate([NO_ROWS, *found_rows]), np.concatenate([NO_ROWS, *real_rows])
    best_first = np.argsort(-found[:, 1], kind="stable")
    rank = np.argsort(best_first)
    classes = found[best_first, 0].astype(np.int64)
    image = np.repeat(np.arange(len(found_rows)), [len(rows) for rows in found_rows])[best_first]
    pair_detection, pair_truth, pair_overlap = _overlaps(found_rows, real_rows)
    pair_order = np.argsort(rank[pair_detection], kind="stable")
    return _Scene(
        truth_class=real[:, 0].astype(np.int64),
        difficult=real[:, 5] > 0,
        ranks={label: np.flatnonzero(classes == label) for label in np.unique(classes).tolist()},
        place=_places(image, classes),
        pair_detection=rank[pair_detection][pair_order],
        pair_truth=pair_truth[pair_order],
        pair_overlap=pair_overlap[pair_order],
    )


def _rows(array: Rows) -> Reals:
    """Return the rows that are no padding as float64 (n, 6); a sixth column that is missing is 0."""
    if np.size(array) == 0:
        return NO_ROWS
    rows: Reals = np.zeros((len(array), 6))
    rows[:, : array.shape[1]] = array
    kept: Reals = rows[rows[:, 0] >= 0]
    return kept


def _overlaps(found: Sequence[Reals], real: Sequence[Reals]) -> tuple[Indices, Indices, Reals]:
    """Return index of the detection, index of the truth and IoU of every pair of one image and class that overlaps."""
    pairs: list[tuple[Indices, Indices, Reals]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    before_found = before_real = 0
    for image_found, image_real in zip(found, real, strict=True):
        iou = boxes.iou(image_found[:, 2:], image_real[:, 1:5])  # (k, n)
        detection, target = np.nonzero((iou > 0) & (image_found[:, :1] == image_real[:, 0]))
        pairs.append((detection + before_found, target + before_real, iou[detection, target]))
        before_found, before_real = before_found + len(image_found), before_real + len(image_real)
    detection, target, overlap = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return detection, target, overlap


def _places(image: Indices, classes: Indices) -> Indices:
    """Return how many earlier elements have the same image and class."""
    grouped = np.lexsort((classes, image))  # stable: within a group the order stays
    starts = np.flatnonzero(np.diff(image[grouped], prepend=-1) | np.diff(classes[grouped], prepend=-1))
    sizes = np.diff(starts, append=len(image))
    places: Indices = np.empty(len(image), np.int64)
    places[grouped] = np.arange(len(image)) - np.repeat(starts, sizes)
    return places


def _voc(scene: _Scene, threshold: float, average: Callable[[Reals, Reals], float]) -> dict[int, float]:
    return _average_precisions(scene, _voc_outcome(scene, threshold), average)


def _coco(scene: _Scene) -> float:
    scores = [_mean(_average_precisions(scene, _coco_outcome(scene, t), _coco_point)) for t in COCO_OVERLAPS]
    return sum(scores) / len(scores)


def _voc_outcome(scene: _Scene, threshold: float) -> Outcome:
    """Match each detection to the truth that it overlaps most, taken or not (VOC devkit, `VOCevaldet.m`)."""
    outcome = np.full(scene.detections, MISS, np.int8)
    best_first = np.lexsort((-scene.pair_overlap, scene.pair_detection))
    detection, first = np.unique(scene.pair_detection[best_first], return_index=True)
    best = best_first[first]
    enough = scene.pair_overlap[best] > threshold
    detection, target = detection[enough], scene.pair_truth[best][enough]
    _, earliest = np.unique(target, return_index=True)
    outcome[detection[earliest]] = HIT
    outcome[detection[scene.difficult[target]]] = IGNORED
    return outcome


def _coco_outcome(scene: _Scene, threshold: float) -> Outcome:
    """Match each detection, the best first, to the free truth that it overlaps most (pycocotools' `evaluateImg`).

    An object that must be found goes before a difficult one; a difficult one is taken once, like any other.
    """
    outcome = np.where(scene.place < COCO_DETECTIONS, MISS, IGNORED).astype(np.int8)
    allowed = (scene.pair_overlap >= threshold) & (scene.place[scene.pair_detection] < COCO_DETECTIONS)
    detection, target = scene.pair_detection[allowed], scene.pair_truth[allowed]
    # Of two truths that overlap equally pycocotools takes the later one.
    by_preference = np.lexsort((-target, -scene.pair_overlap[allowed], scene.difficult[target], detection))
    matched = by_preference[_match_in_turn(detection[by_preference], target[by_preference])]
    outcome[detection[matched]] = np.where(scene.difficult[target[matched]], IGNORED, HIT)
    return outcome


def _match_in_turn(detection: Indices, target: Indices) -> Indices:
    """Return which pairs match when detections choose in turn, each its first pair whose target is free.

    The pairs are sorted by turn, then preference. A pair that is the first of both its detection and its target is
    certain: nobody whose turn is earlier wants the target. Matching all such pairs at once, then striking out both
    partners' other pairs, takes a few rounds where a loop over the turns would take one step a detection.
    """
    matched = [np.zeros(0, np.int64)]
    left = np.arange(len(detection))
    while len(left):
        first_of_detection = np.unique(detection[left], return_index=True)[1]
        first_of_target = np.unique(target[left], return_index=True)[1]
        certain = left[np.intersect1d(first_of_detection, first_of_target, assume_unique=True)]
        matched.append(certain)
        gone = np.isin(detection[left], detection[certain]) | np.isin(target[left], target[certain])
        left = left[~gone]
    return np.concatenate(matched)


def _average_precisions(scene: _Scene, outcome: Outcome, average: Callable[[Reals, Reals], float]) -> dict[int, float]:
    precisions = {}
    for label, positives in scene.positives().items():
        hits = outcome[scene.ranks.get(label, np.zeros(0, np.int64))]
        hits = hits[hits != IGNORED]
        found = np.cumsum(hits == HIT)
        precision = found / np.arange(1, len(hits) + 1)
        precisions[label] = average(found / positives, _envelope(precision))
    return precisions


def _envelope(precision: Reals) -> Reals:
    """Return the best precision at each recall or a higher one."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def _eleven_point(recall: Reals, precision: Reals) -> float:
    return _sampled(recall, precision, VOC_RECALLS)


def _coco_point(recall: Reals, precision: Reals) -> float:
    return _sampled(recall, precision, COCO_RECALLS)


def _sampled(recall: Reals, precision: Reals, points: Reals) -> float:
    """Return the mean precision at some recalls; a recall that is never reached has precision 0."""
    return float(np.append(precision, 0.0)[np.searchsorted(recall, points)].mean())


def _all_point(recall: Reals, precision: Reals) -> float:
    """Return the area under precision as a function of recall."""
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def _mean(precisions: dict[int, float]) -> float:
    return sum(precisions.values()) / len(precisions) if precisions else 0.0
