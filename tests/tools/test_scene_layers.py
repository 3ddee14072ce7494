import numpy as np
import pytest

from gluon_ssd.tools.scene_layers import all_show, bounds, lay, visible_masks
from gluon_ssd.tools.textures import Field


def rectangle(xmin: int, ymin: int, xmax: int, ymax: int) -> Field:
    """Return a red layer 20 high and 30 wide that covers a rectangle."""
    layer = np.zeros((20, 30, 4), np.float32)
    layer[ymin:ymax, xmin:xmax] = (1, 0, 0, 1)
    return layer


def test_a_nearer_layer_takes_pixels_from_those_behind_it() -> None:
    far, near = rectangle(2, 3, 12, 13), rectangle(8, 0, 20, 20)
    masks = visible_masks([far, near])
    assert [bounds(mask) for mask in masks] == [(2, 3, 8, 13), (8, 0, 20, 20)]
    assert [int(mask.sum()) for mask in masks] == [60, 240]


def test_half_covered_pixels_belong_to_what_is_behind() -> None:
    soft = rectangle(0, 0, 4, 4) * np.float32(0.5)
    assert [int(mask.sum()) for mask in visible_masks([rectangle(0, 0, 10, 10), soft])] == [100, 0]


@pytest.mark.parametrize(("xmin", "shows"), [(9, True), (8, False)])
def test_an_object_shows_while_nine_tenths_of_it_do(xmin: int, *, shows: bool) -> None:
    far, near = rectangle(0, 0, 10, 10), rectangle(xmin, 0, 30, 20)
    assert all_show([far, near]) is shows
    assert all_show([near, far])


def test_a_layer_hides_the_picture_and_darkens_it_away_from_the_light() -> None:
    picture = np.full((20, 30, 3), 0.8, np.float32)
    laid = lay(picture, rectangle(10, 5, 20, 15), np.array([-0.7, 0, 0.7], np.float32))
    np.testing.assert_allclose(laid[6:14, 11:19], np.broadcast_to([1, 0, 0], (8, 8, 3)), atol=1e-6)
    assert laid[10, 24, 0] < laid[10, 5, 0] < 0.8
