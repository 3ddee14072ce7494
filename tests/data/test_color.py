"""Changes of color: what each does to pixels, and how often and how far they are drawn."""

import colorsys
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import augmentation_of_mxnet
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
    changes = color.draw(np.random.default_rng(5).random((4000, color.NUMBERS)))
    rows = np.array([(one.hue, one.lightness, one.saturation, one.contrast) for one in changes])
    assert np.abs(rows).max(axis=0).tolist() == pytest.approx([17, 31, 31, 0.5], abs=0.001)
    # Of the draws that happen, those that are cut to 0 do not show: one in 18 of hues, one in 32 of the others.
    shares = (rows != 0).mean(axis=0)
    np.testing.assert_allclose(shares, [0.5 * 17 / 18, 0.5 * 31 / 32, 0.5 * 31 / 32, 0.5], atol=0.032)
    np.testing.assert_allclose(rows.mean(axis=0) / (18, 32, 32, 0.5), 0, atol=0.03)


def _statistics(image: NDArray[np.uint8]) -> list[float]:
    """Brightness, contrast, saturation, and the three channels, whose balance is the hue."""
    saturation = [colorsys.rgb_to_hls(*pixel)[2] for pixel in (image.reshape(-1, 3) / 255).tolist()]
    return [
        float(image.mean()),
        float(image.std()),
        255 * float(np.mean(saturation)),
        *image.mean(axis=(0, 1)).tolist(),
    ]


def test_colors_spread_as_those_of_mxnets_iterator(mxnet_draws: Path) -> None:
    image = augmentation_of_mxnet.colors()
    changes = color.draw(np.random.default_rng(67).random((2000, color.NUMBERS)))
    theirs = np.array([_statistics(pixels) for pixels in np.load(mxnet_draws / "pixels.npy")])
    ours = np.array([_statistics(color.apply(image, change)) for change in changes])
    # Four standard errors of the difference of two means over 2,000, and of two deviations.
    tolerance = 4 * theirs.std(axis=0) * math.sqrt(2 / 2000)
    np.testing.assert_array_less(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)), tolerance)
    np.testing.assert_array_less(np.abs(ours.std(axis=0) - theirs.std(axis=0)), tolerance)
    for share in (0.1, 0.25, 0.75, 0.9):
        difference = np.abs(np.quantile(ours, share, axis=0) - np.quantile(theirs, share, axis=0))
        np.testing.assert_array_less(difference, 3 * tolerance)
