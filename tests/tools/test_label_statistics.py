from dataclasses import astuple

import numpy as np
import pytest

from gluon_ssd.data.labels import parse
from gluon_ssd.tools.label_statistics import ClassCount, Spread, count_unmatchable, measure
from tools.label_tables import table

NO_NAMES: dict[int, str] = {}


def test_objects_background_and_dropped_boxes_are_counted() -> None:
    found = measure(
        table(
            [(0, 0.1, 0.1, 0.5, 0.5, 1), (0, 0.5, 0.1, 0.5, 0.9), (0, 0.8, 0.1, 0.7, 0.9)],
            [],
            [(2, 1.0, 0.1, 1.5, 0.5), (1, 0.9, 0.9, 1.2, 1.2)],
        ),
        NO_NAMES,
    )
    assert (found.images, found.background, found.objects, found.difficult) == (3, 1, 2, 1)
    assert (found.without_area, found.outside) == (2, 1)
    # The label has to hold what is dropped, too, and the network the class of it.
    assert (found.label_width, found.num_classes) == (17, 3)


def test_classes_have_their_objects_images_and_names_in_order_of_their_ids() -> None:
    box = (0.1, 0.1, 0.5, 0.5)
    found = measure(table([(3, *box), (3, *box), (0, *box)], [(3, *box)]), {0: "cat", 1: "dog"})
    assert found.classes == [ClassCount(0, "cat", 1, 1), ClassCount(1, "dog", 0, 0), ClassCount(3, None, 3, 2)]
    assert found.num_classes == 4


def test_names_beyond_the_ids_count_as_classes() -> None:
    assert measure(table([(0, 0.1, 0.1, 0.5, 0.5)]), {0: "cat", 1: "dog", 2: "owl"}).num_classes == 3


def test_images_are_measured_by_those_whose_header_tells() -> None:
    headers = [(100, 50, 3, 0), (300, 40, 1, 0), (0, 0, 0, 0), (200, 60, 4, 1), (120, 50, 3, 0)]
    found = measure(table(*[[]] * 5, headers=headers), NO_NAMES)
    assert (found.widths, found.heights) == (Spread(100, 160, 300), Spread(40, 50, 60))
    assert found.kinds == {"JPEG, color": 2, "JPEG, gray": 1, "PNG, color and alpha": 1}
    assert found.no_header == [2]


def test_boxes_of_an_image_are_counted_in_bins_that_double() -> None:
    box = (0, 0.1, 0.1, 0.5, 0.5)
    found = measure(table(*[[box] * count for count in (0, 1, 2, 3, 4, 5, 8, 9)]), NO_NAMES)
    assert found.per_image_bars == {"0": 1, "1": 1, "2": 1, "3-4": 2, "5-8": 2, "9-16": 1}
    assert found.per_image == Spread(0, 3.5, 9)


def test_boxes_are_measured_as_they_are_cut_to_their_image() -> None:
    found = measure(table([(0, -0.5, 0.25, 0.25, 0.5), (0, 0, 0, 1, 1), (0, 0.5, 0.5, 0.51, 0.52)]), NO_NAMES)
    assert found.box_widths is not None
    assert astuple(found.box_widths) == pytest.approx((0.01, 0.25, 1))
    assert found.box_bars == {"<2 %": 1, "2-5 %": 0, "5-10 %": 0, "10-20 %": 0, "20-50 %": 1, "50+ %": 1}


def test_a_data_set_without_boxes_has_no_box_sizes() -> None:
    found = measure(table([], []), NO_NAMES)
    assert (found.box_widths, found.box_heights, found.objects, found.num_classes) == (None, None, 0, 0)
    assert (found.classes, found.label_width) == ([], 2)


def test_an_object_is_too_small_below_half_of_the_anchors_area() -> None:
    # The smallest anchor is 0.1 x 0.1: 0.07 x 0.07 inside of it overlaps by 0.49, 0.0708 x 0.0708 by 0.501.
    small, enough, long = (0, 0.5, 0.5, 0.57, 0.57), (0, 0.5, 0.5, 0.5708, 0.5708), (0, 0, 0.5, 0.5, 0.52)
    assert count_unmatchable(table([small, enough, long]), 0.1) == 1


def test_what_is_kept_is_what_a_job_keeps() -> None:
    rng = np.random.default_rng(4)
    rows = np.hstack([rng.integers(0, 3, (500, 1)), rng.uniform(-0.6, 1.6, (500, 4)), np.zeros((500, 1))])
    rows = rows.astype(np.float32)
    annotation = parse(np.concatenate([np.array([2, 6], np.float32), rows.ravel()]), 3)
    looked_at = table([tuple(row) for row in rows.tolist()])
    np.testing.assert_array_equal(looked_at.objects[looked_at.kept], annotation.objects)
    found = measure(looked_at, NO_NAMES)
    assert (found.objects, found.without_area + found.outside) == (len(annotation.objects), annotation.dropped)
    assert min(found.objects, found.without_area, found.outside) > 20
