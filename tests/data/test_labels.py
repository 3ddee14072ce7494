"""Labels: what is accepted, what is cut or dropped, what is refused and in which words."""

import re

import numpy as np
import pytest

from gluon_ssd.data import labels
from gluon_ssd.data.labels import Annotation, LabelError, LabelLayoutError


def _parse(*numbers: float, num_classes: int = 3) -> Annotation:
    return labels.parse(np.array(numbers, np.float32), num_classes)


def test_objects_are_read_behind_the_header() -> None:
    annotation = _parse(2, 5, 1, 0.25, 0.5, 0.75, 1, 0, 0, 0, 0.5, 0.5)
    assert annotation.objects.tolist() == [[1, 0.25, 0.5, 0.75, 1, 0], [0, 0, 0, 0.5, 0.5, 0]]
    assert annotation.objects.dtype == np.float32


def test_extra_numbers_of_the_header_are_skipped() -> None:
    assert _parse(4, 5, 640, 480, 1, 0.25, 0.5, 0.75, 1).objects.tolist() == [[1, 0.25, 0.5, 0.75, 1, 0]]


def test_the_sixth_number_says_whether_an_object_is_difficult_and_later_ones_nothing() -> None:
    annotation = _parse(2, 7, 1, 0.25, 0.5, 0.75, 1, 1, 99, 1, 0.25, 0.5, 0.75, 1, 0, 99)
    assert annotation.objects[:, 5].tolist() == [1, 0]


def test_a_label_without_objects_is_background() -> None:
    annotation = _parse(2, 5)
    assert annotation.objects.shape == (0, 6)
    assert annotation.dropped == 0


def test_boxes_are_cut_at_the_edges_of_the_image() -> None:
    assert _parse(2, 5, 1, -0.5, 0.25, 0.5, 1.5).objects.tolist() == [[1, 0, 0.25, 0.5, 1, 0]]


def test_boxes_without_area_inside_the_image_are_dropped_and_counted() -> None:
    swapped, outside, line = (0, 0.5, 0.5, 0.25, 0.75), (0, 1.5, 0, 2, 1), (0, 0.5, 0, 0.5, 1)
    annotation = _parse(2, 5, *swapped, 1, 0, 0, 1, 1, *outside, *line)
    assert annotation.objects.tolist() == [[1, 0, 0, 1, 1, 0]]
    assert annotation.dropped == 3


def test_boxes_that_look_like_pixels_are_counted() -> None:
    annotation = _parse(2, 5, 1, 0, 0, 300, 200, 0, 0.5, 0.5, 1.2, 2, 0, -40, 0, 1, 1)
    assert annotation.far_outside == 2


def test_a_box_too_small_for_its_area_to_be_a_float_is_kept() -> None:
    assert len(_parse(2, 5, 0, 0, 0, 1e-30, 1e-30).objects) == 1


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((), "expected a header of at least 2 numbers, got []"),
        ((4,), "expected a header of at least 2 numbers, got [4]"),
        ((1, 5, 0, 0, 0, 1, 1), "its number 0 to be the header width, a whole number of at least 2, got 1 in"),
        ((2.5, 5, 0, 0, 0, 1, 1), "its number 0 to be the header width, a whole number of at least 2, got 2.5"),
        ((2, 4, 0, 0, 0, 1), "its number 1 to be the object width, a whole number of at least 5, got 4"),
        ((2, float("nan")), "its number 1 to be the object width, a whole number of at least 5, got nan"),
        ((float("inf"), 5), "its number 0 to be the header width, a whole number of at least 2, got inf"),
        ((2, 5, 0, 0, 0, 1), "a header of 2 numbers and then objects of 5 each, got 6 numbers"),
        ((9, 5, 0, 0, 0, 1, 1), "a header of 9 numbers and then objects of 5 each, got 7 numbers"),
        ((3e38, 5), "its number 0 to be the header width, a whole number of at least 2, got 3e+38"),
        ((2, 7e31), "its number 1 to be the object width, a whole number of at least 5, got 7e+31"),
    ],
)
def test_a_layout_that_is_not_for_detection_is_refused(numbers: tuple[float, ...], message: str) -> None:
    with pytest.raises(LabelLayoutError, match=re.escape(message)):
        _parse(*numbers)


@pytest.mark.parametrize("wrong", [3, -1, 0.5, 1e30])
def test_a_class_id_that_is_no_class_is_refused(wrong: float) -> None:
    with pytest.raises(LabelError) as caught:
        _parse(2, 5, 0, 0, 0, 1, 1, wrong, 0, 0, 1, 1)
    assert str(caught.value) == (
        f"object 1: expected a class id from 0 to 2, since num_classes is 3, got {np.float32(wrong):g}"
    )


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("column", range(5))
def test_numbers_that_are_not_finite_are_refused(column: int, wrong: float) -> None:
    row = [0.0, 0.0, 0.0, 1.0, 1.0]
    row[column] = wrong
    with pytest.raises(LabelError, match=r"object 0: expected finite numbers, got \["):
        _parse(2, 5, *row)
