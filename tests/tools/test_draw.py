import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.tools.draw import draw
from gluon_ssd.tools.picture import class_color, enlarge

NAMES = ("cat", "dog")
GRAY = 90


def image(height: int = 480, width: int = 640) -> NDArray[np.uint8]:
    return np.full((height, width, 3), GRAY, np.uint8)


def box(label: int, score: float, *corners: float) -> NDArray[np.float64]:
    return np.array([[label, score, *corners]])


def is_colored(picture: NDArray[np.uint8], color: tuple[int, int, int]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (picture == color).all(axis=2)
    return same


def test_the_edge_of_a_box_has_its_class_color_and_its_inside_stays() -> None:
    picture = draw(image(), box(1, 0.9, 0.25, 0.25, 0.75, 0.75), NAMES, threshold=0.5)
    edge = is_colored(picture, class_color(1))
    assert edge[120:360, 160].all()
    assert edge[120:360, 479].all()
    assert edge[359, 160:480].all()
    np.testing.assert_array_equal(picture[122:358, 162:478], image()[122:358, 162:478])
    np.testing.assert_array_equal(picture[:, :160], image()[:, :160])
    np.testing.assert_array_equal(picture[360:], image()[360:])


def test_a_plate_with_the_label_lies_above_the_box() -> None:
    picture = draw(image(), box(1, 0.9, 0.25, 0.25, 0.75, 0.75), NAMES, threshold=0.5)
    plate = picture[102:120, 160:200]
    assert is_colored(plate, class_color(1)).mean() > 0.4
    assert (np.abs(plate.astype(int) - class_color(1)).sum(axis=2) > 300).any()  # ink


def test_a_label_stays_in_the_picture_where_the_box_touches_the_top_right_corner() -> None:
    picture = draw(image(), box(0, 0.9, 0.99, 0, 1, 0.5), NAMES, threshold=0.5)
    assert is_colored(picture[:18, 560:], class_color(0)).mean() > 0.4


def test_scores_below_the_threshold_are_left_out() -> None:
    found = box(0, 0.49, 0.1, 0.1, 0.9, 0.9)
    np.testing.assert_array_equal(draw(image(), found, NAMES, threshold=0.5), image())
    assert (draw(image(), found, NAMES, threshold=0.49) != image()).any()


def test_the_best_of_two_boxes_is_drawn_on_top() -> None:
    found = np.vstack([box(1, 0.9, 0.25, 0.25, 0.75, 0.75), box(0, 0.6, 0.25, 0.25, 0.75, 0.75)])
    assert is_colored(draw(image(), found, NAMES, threshold=0.5), class_color(1))[300, 160]
    assert is_colored(draw(image(), found[::-1], NAMES, threshold=0.5), class_color(1))[300, 160]


def test_truth_is_a_thin_white_box_below_the_detections() -> None:
    truth = np.array([[0, 0.25, 0.25, 0.75, 0.75, 0]])
    picture = draw(image(), np.zeros((0, 6)), NAMES, threshold=0.5, truth=truth)
    white = is_colored(picture, (255, 255, 255))
    assert white.sum() == 2 * 320 + 2 * 240 - 4
    assert white[120, 160:480].all()
    covered = draw(image(), box(1, 0.9, 0.25, 0.25, 0.75, 0.75), NAMES, threshold=0.5, truth=truth)
    assert is_colored(covered, class_color(1))[120:360, 160].all()


def test_the_given_image_is_left_alone() -> None:
    given = image()
    draw(given, box(1, 0.9, 0.25, 0.25, 0.75, 0.75), NAMES, threshold=0.5)
    np.testing.assert_array_equal(given, image())


@pytest.mark.parametrize(
    ("size", "expected"), [((60, 80), (360, 480)), ((240, 320), (480, 640)), ((479, 480), (479, 480))]
)
def test_small_images_are_enlarged_by_a_whole_factor(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert enlarge(image(*size)).shape == (*expected, 3)
    picture = draw(image(*size), box(1, 0.9, 0, 0, 1, 1), NAMES, threshold=0.5)
    assert is_colored(picture, class_color(1))[[0, -1], [-1, 0]].all()


@pytest.mark.parametrize("corners", [(-0.5, -0.5, 1.5, 1.5), (1.0, 1.0, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5)])
def test_boxes_beyond_the_image_or_without_area_are_drawn_within_it(corners: tuple[float, ...]) -> None:
    assert is_colored(draw(image(), box(0, 0.9, *corners), NAMES, threshold=0.5), class_color(0)).any()


def test_classes_without_a_name_show_their_id() -> None:
    found = box(7, 0.9, 0.25, 0.25, 0.75, 0.75)
    unnamed, short = (draw(image(), found, names, threshold=0.5) for names in (None, NAMES))
    named = draw(image(), found, [f"class {label}" for label in range(8)], threshold=0.5)
    np.testing.assert_array_equal(unnamed, named)
    np.testing.assert_array_equal(short, named)


def test_the_first_twenty_classes_have_colors_of_their_own() -> None:
    colors = np.array([class_color(label) for label in range(20)])
    distances = np.abs(colors[:, None] - colors[None]).sum(axis=2)[~np.eye(20, dtype=bool)]
    assert distances.min() > 20
