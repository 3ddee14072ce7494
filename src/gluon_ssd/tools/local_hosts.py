"""A job on several hosts, all of them on this machine: a process each, with addresses of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import FrameType

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker import cpus, logs, mpirun, supervision
from gluon_ssd.sagemaker.hyperparameters import HOROVOD, Hyperparameters
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.sagemaker.stop import StopRequest

MOST = 64  # of hosts: as many processes with a network each
_LOG = "log.txt"


def check_can_run(job: Hyperparameters, count: int) -> None:
    """Find out what stands against running a job on so many hosts here, before a folder is made for nothing.

    Raises:
        UserError: there are none or too many, or nothing would end them with the process that runs them.
        PlatformError: what the job needs to run as several processes is not installed.
    """
    names(count)
    if count == 1:
        return
    if shutil.which(supervision.SETPRIV) is None:
        raise UserError(f"--hosts: expected the command {supervision.SETPRIV}, of the package util-linux, got none")
    if job.store == HOROVOD:
        mpirun.check_installed(several_hosts=False)


def lay_out_hosts(job: Path, count: int) -> Sequence[Path]:
    """Give each of `count` hosts a base folder, and return these: the job's own, and folders in `hosts` of it.

    All hosts read the job's data. Every address that begins with 127 is this machine's, so that these are their names.

    Raises:
        UserError: there are too many hosts, or the folders cannot be written.
    """
    hosts = names(count)
    bases = [job, *(job / "hosts" / host for host in hosts[1:])]
    try:
        port = _free_port()
        for base, host in zip(bases, hosts, strict=True):
            _lay_out(job, base, port)
            Paths(base).resource_config.write_text(json.dumps({"current_host": host, "hosts": hosts}))
    except OSError as error:
        raise UserError(f"--output {job}: expected a folder that can be written, got {error}") from error
    return bases


def names(count: int) -> list[str]:
    """Return the names of `count` hosts; raises UserError where these are too few or too many."""
    if not 1 <= count <= MOST:
        raise UserError(f"--hosts: expected an integer from 1 to {MOST}, got {count}")
    return [f"127.0.0.{number}" for number in range(1, count + 1)]


def run_hosts(bases: Sequence[Path], environ: Mapping[str, str]) -> int:
    """Run the job on all hosts, and return the exit code of the first of them that failed, or 0.

    The first one's log goes to the terminal, those of the others to files in their folders. They end with this process,
    however it ends.
    """
    job = Hyperparameters.read(Paths(bases[0]).hyperparameters)
    if job.store == HOROVOD:
        return _report(bases, _run_processes(job, bases, environ))
    environment = {"OMP_NUM_THREADS": str(max(1, cpus.available() // len(bases))), **environ}
    command = supervision.ending_with_us([sys.executable, "-m", "gluon_ssd.train"])
    with ExitStack() as stack:
        processes = []
        for base in bases:
            log = stack.enter_context((base / _LOG).open("wb")) if base != bases[0] else None
            own = {**environment, "SAGEMAKER_BASE_DIR": str(base.resolve())}
            # Ctrl-C and SIGTERM reach them through this process, once.
            processes.append(
                stack.enter_context(
                    subprocess.Popen(command, env=own, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own program
                )
            )
        _pass_on(processes)
        codes = [process.wait() for process in processes]
    return _report(bases, codes)


def _run_processes(job: Hyperparameters, bases: Sequence[Path], environ: Mapping[str, str]) -> list[int]:
    """Run the processes of all hosts, which share gradients through Horovod; return the hosts' exit codes."""
    logs.configure()
    processes = job.sagemaker_mpi_num_of_processes_per_host or 1
    bases = [base.resolve() for base in bases]
    options = job.sagemaker_mpi_custom_mpi_options
    command = mpirun.words(bases, processes, options=options, logs=[None, *(base / _LOG for base in bases[1:])])
    deadline, stop = Deadline.after(job.host_timeout), StopRequest.listen()
    return supervision.run(command, environ, list(map(Paths, bases)), deadline=deadline, stop=stop, options=options)


def _report(bases: Sequence[Path], codes: Sequence[int]) -> int:
    for base, code in zip(bases[1:], codes[1:], strict=True):
        if code:
            print(f"host {base.name} ended with exit code {code}; its log is {base / _LOG}", file=sys.stderr)
    return next((code for code in codes if code), 0)


def _lay_out(job: Path, base: Path, port: int) -> None:
    paths, own = Paths(job), Paths(base)
    own.hyperparameters.parent.mkdir(parents=True, exist_ok=True)
    given = json.loads(paths.hyperparameters.read_text())
    own.hyperparameters.write_text(json.dumps({"_ps_port": str(port), **given}, indent=2) + "\n")
    if base != job:
        own.input_data_config.write_bytes(paths.input_data_config.read_bytes())
        own.data.symlink_to(paths.data.resolve())


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _pass_on(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Hand the signals that end a job on to the hosts, which then end by themselves."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has SIGHUP, for the hosts too
            signal.signal(number, partial(_hand_on, processes))


def _hand_on(processes: "Sequence[subprocess.Popen[bytes]]", number: int, _frame: FrameType | None) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
