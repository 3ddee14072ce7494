"""Reading named pipes: late, silent, closed early, and without a hang."""

import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gluon_ssd.data.fifo import Patience, open_fifo
from gluon_ssd.errors import PlatformError, StoppedError
from pipe_service import served

PLACE = "train channel, train_0"


def never() -> bool:
    return False


def patience(seconds: float = 10) -> Patience:
    return Patience(seconds, never)


def test_a_pipe_is_read_to_its_end_whatever_the_sizes_it_is_written_in(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    with (
        served(tmp_path / "train", [content], chunk=7919) as service,
        open_fifo(tmp_path / "train_0", PLACE, patience()) as stream,
    ):
        assert stream.read(3) == content[:3]
        assert stream.read() == content[3:]
        assert stream.read(1) == b""
    assert service.log == ["read"]


def test_a_pipe_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    def come() -> None:
        os.mkfifo(tmp_path / "train_0")
        (tmp_path / "train_0").write_bytes(b"late")

    writer = threading.Timer(0.3, come)
    writer.start()
    with open_fifo(tmp_path / "train_0", PLACE, patience()) as stream:
        assert stream.read() == b"late"
    writer.join()


def test_a_pipe_that_is_there_before_its_writer_is_not_at_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train_0")
    with open_fifo(tmp_path / "train_0", PLACE, patience()) as stream:
        writer = threading.Timer(0.3, (tmp_path / "train_0").write_bytes, [b"late"])
        writer.start()
        assert stream.read() == b"late"
        writer.join()


def test_a_pipe_closed_early_ends_its_writer(tmp_path: Path) -> None:
    with served(tmp_path / "train", [bytes(10_000_000)]) as service:
        with open_fifo(tmp_path / "train_0", PLACE, patience()) as stream:
            assert stream.read(10) == bytes(10)
        time.sleep(0.1)
    assert service.log == ["closed"]


def test_a_pipe_that_never_comes_is_a_platform_error_after_the_stated_time(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(PlatformError) as caught:
        open_fifo(tmp_path / "train_0", PLACE, patience(0.3))
    assert 0.3 <= time.monotonic() - started < 2
    assert str(caught.value) == (
        "SageMaker pipe channel timed out. train channel, train_0: expected data within 0.3 seconds, got none"
    )


@pytest.mark.parametrize("written", [b"", b"some"])
def test_a_pipe_that_falls_silent_is_a_platform_error(tmp_path: Path, written: bytes) -> None:
    os.mkfifo(tmp_path / "train_0")
    with open_fifo(tmp_path / "train_0", PLACE, patience(0.3)) as stream:
        writer = os.open(tmp_path / "train_0", os.O_WRONLY)
        os.write(writer, written)
        with pytest.raises(PlatformError, match=r"^SageMaker pipe channel timed out"):
            stream.read(5)
        os.close(writer)


def test_a_slow_writer_is_waited_for_as_long_as_it_writes(tmp_path: Path) -> None:
    with (
        served(tmp_path / "train", [b"0123456789"], chunk=1, pause=0.1),
        open_fifo(tmp_path / "train_0", PLACE, patience(0.5)) as stream,
    ):
        assert stream.read() == b"0123456789"


def test_a_stop_ends_the_waiting_for_a_pipe_and_for_its_bytes(tmp_path: Path) -> None:
    stopped = threading.Event()
    threading.Timer(0.3, stopped.set).start()
    with pytest.raises(StoppedError, match=r"^train channel, train_0: asked to stop while waiting for data$"):
        open_fifo(tmp_path / "train_0", PLACE, Patience(60, stopped.is_set))
    os.mkfifo(tmp_path / "train_0")
    with (
        open_fifo(tmp_path / "train_0", PLACE, Patience(60, stopped.is_set)) as stream,
        pytest.raises(StoppedError, match="asked to stop"),
    ):
        stream.read(1)


def test_a_signal_during_a_silence_is_handled_at_once_and_reading_goes_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train_0")
    handled = []
    before = signal.signal(signal.SIGUSR1, lambda *_: handled.append(time.monotonic()))
    try:
        with open_fifo(tmp_path / "train_0", PLACE, patience()) as stream:
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1]).start()
            threading.Timer(0.5, (tmp_path / "train_0").write_bytes, [b"after"]).start()
            started = time.monotonic()
            assert stream.read() == b"after"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert handled
    assert handled[0] - started < 0.4


def test_a_silence_is_told_once_and_waited_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(tmp_path / "train_0")
    threading.Timer(1, (tmp_path / "train_0").write_bytes, [b"late"]).start()
    with (
        caplog.at_level(logging.WARNING),
        open_fifo(tmp_path / "train_0", PLACE, Patience(3600, never, quiet=0.2)) as stream,
    ):
        assert stream.read() == b"late"
    assert caplog.messages == ["train channel, train_0: no data for 0 s, waiting up to 3600 s"]


def test_a_file_in_place_of_a_pipe_is_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "train_0").write_bytes(b"content")
    with open_fifo(tmp_path / "train_0", PLACE, patience()) as stream:
        assert stream.read() == b"content"


def test_a_folder_in_place_of_a_pipe_is_a_platform_error(tmp_path: Path) -> None:
    (tmp_path / "train_0").mkdir()
    with (
        open_fifo(tmp_path / "train_0", PLACE, patience()) as stream,
        pytest.raises(PlatformError, match=r"train_0: expected a pipe that can be read, got .*directory"),
    ):
        stream.read(1)
