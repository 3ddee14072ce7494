"""Areas, overlaps and clipping of boxes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd import boxes


def _iou_of_two(a: list[float], b: list[float]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union


def _random_boxes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    corners = rng.random((count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def test_area_is_width_times_height_and_never_negative() -> None:
    corners = np.array([[0.1, 0.2, 0.5, 0.7], [0.5, 0.2, 0.1, 0.7], [0.5, 0.7, 0.1, 0.2], [0.3, 0.3, 0.3, 0.9]])
    assert boxes.area(corners) == pytest.approx([0.2, 0, 0, 0])


def test_iou_agrees_with_plain_python_on_random_boxes() -> None:
    rng = np.random.default_rng(7)
    a, b = _random_boxes(rng, 40), _random_boxes(rng, 30)
    expected = [[_iou_of_two(one, other) for other in b.tolist()] for one in a.tolist()]
    np.testing.assert_allclose(boxes.iou(a, b), expected, rtol=1e-12)


def test_iou_of_equal_touching_and_nested_boxes() -> None:
    whole = np.array([[0.0, 0.0, 1.0, 1.0]])
    others = np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 2.0, 1.0], [0.25, 0.25, 0.75, 0.75]])
    assert boxes.iou(whole, others).tolist() == [[1.0, 0.0, 0.25]]


def test_iou_of_boxes_without_area_is_zero_and_warns_of_nothing() -> None:
    point = np.full((1, 4), 0.5, np.float32)
    assert boxes.iou(point, point).tolist() == [[0.0]]


@pytest.mark.parametrize(("first", "second"), [(0, 3), (3, 0), (0, 0)])
def test_iou_of_no_boxes_is_empty(first: int, second: int) -> None:
    assert boxes.iou(np.zeros((first, 4)), np.zeros((second, 4))).shape == (first, second)


def test_clip_cuts_boxes_at_the_edges_of_the_image() -> None:
    corners = np.array([[-0.5, 0.25, 0.5, 1.5], [2.0, 2.0, 3.0, 3.0]], np.float32)
    assert boxes.clip(corners).tolist() == [[0.0, 0.25, 0.5, 1.0], [1.0, 1.0, 1.0, 1.0]]
    assert boxes.clip(corners).dtype == np.float32
