import io
import logging
import os
import re
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from tqdm import tqdm

from gluon_ssd.sagemaker import logs


def test_a_line_has_time_level_and_thread_before_the_message(log: io.StringIO) -> None:
    logging.getLogger("gluon_ssd.somewhere").warning("resized to %d", 300)

    assert re.fullmatch(
        rf"\[\d\d/\d\d/\d{{4}} \d\d:\d\d:\d\d WARNING {threading.get_ident()}\] resized to 300\n", log.getvalue()
    )


def test_the_time_is_utc_wherever_the_machine_stands(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    logging.getLogger().info("now")
    monkeypatch.undo()
    time.tzset()

    printed = datetime.strptime(log.getvalue()[1:20], "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
    assert abs((datetime.now(tz=UTC) - printed).total_seconds()) < 60


@pytest.mark.usefixtures("restored_loggers")
def test_a_name_that_is_not_utf_8_is_printed_with_its_bytes_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")
    logs.configure(stream)
    logging.getLogger().warning("train channel, %s: skipped", os.fsdecode(b"caf\xe9.jpg"))
    stream.flush()
    assert raw.getvalue().endswith(b"train channel, caf\\udce9.jpg: skipped\n")


def test_the_root_logger_prints_from_info_up(log: io.StringIO) -> None:
    logging.info("Update[3103]: Change learning rate to 1.00000e-05")  # noqa: LOG015 - as MXNet's scheduler does
    logging.getLogger("gluon_ssd.somewhere").debug("hidden")

    assert log.getvalue().endswith("] Update[3103]: Change learning rate to 1.00000e-05\n")
    assert log.getvalue().count("\n") == 1


def test_some_lines_stand_without_prefix(log: io.StringIO) -> None:
    logging.getLogger(logs.UNPREFIXED_LOGGER).info("Process %d is a worker.", 1)

    assert log.getvalue() == "Process 1 is a worker.\n"


def test_configuring_twice_prints_once(restored_loggers: None) -> None:  # noqa: ARG001 - used for its effect
    first, second = io.StringIO(), io.StringIO()
    logs.configure(first)
    logs.configure(second)
    logging.getLogger("gluon_ssd.somewhere").info("once")
    logging.getLogger(logs.UNPREFIXED_LOGGER).info("once")

    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 2


def test_standard_output_is_found_when_it_is_asked_for(
    restored_loggers: None,  # noqa: ARG001 - used for its effect
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure()
    logging.getLogger("gluon_ssd.somewhere").info("here")

    assert capsys.readouterr().out.endswith("] here\n")


def _shown(controller: int) -> str:
    """Return all that was written to a terminal, which is closed by now; it may take several readings to arrive."""
    parts = []
    with os.fdopen(controller, "rb", buffering=0) as screen, suppress(OSError):  # EIO: the end
        while part := screen.read(65536):
            parts.append(part)
    return b"".join(parts).decode()


def test_on_a_terminal_a_line_takes_the_place_of_the_bar_and_the_bar_moves_below_it(
    restored_loggers: None,  # noqa: ARG001 - used for its effect
) -> None:
    controller, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stream:
        logs.configure(stream)
        bar = tqdm(range(4), desc="epoch 0", file=stream, ncols=40)
        logging.getLogger("gluon_ssd.somewhere").info("a line")
        bar.close()
    written = _shown(controller)

    before, line, after = re.split(r"(\[[^\]]*\] a line)", written)
    assert line
    assert "epoch 0" in before
    assert re.search(r"\r +\r$", before)  # the bar was wiped
    assert after.startswith("\r\n")
    assert "epoch 0" in after


def test_a_process_that_others_speak_for_says_only_what_is_wrong() -> None:
    stream = io.StringIO()
    logs.configure(stream)
    logs.quieten()
    for name in ("gluon_ssd.job", logs.UNPREFIXED_LOGGER):
        logging.getLogger(name).info("all is well")
    logging.getLogger("gluon_ssd.job").error("it is not")
    assert [line.partition("] ")[2] for line in stream.getvalue().splitlines()] == ["it is not"]
