import numpy as np
import pytest

from gluon_ssd.tools.suspicious_labels import Suspicion, suspect, unused_classes
from tools.label_tables import Row, table

FINE = (0, 0.2, 0.2, 0.6, 0.6)


def found(*images: list[Row], num_classes: int | None = None) -> dict[str, tuple[list[int], list[int]]]:
    """Return the images and rows of each suspicion."""
    return {
        suspicion.name: (list(suspicion.images), list(suspicion.rows))
        for suspicion in suspect(table(*images), num_classes)
    }


def test_labels_as_they_should_be_are_not_suspicious() -> None:
    touching = (1, 0.6, 0.2, 1.0, 0.6)
    assert found([FINE, touching], [], [(0, 0.2, 0.2, 0.61, 0.6)], num_classes=2) == {}


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ((0, 0.5, 0.5, 0.5, 0.9), "no area"),
        ((0, 0.9, 0.5, 0.5, 0.9), "no area"),
        ((0, 1.2, 0.2, 1.6, 0.6), "outside"),
        ((0, -0.6, -0.6, 0, 0), "outside"),
        ((0, 0.2, 0.2, 0.2099, 0.6), "tiny"),
        ((0, 0.2, 0.2, 0.6, 0.2099), "tiny"),
        ((0, 0.004, 0.004, 0.996, 0.996), "whole image"),
        ((0, 0.2, 0.2, 1.011, 0.6), "beyond the edge"),  # the image is 100 x 50: a pixel is 0.01 wide, 0.02 high
        ((0, 0.2, -0.021, 0.6, 0.6), "beyond the edge"),
        ((5, 0.2, 0.2, 0.6, 0.6), "unknown class"),
    ],
)
def test_a_box_is_suspicious_for_one_thing(row: Row, name: str) -> None:
    assert found([FINE], [(1, 0.7, 0.7, 0.9, 0.9), row], num_classes=5) == {name: ([1], [2])}


@pytest.mark.parametrize(
    "row",
    [
        (0, 0.2, 0.2, 0.2101, 0.6),
        (0, 0.2, 0.2, 1.0099, 0.6),
        (0, 0.2, -0.0199, 0.6, 0.6),
        (0, 0.02, 0.02, 0.99, 0.99),
        (4, 0.2, 0.2, 0.6, 0.6),
    ],
)
def test_a_box_just_within_the_bounds_is_not(row: Row) -> None:
    assert found([row], num_classes=5) == {}


def test_without_num_classes_no_class_is_unknown() -> None:
    assert found([(500, 0.2, 0.2, 0.6, 0.6)]) == {}


def test_the_later_of_two_boxes_of_one_class_and_place_is_a_duplicate() -> None:
    almost = (0, 0.2, 0.2, 0.6, 0.562)  # IoU 0.905
    less = (0, 0.2, 0.2, 0.6, 0.555)  # IoU 0.8875
    assert found([FINE, almost]) == {"duplicate": ([0], [1])}
    assert found([FINE, less]) == {}
    assert found([FINE, (1, 0.2, 0.2, 0.6, 0.6)]) == {}
    assert found([FINE], [almost]) == {}
    assert found([FINE, FINE, FINE]) == {"duplicate": ([0, 0], [1, 2])}


def test_duplicates_are_found_among_thousands_of_boxes() -> None:
    grid = [(0, x / 40, y / 40, (x + 1) / 40, (y + 1) / 40) for x in range(40) for y in range(40)]
    assert found([*grid, grid[3], grid[1500]]) == {"duplicate": ([0, 0], [1600, 1601])}


def test_images_with_equal_boxes_are_copies_but_for_the_first() -> None:
    two: list[Row] = [FINE, (1, 0.1, 0.1, 0.3, 0.3)]
    assert found(two, [FINE], two, [], [], two) == {"copied": ([2, 5], [-1, -1])}


def test_pixels_that_are_not_known_allow_nothing_but_rounding() -> None:
    looked_at = table([(0, 0.2, 0.2, 1.00005, 0.6), (0, 0.2, 0.2, 1.0002, 0.9)], headers=[(0, 0, 0, 0)])
    assert [(item.name, list(item.rows)) for item in suspect(looked_at)] == [("beyond the edge", [1])]


def test_class_ids_that_no_kept_object_has_are_unused() -> None:
    looked_at = table([(3, 0.2, 0.2, 0.6, 0.6), (1, 0.5, 0.5, 0.5, 0.5)])
    np.testing.assert_array_equal(unused_classes(looked_at, 5), [0, 1, 2, 4])


def test_a_suspicion_counts_what_is_suspicious() -> None:
    assert len(Suspicion("tiny", "small", [0, 0, 4], [1, 2, 9])) == 3
