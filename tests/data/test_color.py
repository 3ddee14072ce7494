"""Changes of color: what each does to pixels, and how often and how far they are drawn."""

import colorsys

import numpy as np
import pytest

from gluon_ssd.data import color
from gluon_ssd.data.color import ColorChange


def _random_image() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def test_no_change_returns_the_same_pixels() -> None:
    image = _random_image()
    np.testing.assert_array_equal(color.apply(image, ColorChange()), image)


def test_contrast_multiplies_and_stays_in_range() -> None:
    image = np.array([[[0, 100, 200]]], np.uint8)
    assert color.apply(image, ColorChange(contrast=0.5)).tolist() == [[[0, 150, 255]]]
    assert color.apply(image, ColorChange(contrast=-0.5)).tolist() == [[[0, 50, 100]]]


@pytest.mark.parametrize(
    "change",
    [ColorChange(hue=12), ColorChange(lightness=-30), ColorChange(saturation=25), ColorChange(-9, 20, -31)],
)
def test_shifts_are_those_of_hue_lightness_and_saturation(change: ColorChange) -> None:
    # Colors of middling hue and saturation, so that no limit is met and 8 bits tell hues apart.
    pixels = [(200, 120, 60), (70, 180, 90), (80, 60, 190), (60, 150, 160)]
    changed = color.apply(np.array([pixels], np.uint8), change)[0]
    for before, after in zip(pixels, changed.tolist(), strict=True):
        hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in before))
        expected = colorsys.hls_to_rgb(
            hue + change.hue / 180,
            lightness + change.lightness / 255,
            saturation + change.saturation / 255,
        )
        np.testing.assert_allclose(after, np.array(expected) * 255, atol=4)


def test_hue_stops_at_its_limit_as_in_mxnet() -> None:
    # Hue 178 of 180 plus 18 would be 16, orange, if it went round; 180 is red.
    nearly_red = np.array([[[255, 0, 17]]], np.uint8)
    assert color.apply(nearly_red, ColorChange(hue=18)).tolist() == [[[255, 1, 1]]]


def test_draws_keep_within_their_limits_and_happen_half_the_time() -> None:
    rng = np.random.default_rng(5)
    changes = [color.draw(rng) for _ in range(4000)]
    rows = np.array([(one.hue, one.lightness, one.saturation, one.contrast) for one in changes])
    assert np.abs(rows).max(axis=0).tolist() == pytest.approx([17, 31, 31, 0.5], abs=0.001)
    # Of the draws that happen, those that are cut to 0 do not show: one in 18 of hues, one in 32 of the others.
    shares = (rows != 0).mean(axis=0)
    np.testing.assert_allclose(shares, [0.5 * 17 / 18, 0.5 * 31 / 32, 0.5 * 31 / 32, 0.5], atol=0.032)
    np.testing.assert_allclose(rows.mean(axis=0) / (18, 32, 32, 0.5), 0, atol=0.03)
