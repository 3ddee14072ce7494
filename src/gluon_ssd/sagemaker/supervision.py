"""Waits for the processes of a job that a launcher starts, and tells how the job has ended on each host."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, StoppedError
from gluon_ssd.sagemaker import failure
from gluon_ssd.sagemaker.first_process import AWAITED, FirstProcess
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.sagemaker.stop import StopRequest

SETPRIV = "setpriv"  # of the package util-linux
GRACE = 10  # seconds that a launcher may take to end after this host's first process has
_PAUSE = 0.2  # seconds between two looks
_TO_END = 15  # seconds that a launcher may take to end its processes

_LOST = "hosts: expected every process to train to the end, got the loss of one; see the log for the reason"
_NEVER = "hosts: expected the processes of this host to be started by mpirun, got its end before; see the log"
_CHOSEN = ", and check sagemaker_mpi_custom_mpi_options, '{}'"


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    hosts: Sequence[Paths],
    *,
    deadline: Deadline,
    stop: StopRequest,
    options: Sequence[str] = (),
) -> list[int]:
    """Run a launcher until it ends, and return the exit code for each of the `hosts` that it starts processes for.

    Where the processes of a host have not said why they failed, its failure file says that they are lost. A request to
    stop is handed to the first process of each. `options` are those of the command that a user has chosen, which may
    be why it starts nothing.

    Raises:
        PlatformError: the processes have not been started until the deadline.
        StoppedError: the job was asked to stop before they were.
    """
    for paths in hosts:
        FirstProcess(paths.first_process).forget()
    with _launched(command, {**environ, AWAITED: "1"}) as launcher:
        _wait(launcher, [FirstProcess(paths.first_process) for paths in hosts], deadline, stop)
    codes = [_code(paths, options) for paths in hosts]
    for paths in hosts:
        FirstProcess(paths.first_process).forget()
    return codes


def ending_with_us(command: Sequence[str]) -> Sequence[str]:
    """Return a command that ends with this process, even if that is killed, where this system has `setpriv`."""
    setpriv = shutil.which(SETPRIV)
    return [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else command


@contextmanager
def _launched(command: Sequence[str], environ: Mapping[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    # A session of its own: Ctrl-C is for this process, which asks the others to stop.
    bound = ending_with_us(command)
    with subprocess.Popen(bound, env=environ, stdin=subprocess.DEVNULL, start_new_session=True) as launcher:  # noqa: S603 - our own words
        before = signal.getsignal(signal.SIGHUP)
        if before != signal.SIG_IGN:  # as nohup has it
            signal.signal(signal.SIGHUP, _hang_up)
        try:
            yield launcher
        finally:
            _end(launcher)
            signal.signal(signal.SIGHUP, before)


def _wait(
    launcher: "subprocess.Popen[bytes]", processes: Sequence[FirstProcess], deadline: Deadline, stop: StopRequest
) -> None:
    """Wait until the launcher ends, or the first process here has been gone for a while."""
    gone, asked = 0.0, False
    while launcher.poll() is None and gone < GRACE:
        time.sleep(_PAUSE)
        if processes[0].runs:
            if stop.requested and not asked:
                asked = True
                for process in processes:
                    process.ask_to_stop()
        elif processes[0].has_started:
            gone += _PAUSE
        elif stop.requested:
            raise StoppedError("while it waited for the other hosts")
        elif deadline.left <= 0:
            raise PlatformError(
                f"hosts: expected all of them to come within {deadline.seconds:g} s, got fewer; see their logs"
            )


def _end(launcher: "subprocess.Popen[bytes]") -> None:
    """End a launcher, the processes that it has started, and the servers that it has left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(launcher.pid, number)
        with suppress(subprocess.TimeoutExpired):
            launcher.wait(_TO_END)


def _code(paths: Paths, options: Sequence[str]) -> int:
    code, process = failure.exit_code(paths.failure), FirstProcess(paths.first_process)
    if code is not None:
        return code
    if process.has_ended_well:
        return 0
    never = _NEVER + (_CHOSEN.format(" ".join(options)) if options else "")
    return failure.report(PlatformError(_LOST if process.has_started else never), paths.failure)


def _hang_up(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
