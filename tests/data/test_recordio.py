"""Framing of RecordIO and layout of image records, beside MXNet's own reader and writer."""

import io
import struct
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from gluon_ssd.data import recordio
from gluon_ssd.data.recordio import RecordIOError
from gluon_ssd.data.sample import Sample

MAGIC = bytes.fromhex("0a23d7ce")
PAYLOADS = [
    b"",
    b"a",
    b"abcd",
    b"ab" + MAGIC + b"cd",  # not at a multiple of four
    MAGIC,
    MAGIC * 3,
    b"abcd" + MAGIC + b"xyz",
    b"a" + MAGIC * 2 + b"bcd" + MAGIC,
    b"abcd" + MAGIC + b"efgh" + MAGIC + b"ijkl",
]


def _write(payloads: list[bytes]) -> bytes:
    stream = io.BytesIO()
    for payload in payloads:
        recordio.write_record(stream, payload)
    return stream.getvalue()


def _read(content: bytes) -> list[bytes]:
    payloads, offset = [], 0
    while offset < len(content):
        frame = recordio.find_frame(content, offset)
        payloads.append(recordio.read_payload(content, frame))
        offset = frame.end
    return payloads


def test_a_record_is_magic_length_payload_and_zeros_up_to_a_multiple_of_four() -> None:
    assert _write([b"hello"]) == MAGIC + bytes([5, 0, 0, 0]) + b"hello" + bytes(3)


def test_a_payload_with_the_magic_is_split_around_it() -> None:
    first = MAGIC + struct.pack("<I", 1 << 29 | 4) + b"abcd"
    last = MAGIC + struct.pack("<I", 3 << 29 | 2) + b"ef" + bytes(2)
    assert _write([b"abcd" + MAGIC + b"ef"]) == first + last


def test_writing_returns_where_each_record_begins() -> None:
    stream = io.BytesIO()
    assert [recordio.write_record(stream, payload) for payload in (b"hello", b"", b"x")] == [0, 16, 24]


def test_records_come_back_as_written() -> None:
    assert _read(_write(PAYLOADS)) == PAYLOADS


def test_files_are_byte_equal_to_those_of_mxnet(tmp_path: Path) -> None:
    writer = mx.recordio.MXRecordIO(str(tmp_path / "theirs.rec"), "w")
    for payload in PAYLOADS:
        writer.write(payload)
    writer.close()
    assert _write(PAYLOADS) == (tmp_path / "theirs.rec").read_bytes()


def test_a_payload_too_long_for_its_length_field_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected fewer than 536,870,912 bytes, got 536,870,912"):
        recordio.write_record(io.BytesIO(), bytes(1 << 29))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"JFIF....", "expected the magic number 0xced7230a at byte 0, got 0x4649464a"),
        (MAGIC + b"\0", "but the file ends 3 bytes too soon"),
        (_write([b"hello"])[:11], "expected 5 bytes of payload at byte 8, but the file ends 2 bytes too soon"),
        (MAGIC + b"\xff\xff\xff\x1f", "expected 536,870,911 bytes of payload at byte 8, but the file ends 536,870,911"),
        (MAGIC + struct.pack("<I", 2 << 29), "expected the first part of a record at byte 0, got a continuation"),
        (MAGIC + struct.pack("<I", 5 << 29), "expected a continuation flag from 0 to 3 at byte 4, got 5"),
        (
            MAGIC + struct.pack("<I", 1 << 29) + _write([b"next"]),
            "expected another part of a record at byte 8, got the start of a new one",
        ),
    ],
)
def test_bytes_that_are_not_recordio_are_refused_with_their_place(content: bytes, message: str) -> None:
    with pytest.raises(RecordIOError) as caught:
        recordio.find_frame(content, 0)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"JFIF....", "expected the magic number 0xced7230a at byte 0, got 0x4649464a"),
        (
            _write([b"hello"]) + MAGIC + b"\0",
            "a record header of 8 bytes at byte 16, but the stream ends 3 bytes too soon",
        ),
        (_write([b"hello"])[:11], "expected 5 bytes of payload at byte 8, but the stream ends 2 bytes too soon"),
        (_write([MAGIC])[:8], "expected a record header of 8 bytes at byte 8, but the stream ends 8 bytes too soon"),
        (
            _write([b"", b"abcd" + MAGIC + b"x"])[:-4],
            "1 bytes of payload at byte 28, but the stream ends 1 bytes too soon",
        ),
        (MAGIC + struct.pack("<I", 2 << 29), "expected the first part of a record at byte 0, got a continuation"),
        (_write([b"abcd"]) + MAGIC + struct.pack("<I", 5 << 29), "a continuation flag from 0 to 3 at byte 16, got 5"),
        (
            MAGIC + struct.pack("<I", 1 << 29) + _write([b"next"]),
            "expected another part of a record at byte 8, got the start of a new one",
        ),
    ],
)
def test_a_stream_that_is_not_recordio_is_refused_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(RecordIOError) as caught:
        list(recordio.payloads(io.BytesIO(content)))
    assert message in str(caught.value)


def test_a_stream_is_read_record_by_record_and_gives_what_the_file_gives() -> None:
    stream = io.BytesIO(_write(PAYLOADS))
    payloads = recordio.payloads(stream)
    assert next(payloads) == PAYLOADS[0]
    assert stream.tell() == 8
    assert list(payloads) == PAYLOADS[1:]


def test_zeros_missing_behind_the_last_payload_do_no_harm() -> None:
    content = _write([b"abcd", b"hello"])[:-3]
    assert _read(content) == list(recordio.payloads(io.BytesIO(content))) == [b"abcd", b"hello"]


def test_packed_records_are_what_mxnet_unpacks() -> None:
    objects = np.array([[3, 0.25, 0.5, 0.75, 1, 1], [0, 0, 0, 0.5, 0.5, 0]], np.float32)
    header, image = mx.recordio.unpack(recordio.pack(Sample(b"pixels", objects), 41))
    assert header.label.tolist() == [2, 6, 3, 0.25, 0.5, 0.75, 1, 1, 0, 0, 0, 0.5, 0.5, 0]
    assert (header.flag, header.id, header.id2, image) == (14, 41, 0, b"pixels")


def test_object_width_5_leaves_out_whether_an_object_is_difficult() -> None:
    objects = np.array([[3, 0.25, 0.5, 0.75, 1, 1]], np.float32)
    header, _ = mx.recordio.unpack(recordio.pack(Sample(b"pixels", objects), 0, object_width=5))
    assert header.label.tolist() == [2, 5, 3, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("width", [4, 7])
def test_an_object_width_that_cannot_be_filled_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"object_width: expected 5 or 6, got {width}"):
        recordio.pack(Sample(b"", np.zeros((0, 6), np.float32)), 0, object_width=width)


def test_unpacking_returns_what_mxnet_packed() -> None:
    label = np.array([2, 5, 1, 0, 0, 0.5, 1], np.float32)
    label_read, image = recordio.unpack(mx.recordio.pack(mx.recordio.IRHeader(0, label, 7, 0), b"pixels"))
    assert label_read.tolist() == label.tolist()
    assert image == b"pixels"


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"\xff\xd8\xff\xe0", "expected an image record of at least 24 bytes, got 4"),
        (
            b"\xff\xd8\xff\xe0" + bytes(96),
            (
                "got one of 100 bytes that announces 3,774,863,615 labels: it is an image alone; pack it with its "
                "label, as gluon-ssd prepare does"
            ),
        ),
    ],
)
def test_a_payload_that_is_no_image_record_is_refused(payload: bytes, message: str) -> None:
    with pytest.raises(RecordIOError, match=message):
        recordio.unpack(payload)


@pytest.mark.parametrize("image", [b"pixels", b"abcd" + MAGIC + b"efgh"])
def test_the_label_is_read_without_the_image(image: bytes) -> None:
    objects = np.array([[3, 0.25, 0.5, 0.75, 1, 1]], np.float32)
    content = _write([b"before", recordio.pack(Sample(image, objects), 0), b"after"])
    frame = recordio.find_frame(content, 16)
    assert recordio.read_label(content, frame).tolist() == [2, 6, 3, 0.25, 0.5, 0.75, 1, 1]


@pytest.mark.parametrize("image", [b"an image", b"", MAGIC * 3 + b"x"], ids=["one part", "empty", "several parts"])
def test_the_image_or_its_beginning_is_read_without_the_label(image: bytes) -> None:
    stream = io.BytesIO()
    for number in range(2):
        recordio.write_record(stream, recordio.pack(Sample(image, np.ones((3, 6), np.float32)), number))
    first, second = recordio.frames(stream.getvalue())
    for frame in (first, second):
        assert recordio.read_image(stream.getvalue(), frame) == image
        assert recordio.read_image(stream.getvalue(), frame, 3) == image[:3]
        assert recordio.read_image(stream.getvalue(), frame, 1000) == image
