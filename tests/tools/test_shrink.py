import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd.data.images import decode
from gluon_ssd.tools.shrink import shrink


def encode(pixels: NDArray[np.uint8], suffix: str) -> bytes:
    """Encode RGB pixels."""
    return cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


def checkers(height: int, width: int) -> NDArray[np.uint8]:
    """Black and white by turns, pixel by pixel, but red where the right half is."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[::2, ::2] = pixels[1::2, 1::2] = 255
    pixels[:, width // 2 :] = (200, 0, 0)
    return pixels


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(60, 80, (40, 30)), (80, 60, (30, 40)), (45, 81, (40, 22)), (1, 500, (40, 1))],
)
def test_the_longer_side_becomes_the_largest_allowed(height: int, width: int, size: tuple[int, int]) -> None:
    pixels = checkers(height, width)
    data, told = shrink(encode(pixels, ".png"), 40)
    assert told == size
    assert decode(data).shape == (size[1], size[0], 3)


def test_pixels_become_means_and_colors_stay() -> None:
    pixels = checkers(60, 80)
    data, _ = shrink(encode(pixels, ".png"), 40)
    smaller = decode(data)
    assert np.abs(smaller[:, :20].astype(int) - 128).max() <= 1
    assert (smaller[:, 20:] == (200, 0, 0)).all()


@pytest.mark.parametrize(("suffix", "signature"), [(".jpg", b"\xff\xd8\xff"), (".png", b"\x89PNG")])
def test_jpeg_stays_jpeg_and_png_png(suffix: str, signature: bytes) -> None:
    pixels = checkers(60, 80)
    assert shrink(encode(pixels, suffix), 40)[0].startswith(signature)


def test_jpeg_is_written_at_quality_95() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    original = encode(pixels, ".jpg")
    data, size = shrink(original, 32)
    smaller = cv2.resize(cv2.cvtColor(decode(original), cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)
    assert data == cv2.imencode(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
