"""Launchers that are short shell scripts, and what is said of the host that they were to start a job on."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, StoppedError
from gluon_ssd.sagemaker import supervision
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.sagemaker.stop import StopRequest


def run(
    script: str, base: Path, *, patience: float = 60, stop: StopRequest | None = None, options: Sequence[str] = ()
) -> int:
    """Run a script as the launcher of one host, with $output as its output folder."""
    paths = Paths(base)
    paths.output.mkdir(exist_ok=True)
    environ = {"PATH": os.environ["PATH"], "output": str(paths.output)}
    (code,) = supervision.run(
        ["sh", "-c", script],
        environ,
        [paths],
        deadline=Deadline.after(patience),
        stop=stop or StopRequest(),
        options=options,
    )
    assert not paths.first_process.exists()
    return code


def test_a_process_that_says_that_it_is_done_has_done_the_job_whatever_its_launcher_says(tmp_path: Path) -> None:
    assert run("printf done > $output/.first_process; exit 1", tmp_path) == 0
    assert not Paths(tmp_path).failure.exists()


def test_processes_learn_that_they_are_awaited(tmp_path: Path) -> None:
    assert run("[ $GLUON_SSD_AWAITED = 1 ] && printf done > $output/.first_process", tmp_path) == 0


def test_a_failure_file_says_how_the_job_ended(tmp_path: Path) -> None:
    assert run("printf 'ClientError: a mistake' > $output/failure; printf $$ > $output/.first_process", tmp_path) == 2
    assert Paths(tmp_path).failure.read_text() == "ClientError: a mistake"


def test_a_process_that_is_gone_without_a_word_is_lost(tmp_path: Path) -> None:
    assert run("printf $$ > $output/.first_process", tmp_path) == 3
    assert Paths(tmp_path).failure.read_text() == (
        "InternalServerError: hosts: expected every process to train to the end, got the loss of one; see the log for "
        "the reason"
    )


def test_a_launcher_that_starts_nothing_is_told_from_a_process_that_is_lost(tmp_path: Path) -> None:
    assert run("true", tmp_path) == 3
    assert Paths(tmp_path).failure.read_text() == (
        "InternalServerError: hosts: expected the processes of this host to be started by mpirun, got its end before; "
        "see the log"
    )


def test_options_that_a_user_has_chosen_are_named_where_a_launcher_starts_nothing(tmp_path: Path) -> None:
    assert run("exit 1", tmp_path, options=["-x", "FOO=1", "--nonsense"]) == 3
    assert Paths(tmp_path).failure.read_text() == (
        "InternalServerError: hosts: expected the processes of this host to be started by mpirun, got its end before; "
        "see the log, and check sagemaker_mpi_custom_mpi_options, '-x FOO=1 --nonsense'"
    )


def test_a_launcher_that_takes_too_long_to_start_a_process_is_ended_with_all_it_has_started(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="hosts: expected all of them to come within 1 s, got fewer"):
        run("sleep 300 & printf $! > $output/child; wait", tmp_path, patience=1)
    child = Path("/proc") / (tmp_path / "output" / "child").read_text() / "cmdline"
    until = time.monotonic() + 10
    while is_alive(child):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_launcher_that_waits_for_other_hosts_ends_as_soon_as_the_job_is_asked_to_stop(tmp_path: Path) -> None:
    stop = StopRequest()
    stop.requested = True
    started = time.monotonic()
    with pytest.raises(StoppedError, match="while it waited for the other hosts"):
        run("exec sleep 300", tmp_path, stop=stop)
    assert time.monotonic() - started < 30


def test_a_terminal_that_hangs_up_later_is_met_as_before(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGHUP)
    run("true", tmp_path)
    assert signal.getsignal(signal.SIGHUP) == before


def test_a_request_to_stop_is_handed_to_the_process_once(tmp_path: Path) -> None:
    stop = StopRequest()
    asking = threading.Thread(target=ask_when_it_runs, args=(stop, Paths(tmp_path).first_process))
    asking.start()
    script = "trap 'printf x >> $output/asked; printf done > $output/.first_process; exit' TERM; "
    script += "printf $$ > $output/.first_process; while :; do sleep 0.1; done"
    assert run(script, tmp_path, stop=stop) == 0
    asking.join()
    assert (tmp_path / "output" / "asked").read_text() == "x"


def is_alive(command: Path) -> bool:
    try:
        return bool(command.read_bytes())  # empty where it is dead, and nobody has asked for it
    except OSError:
        return False


def ask_when_it_runs(stop: StopRequest, told: Path) -> None:
    while not told.exists():
        time.sleep(0.05)
    stop.requested = True
