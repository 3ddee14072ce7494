"""Sizes told by the first bytes of images, beside what OpenCV decodes."""

import io

import cv2
import numpy as np
import pytest

from gluon_ssd.data.image_header import read_header, read_size
from gluon_ssd.data.images import decode


def _encoded(suffix: str, *flags: int, channels: int = 3) -> bytes:
    return cv2.imencode(suffix, np.zeros((37, 53, channels), np.uint8), flags)[1].tobytes()


JPEG = _encoded(".jpg")
EXIF = JPEG[:2] + b"\xff\xe1" + (60_000).to_bytes(2, "big") + bytes(59_998) + JPEG[2:]
STORED = {
    "baseline": JPEG,
    "progressive": _encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "gray": _encoded(".jpg", channels=1),
    "restart markers": _encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "long EXIF data": EXIF,
    "fill bytes": JPEG[:2] + b"\xff\xff\xff" + JPEG[2:],
    "PNG": _encoded(".png"),
    "PNG with alpha": _encoded(".png", channels=4),
}


@pytest.mark.parametrize("content", STORED.values(), ids=STORED.keys())
def test_the_size_is_what_decoding_gives(content: bytes) -> None:
    assert read_size(io.BytesIO(content)) == (53, 37) == decode(content).shape[1::-1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(40),
        JPEG[:2],
        JPEG[:100],
        STORED["PNG"][:20],
        JPEG[:2] + b"\xff\xd9",
        JPEG[:2] + b"\0" * 99,
    ],
)
def test_what_tells_no_size_is_none(content: bytes) -> None:
    assert read_size(io.BytesIO(content)) is None


def test_whatever_the_bytes_there_is_an_answer() -> None:
    rng = np.random.default_rng(5)
    for _ in range(3000):
        content = bytearray(EXIF[:20] + JPEG[2:200])
        for position in rng.integers(len(content), size=4):
            content[position] = rng.integers(256)
        size = read_size(io.BytesIO(bytes(content[: rng.integers(len(content))])))
        assert size is None or min(size) > 0


@pytest.mark.parametrize(
    ("name", "channels", "is_png"),
    [("baseline", 3, 0), ("gray", 1, 0), ("progressive", 3, 0), ("PNG", 3, 1), ("PNG with alpha", 4, 1)],
)
def test_the_header_tells_channels_and_format(name: str, channels: int, is_png: int) -> None:
    assert read_header(io.BytesIO(STORED[name])) == (53, 37, channels, is_png)


def test_a_palette_counts_as_the_colors_that_it_is_decoded_to() -> None:
    palette = bytearray(STORED["PNG"])
    palette[25] = 3  # the color type of the first chunk
    header = read_header(io.BytesIO(bytes(palette)))
    assert header is not None
    assert header.channels == 3
