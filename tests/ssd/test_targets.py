"""The oracle is the rule in plain Python: anchors and objects one by one."""

import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.ssd import targets
from gluon_ssd.ssd.targets import Targets

ANCHORS = 200
CLASSES = 3

Array = NDArray[np.float32]


def random_boxes(rng: np.random.Generator, count: int) -> Array:
    corner = rng.uniform(0, 0.7, (count, 2))
    return np.hstack([corner, corner + rng.uniform(0.1, 0.3, (count, 2))]).astype(np.float32)


def random_batch(seed: int, objects: list[int]) -> tuple[Array, Array, Array]:
    """Return class predictions, anchors and objects; `objects` says how many each image has."""
    rng = np.random.default_rng(seed)
    rows = np.full((len(objects), max(*objects, 1), 6), -1, np.float32)
    for image, count in enumerate(objects):
        rows[image, :count, 0] = rng.integers(0, CLASSES, count)
        rows[image, :count, 1:5] = random_boxes(rng, count)
        rows[image, :count, 5] = rng.integers(0, 2, count)
    predictions = rng.normal(0, 2, (len(objects), CLASSES + 1, ANCHORS)).astype(np.float32)
    return predictions, random_boxes(rng, ANCHORS)[np.newaxis], rows


def assign(predictions: Array, anchors: Array, objects: Array) -> Targets:
    return targets.assign(mx.nd.array(predictions), mx.nd.array(anchors), objects)


def overlap(a: Array, b: Array) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))


def background_probability(prediction: Array) -> list[float]:
    return [float(1 / np.exp(column - column[0]).sum()) for column in prediction.T.astype(np.float64)]


def matches(anchors: Array, objects: Array) -> dict[int, int]:
    """Return the object of each matched anchor: the best pairs first, each object once, then all above one half."""
    overlaps = {(a, o): overlap(anchors[a], objects[o, 1:5]) for a in range(len(anchors)) for o in range(len(objects))}
    matched: dict[int, int] = {}
    for (a, o), value in sorted(overlaps.items(), key=lambda item: -item[1]):
        if a not in matched and o not in matched.values() and value > 1e-6:
            matched[a] = o
    for a in set(range(len(anchors))) - set(matched):
        best = max(range(len(objects)), key=lambda o, a=a: overlaps[a, o])  # type: ignore[misc]
        if overlaps[a, best] > 0.5:
            matched[a] = best
    return matched


def expected_classes(prediction: Array, anchors: Array, objects: Array) -> list[int]:
    matched = matches(anchors, objects)
    probability = background_probability(prediction)
    far = [
        a for a in range(len(anchors)) if a not in matched and max(overlap(anchors[a], o[1:5]) for o in objects) < 0.5
    ]
    negatives = sorted(far, key=lambda a: probability[a])[: 3 * len(matched)]
    classes = [-1] * len(anchors)
    for a in negatives:
        classes[a] = 0
    for a, o in matched.items():
        classes[a] = int(objects[o, 0]) + 1
    return classes


def test_images_with_objects_get_matches_and_three_hard_negatives_for_each() -> None:
    predictions, anchors, objects = random_batch(1, [3, 1, 4])
    result = assign(predictions, anchors, objects)
    for image, count in enumerate([3, 1, 4]):
        expected = expected_classes(predictions[image], anchors[0], objects[image, :count])
        assert result.classes[image].asnumpy().tolist() == expected


def test_box_targets_are_the_offsets_of_matched_anchors() -> None:
    predictions, anchors, objects = random_batch(2, [2])
    result = assign(predictions, anchors, objects)
    mask, boxes = result.mask.asnumpy().reshape(-1, 4), result.boxes.asnumpy().reshape(-1, 4)
    matched = matches(anchors[0], objects[0])
    assert set(np.flatnonzero(mask.all(axis=1))) == set(matched)
    assert mask.sum() == 4 * len(matched)
    for a, o in matched.items():
        left, top, right, bottom = anchors[0, a].astype(float)
        x1, y1, x2, y2 = objects[0, o, 1:5].astype(float)
        offsets = [
            ((x1 + x2) / 2 - (left + right) / 2) / (right - left) / 0.1,
            ((y1 + y2) / 2 - (top + bottom) / 2) / (bottom - top) / 0.1,
            np.log((x2 - x1) / (right - left)) / 0.2,
            np.log((y2 - y1) / (bottom - top)) / 0.2,
        ]
        np.testing.assert_allclose(boxes[a], offsets, rtol=1e-4, atol=1e-4)


def multibox_target(predictions: Array, anchors: Array, objects: Array) -> list[Array]:
    outputs = mx.nd.contrib.MultiBoxTarget(
        mx.nd.array(anchors),
        mx.nd.array(objects),
        mx.nd.array(predictions),
        overlap_threshold=0.5,
        ignore_label=-1,
        negative_mining_ratio=3,
        minimum_negative_samples=0,
        negative_mining_thresh=0.5,
        variances=(0.1, 0.1, 0.2, 0.2),
    )
    return [output.asnumpy() for output in outputs]


@pytest.mark.parametrize("seed", range(5))
def test_without_empty_images_targets_are_those_of_multi_box_target(seed: int) -> None:
    predictions, anchors, objects = random_batch(seed, [1, 5, 2, 3])
    for ours, theirs in zip(
        assign(predictions, anchors, objects), multibox_target(predictions, anchors, objects), strict=True
    ):
        np.testing.assert_array_equal(ours.asnumpy(), theirs)


@pytest.mark.parametrize("counts", [[4, 0, 2], [0, 6, 0], [0, 1]])
def test_an_empty_image_gets_as_many_hardest_negatives_as_the_others_have_on_average(counts: list[int]) -> None:
    predictions, anchors, objects = random_batch(7, counts)
    reference = multibox_target(predictions, anchors, objects)
    result = assign(predictions, anchors, objects)
    full = [image for image, count in enumerate(counts) if count]
    negatives = sum((reference[2][image] == 0).sum() for image in full) / len(full)
    wanted = max(int(negatives + 0.5), 3)
    for image, count in enumerate(counts):
        classes = result.classes[image].asnumpy()
        if count:
            np.testing.assert_array_equal(classes, reference[2][image])
        else:
            probability = background_probability(predictions[image])
            hardest = sorted(range(ANCHORS), key=lambda a: probability[a])[:wanted]
            assert set(np.flatnonzero(classes == 0)) == set(hardest)
            assert (classes == -1).sum() == ANCHORS - wanted
    np.testing.assert_array_equal(result.mask.asnumpy(), reference[1])


def test_a_batch_of_empty_images_keeps_three_negatives_of_each() -> None:
    predictions, anchors, objects = random_batch(3, [0, 0])
    classes = assign(predictions, anchors, objects).classes.asnumpy()
    assert (classes == 0).sum(axis=1).tolist() == [3, 3]
    assert (classes == -1).sum(axis=1).tolist() == [ANCHORS - 3] * 2


def test_nothing_is_recorded_for_the_gradient() -> None:
    predictions, anchors, objects = random_batch(4, [0, 2])
    scores = mx.nd.array(predictions)
    scores.attach_grad()
    with mx.autograd.record():
        result = targets.assign(scores * 1, mx.nd.array(anchors), objects)
        total = (scores * 2).sum() + result.classes.sum()
    total.backward()
    assert (scores.grad.asnumpy() == 2).all()
