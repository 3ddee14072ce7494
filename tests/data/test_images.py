"""Decoding of stored images: what they all become, and what is refused."""

import struct

import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from gluon_ssd.data import images
from gluon_ssd.data.images import UnreadableImageError
from opencv_pixels import decoded

RED, GREEN = (255, 0, 0), (0, 255, 0)


def _encode(pixels: NDArray[np.generic], kind: str = ".png") -> bytes:
    """Encode pixels given in OpenCV's order: gray, BGR or BGRA."""
    done, data = cv2.imencode(kind, np.asarray(pixels, pixels.dtype))
    assert done
    return data.tobytes()


def _with_rotation_tag(jpeg: bytes, orientation: int) -> bytes:
    """Put an EXIF segment with an orientation behind the start of a JPEG."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    body = b"Exif\0\0" + b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 1) + entry + struct.pack(">I", 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def _two_halves() -> NDArray[np.uint8]:
    """Return a BGR image 64 wide and 32 high, left half red, right half green."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, :32], pixels[:, 32:] = RED[::-1], GREEN[::-1]
    return pixels


def test_a_png_becomes_contiguous_rgb() -> None:
    image = images.decode(_encode(_two_halves()))
    assert image.shape == (32, 64, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert (tuple(image[0, 0]), tuple(image[31, 63])) == (RED, GREEN)


def test_a_jpeg_becomes_rgb_within_its_losses() -> None:
    image = images.decode(_encode(_two_halves(), ".jpg"))
    np.testing.assert_allclose(image[16, [8, 56]], [RED, GREEN], atol=4)


@pytest.mark.parametrize(("shrinkage", "shape"), [(1, (30, 62)), (2, (15, 31)), (4, (8, 16)), (8, (4, 8))])
def test_a_jpeg_can_be_decoded_smaller(shrinkage: int, shape: tuple[int, int]) -> None:
    image = images.decode(_encode(_two_halves()[:30, 1:63], ".jpg"), shrinkage=shrinkage)
    assert image.shape == (*shape, 3)
    np.testing.assert_allclose([image[0, 0], image[-1, -1]], [RED, GREEN], atol=6)


def test_a_jpeg_has_the_values_of_opencv_and_a_draft_nearly() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    jpeg = _encode(cv2.resize(noise, (333, 250), interpolation=cv2.INTER_CUBIC), ".jpg")
    expected = decoded(jpeg)[:, :, ::-1]
    np.testing.assert_array_equal(images.decode(jpeg), expected)
    difference = np.abs(images.decode(jpeg, draft=True).astype(int) - expected)
    assert 0 < difference.mean() < 2


def _with_frame(jpeg: bytes, position: int, replacement: bytes) -> bytes:
    """Overwrite bytes of the segment that begins the frame: its sides are at 5, the first sampling factors at 11."""
    begin = jpeg.index(b"\xff\xc0") + position
    return jpeg[:begin] + replacement + jpeg[begin + len(replacement) :]


def test_a_jpeg_of_rare_sampling_is_decoded() -> None:
    data = _with_frame(_encode(_two_halves(), ".jpg"), 11, b"\x14")
    with pytest.raises(KeyError):
        simplejpeg.decode_jpeg_header(data)
    assert images.decode(data).shape == (32, 64, 3)


def test_a_jpeg_that_claims_to_be_huge_is_refused_before_memory_is_taken() -> None:
    jpeg = _with_frame(_encode(_two_halves(), ".jpg"), 5, struct.pack(">HH", 65000, 65000))
    with pytest.raises(UnreadableImageError, match="cannot be decoded"):
        images.decode(jpeg)


def test_a_png_is_decoded_whole() -> None:
    assert images.decode(_encode(_two_halves()), shrinkage=4).shape == (32, 64, 3)


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_the_size_of_an_image_is_told(kind: str) -> None:
    assert images.size(_encode(_two_halves(), kind)) == (64, 32)


def test_no_size_of_what_is_no_image() -> None:
    with pytest.raises(UnreadableImageError, match="expected a JPEG or PNG image, got 6 bytes"):
        images.size(b"broken")


def test_the_rotation_tag_of_a_camera_is_ignored() -> None:
    plain = _encode(_two_halves(), ".jpg")
    tagged = _with_rotation_tag(plain, 6)
    # The tag is one that OpenCV obeys unless told not to.
    assert decoded(tagged).shape == (64, 32, 3)
    np.testing.assert_array_equal(images.decode(tagged), images.decode(plain))


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_gray_becomes_three_equal_channels(kind: str) -> None:
    image = images.decode(_encode(np.full((8, 8), 100, np.uint8), kind))
    assert np.unique(image).tolist() == [100]
    assert image.shape == (8, 8, 3)


def test_an_alpha_channel_is_left_out() -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[...] = (10, 20, 30, 0)
    assert np.unique(images.decode(_encode(pixels)).reshape(-1, 3), axis=0).tolist() == [[30, 20, 10]]


def test_16_bits_become_8() -> None:
    pixels = np.zeros((4, 4, 3), np.uint16)
    pixels[...] = (0x1000, 0x8000, 0xFFFF)
    assert images.decode(_encode(pixels))[0, 0].tolist() == [0xFF, 0x80, 0x10]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "no bytes"),
        (b"GIF89a\x01\x00\x01\x00", "10 bytes that begin with 47 49 46 38 39 61 01 00"),
        (_encode(_two_halves(), ".bmp"), "6,198 bytes that begin with 42 4d"),
        (_encode(_two_halves())[:40], "one that is broken, of 40 bytes"),
        (_encode(_two_halves(), ".jpg")[:100], "one that is broken, of 100 bytes"),
        (b"\xff\xd8\xff", "one that is broken, of 3 bytes"),
    ],
)
def test_anything_else_is_refused_with_what_it_is(data: bytes, found: str) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        images.decode(data)
    assert str(caught.value).startswith(f"expected a JPEG or PNG image, got {found}")
    with pytest.raises(UnreadableImageError) as checked:
        images.check(data)
    assert str(checked.value) == str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        _encode(_two_halves()),
        _encode(_two_halves(), ".jpg"),
        _with_rotation_tag(_encode(_two_halves(), ".jpg"), 6),
        _encode(np.zeros((32, 64), np.uint8)),
        _encode(np.zeros((32, 64, 4), np.uint8)),
        _encode(np.zeros((32, 64, 3), np.uint16)),
    ],
    ids=["png", "jpeg", "rotated", "gray", "alpha", "16 bits"],
)
def test_a_check_tells_the_size_of_the_pixels_as_stored(data: bytes) -> None:
    assert images.check(data) == (64, 32)


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.999])
def test_a_jpeg_that_breaks_off_is_refused(kept: float) -> None:
    # With a thumbnail, whole, before its own pixels.
    rng = np.random.default_rng(0)
    jpeg = _encode(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8), ".jpg")
    thumbnail = _encode(_two_halves(), ".jpg")
    segment = b"\xff\xe2" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = jpeg[:2] + segment + jpeg[2:]
    assert images.decode(whole).shape == (60, 80, 3)
    assert images.decode(whole + b"more").shape == (60, 80, 3)
    data = whole[: int(len(whole) * kept)]
    with pytest.raises(UnreadableImageError, match=f"got a JPEG that breaks off after {len(data):,} bytes"):
        images.decode(data)


def test_an_image_that_claims_more_pixels_than_there_can_be_is_refused() -> None:
    png = bytearray(_encode(_two_halves()))
    png[16:24] = struct.pack(">II", 2**20, 2**20)
    with pytest.raises(UnreadableImageError, match="expected a JPEG or PNG image, got one that"):
        images.decode(bytes(png))
