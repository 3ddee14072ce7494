"""Samples straight from FIFOs, and what is said of streams that are wrong."""

import logging
import struct
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gluon_ssd.data import recordio
from gluon_ssd.data.fifo import Patience
from gluon_ssd.data.order import Place
from gluon_ssd.data.recordio_pipe import LabelLimits, RecordPipe
from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import PlatformError, UserError
from pipe_service import served
from record_stream import MAGIC, frame, mutate

BOX = (0, 0.25, 0.25, 0.75, 0.75, 0)
NOT_RECORDIO = "Unable to parse record. Please make sure input data is in correct recordio format. "


def _record(objects: Sequence[Sequence[float]] = (BOX,), image: bytes = b"pixels") -> bytes:
    return recordio.pack(Sample(image, np.array(objects, np.float32).reshape(-1, 6)), 0)


def _pipe(folder: Path, *, label_width: int = 350, seconds: float = 10, first: int = 0) -> RecordPipe:
    return RecordPipe(
        folder / "train",
        LabelLimits(3, label_width),
        wrapped=False,
        patience=Patience(seconds, lambda: False),
        first=first,
    )


def _refusal(folder: Path, content: bytes, *, label_width: int = 350) -> str:
    with served(folder / "train", [content]), pytest.raises(UserError) as caught:
        list(_pipe(folder, label_width=label_width).passage(0))
    return str(caught.value)


def test_each_pass_is_read_from_a_fifo_of_its_own(tmp_path: Path) -> None:
    epochs = [frame(_record(image=b"a"), _record(image=b"b")), frame(_record(image=b"c")), frame(_record(image=b"d"))]
    pipe = _pipe(tmp_path)
    with served(tmp_path / "train", epochs, chunk=7) as service:
        images = [[sample.image for sample in pipe.passage(passage)] for passage in range(3)]
    assert images == [[b"a", b"b"], [b"c"], [b"d"]]
    assert service.log == ["read"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train_0", "train_1", "train_2"]  # nothing written


def test_the_passes_of_a_job_that_goes_on_begin_with_the_first_fifo(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path, first=7)
    with served(tmp_path / "train", [frame(_record(image=b"a"))]):
        assert [sample.image for sample in pipe.passage(7)] == [b"a"]
    assert pipe.where(Place(8, 2)) == "train channel, train_1, record 2"


def test_samples_are_those_of_the_records_and_rec_objects_follow_each_other(tmp_path: Path) -> None:
    first = frame(_record([BOX, (2, 0, 0, 1, 0.5, 1)], b"abcd" + MAGIC + b"efgh"), _record([]))
    second = frame(_record([BOX], bytes(100_000)))
    with served(tmp_path / "train", [first + second]):
        samples = list(_pipe(tmp_path).passage(0))
    assert [sample.image for sample in samples] == [b"abcd" + MAGIC + b"efgh", b"pixels", bytes(100_000)]
    assert [sample.objects.tolist() for sample in samples] == [[list(BOX), [2, 0, 0, 1, 0.5, 1]], [], [list(BOX)]]


def test_a_pass_that_is_left_early_closes_its_fifo(tmp_path: Path) -> None:
    content = frame(*[_record(image=bytes(100_000))] * 100)
    with served(tmp_path / "train", [content, content]) as service:
        pipe = _pipe(tmp_path)
        samples = pipe.passage(0)
        next(samples)
        samples.close()
        assert sum(1 for _ in pipe.passage(1)) == 100
    assert service.log == ["closed", "read"]


def test_what_the_first_pass_holds_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    flat = (0, 0.5, 0.5, 0.5, 0.75, 0)
    content = frame(_record(), _record([]), _record([BOX, flat]))
    pipe = _pipe(tmp_path)
    with served(tmp_path / "train", [content] * 2), caplog.at_level(logging.INFO):
        for passage in (0, 1):
            list(pipe.passage(passage))
    assert caplog.messages == [
        "train channel, train_0: 3 images, 2 objects, 1 images without objects",
        "train channel, train_0, record 2: 1 boxes dropped for having no area inside their image",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "train channel, train_0: expected at least one record, got an empty stream"),
        (
            b"\xff\xd8\xff\xe0 JFIF",
            (
                f"{NOT_RECORDIO}train channel, train_0, record 0: expected the magic number 0xced7230a at byte 0, "
                "got 0xe0ffd8ff; set RecordWrapperType to RecordIO for an augmented manifest"
            ),
        ),
        (
            b'{"source-ref": "s3://bucket/a.jpg"}',
            (
                f"{NOT_RECORDIO}train channel, train_0, record 0: expected the magic number 0xced7230a at byte 0, "
                "got 0x6f73227b; set RecordWrapperType to RecordIO for an augmented manifest"
            ),
        ),
        (
            frame(_record()) + b"0\t0\n1\t80\n",
            (
                f"{NOT_RECORDIO}train channel, train_0, record 1: expected the magic number 0xced7230a at byte 72, "
                "got 0x0a300930; keep nothing but .rec files under the channel's S3 prefix: "
                ".idx and .lst files would be streamed too"
            ),
        ),
        (
            frame(_record(), _record(image=bytes(1000)))[:-400],
            (
                f"{NOT_RECORDIO}train channel, train_0, record 1: expected 1,056 bytes of payload at byte 80, "
                "but the stream ends 400 bytes too soon"
            ),
        ),
        (
            frame(_record()) + MAGIC,
            (
                f"{NOT_RECORDIO}train channel, train_0, record 1: expected a record header of 8 bytes at byte 72, "
                "but the stream ends 4 bytes too soon"
            ),
        ),
        (
            frame(_record(), b"abcd"),
            f"{NOT_RECORDIO}train channel, train_0, record 1: expected an image record of at least 24 bytes, got 4",
        ),
        (
            frame(frame(_record())),
            (
                f"{NOT_RECORDIO}train channel, train_0, record 0: expected an image, got RecordIO inside of RecordIO; "
                "set RecordWrapperType to None for a channel of .rec files"
            ),
        ),
        (
            frame(_record(), struct.pack("<IfQQ", 0, 3, 0, 0) + b"pixels"),
            (
                "Not enough annotation packed in the list file or the RecordIO file. Each object requires at least "
                "five numbers [label_id, xmin, ymin, xmax, ymax] for annotation. train channel, train_0, record 1: "
                "label: expected a header of at least 2 numbers, got []"
            ),
        ),
        (
            frame(_record(), _record([BOX, (3, 0, 0, 1, 1, 0)])),
            (
                "train channel, train_0, record 1, object 1: expected a class id from 0 to 2, "
                "since num_classes is 3, got 3"
            ),
        ),
        (
            frame(_record(), _record([BOX] * 60)),
            (
                "Invalid parameter value 'label_width'. Please ensure that the value of parameter 'label_width' is at "
                "least 362: train channel, train_0, record 1 has a label of 362 numbers, got label_width 350"
            ),
        ),
        (
            frame(_record(), _record([(0, 20, 30, 200, 150, 0)] * 2)),
            (
                "train channel: expected box corners in fractions of the image, from 0 to 1, got 2 of 3 boxes outside "
                "of it or without area; divide pixels by the image's width and height"
            ),
        ),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else "",
)
def test_a_wrong_stream_is_refused_with_what_to_do(tmp_path: Path, content: bytes, message: str) -> None:
    assert _refusal(tmp_path, content) == message


def test_boxes_in_pixels_are_told_without_waiting_for_the_end_of_a_long_stream(tmp_path: Path) -> None:
    content = frame(*[_record([(0, 20, 30, 200, 150, 0)], bytes(10_000))] * 1000)
    with served(tmp_path / "train", [content]) as service:
        with pytest.raises(UserError, match="got 100 of 100 boxes outside"):
            list(_pipe(tmp_path).passage(0))
        time.sleep(0.1)
    assert service.log == ["closed"]


def test_a_pass_that_never_comes_is_a_platform_error(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path, seconds=0.3)
    with served(tmp_path / "train", [frame(_record())]):
        list(pipe.passage(0))
        with pytest.raises(PlatformError, match=r"SageMaker pipe channel timed out\. train channel, train_1: "):
            list(pipe.passage(1))


def test_memory_does_not_grow_with_the_number_of_records(tmp_path: Path) -> None:
    peaks = []
    with served(tmp_path / "train", [frame(*[_record(image=bytes(5000))] * n) for n in (50, 2000)], chunk=1 << 16):
        pipe = _pipe(tmp_path)
        for passage, count in enumerate((50, 2000)):
            tracemalloc.start()
            assert sum(1 for _ in pipe.passage(passage)) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 50_000
    assert peaks[1] < 3_000_000


def test_whatever_happens_to_a_stream_it_is_read_or_refused_but_nothing_else(tmp_path: Path) -> None:
    content = frame(_record([BOX] * 2), _record(image=b"abcd" + MAGIC + b"efgh"), _record([]))
    rng = np.random.default_rng(11)
    refusals = []
    for _ in range(300):
        # A file in place of the FIFO: the bytes matter here, not where they come from.
        (tmp_path / "train_0").write_bytes(mutate(content, rng, kinds=4))
        try:
            samples = list(_pipe(tmp_path).passage(0))
        except UserError as error:
            refusals.append(str(error))
        else:
            assert all(sample.objects.shape[1] == 6 for sample in samples)
    assert 150 < len(refusals) < 300
    assert all("train channel" in refusal for refusal in refusals)
