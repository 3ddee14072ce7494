"""Samples straight from FIFOs, and what is said of streams that are wrong."""

import logging
import time
import tracemalloc
from pathlib import Path

import pytest

from gluon_ssd.data.fifo import Patience
from gluon_ssd.data.order import Place
from gluon_ssd.data.recordio_pipe import LabelLimits, RecordPipe
from gluon_ssd.errors import PlatformError, UserError
from pipe_service import served, served_by_process
from record_stream import BOX, MAGIC, frame, record


def _pipe(folder: Path, *, label_width: int = 350, seconds: float = 10, first: int = 0) -> RecordPipe:
    return RecordPipe(
        folder / "train",
        LabelLimits(3, label_width),
        wrapped=False,
        patience=Patience(seconds, lambda: False),
        first=first,
    )


def test_each_pass_is_read_from_a_fifo_of_its_own(tmp_path: Path) -> None:
    epochs = [frame(record(image=b"a"), record(image=b"b")), frame(record(image=b"c")), frame(record(image=b"d"))]
    pipe = _pipe(tmp_path)
    with served(tmp_path / "train", epochs, chunk=7) as service:
        images = [[sample.image for sample in pipe.passage(passage)] for passage in range(3)]
    assert images == [[b"a", b"b"], [b"c"], [b"d"]]
    assert service.log == ["read"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train_0", "train_1", "train_2"]  # nothing written


def test_the_passes_of_a_job_that_goes_on_begin_with_the_first_fifo(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path, first=7)
    with served(tmp_path / "train", [frame(record(image=b"a"))]):
        assert [sample.image for sample in pipe.passage(7)] == [b"a"]
    assert pipe.where(Place(8, 2)) == "train channel, train_1, record 2"


def test_samples_are_those_of_the_records_and_rec_objects_follow_each_other(tmp_path: Path) -> None:
    first = frame(record([BOX, (2, 0, 0, 1, 0.5, 1)], b"abcd" + MAGIC + b"efgh"), record([]))
    second = frame(record([BOX], bytes(100_000)))
    with served(tmp_path / "train", [first + second]):
        samples = list(_pipe(tmp_path).passage(0))
    assert [sample.image for sample in samples] == [b"abcd" + MAGIC + b"efgh", b"pixels", bytes(100_000)]
    assert [sample.objects.tolist() for sample in samples] == [[list(BOX), [2, 0, 0, 1, 0.5, 1]], [], [list(BOX)]]


def test_a_pass_that_is_left_early_closes_its_fifo(tmp_path: Path) -> None:
    content = frame(*[record(image=bytes(100_000))] * 100)
    with served(tmp_path / "train", [content, content]) as service:
        pipe = _pipe(tmp_path)
        samples = pipe.passage(0)
        next(samples)
        samples.close()
        assert sum(1 for _ in pipe.passage(1)) == 100
    assert service.log == ["closed", "read"]


def test_what_the_first_pass_holds_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    flat = (0, 0.5, 0.5, 0.5, 0.75, 0)
    content = frame(record(), record([]), record([BOX, flat]))
    pipe = _pipe(tmp_path)
    with served(tmp_path / "train", [content] * 2), caplog.at_level(logging.INFO):
        for passage in (0, 1):
            list(pipe.passage(passage))
    assert caplog.messages == [
        "train channel, train_0: 3 images, 2 objects, 1 image without objects",
        "train channel, train_0, record 2: 1 box dropped for having no area inside the image",
    ]


def test_boxes_in_pixels_are_told_without_waiting_for_the_end_of_a_long_stream(tmp_path: Path) -> None:
    content = frame(*[record([(0, 20, 30, 200, 150, 0)], bytes(10_000))] * 1000)
    with served(tmp_path / "train", [content]) as service:
        with pytest.raises(UserError, match="got 100 of 100 boxes outside"):
            list(_pipe(tmp_path).passage(0))
        time.sleep(0.1)
    assert service.log == ["closed"]


def test_a_slow_writer_is_read_however_long_the_whole_pass_takes(tmp_path: Path) -> None:
    started = time.monotonic()
    with served(tmp_path / "train", [frame(record(image=b"a"), record(), record(image=b"z"))], chunk=7, pause=0.05):
        samples = list(_pipe(tmp_path, seconds=1).passage(0))
    assert [sample.image for sample in samples] == [b"a", b"pixels", b"z"]
    assert time.monotonic() - started > 1


def test_a_writer_that_is_killed_in_a_record_does_not_pass_for_one_that_is_done(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(frame(*[record(image=bytes(1_000_000))] * 9))  # more than a pipe and the reader's buffer hold
    with served_by_process(tmp_path / "train", source) as writer:
        samples = _pipe(tmp_path).passage(0)
        assert len(next(samples).image) == 1_000_000
        writer.kill()
        writer.wait()
        with pytest.raises(UserError, match=r"train_0, record [1-8]: expected .*, but the stream ends .* too soon$"):
            list(samples)


def test_a_pass_that_never_comes_is_a_platform_error(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path, seconds=0.3)
    with served(tmp_path / "train", [frame(record())]):
        list(pipe.passage(0))
        with pytest.raises(PlatformError, match=r"SageMaker pipe channel timed out\. train channel, train_1: "):
            list(pipe.passage(1))


def test_memory_does_not_grow_with_the_number_of_records(tmp_path: Path) -> None:
    peaks = []
    with served(tmp_path / "train", [frame(*[record(image=bytes(5000))] * n) for n in (50, 2000)], chunk=1 << 16):
        pipe = _pipe(tmp_path)
        for passage, count in enumerate((50, 2000)):
            tracemalloc.start()
            assert sum(1 for _ in pipe.passage(passage)) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 50_000
    assert peaks[1] < 3_000_000
