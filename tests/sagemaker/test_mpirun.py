import sys
from pathlib import Path

from gluon_ssd.sagemaker import mpirun

TRAIN = [sys.executable, "-m", "gluon_ssd.train"]


def tail(command: list[str]) -> list[str]:
    """What follows the options that are always the same."""
    return command[command.index("none", command.index("btl_vader_single_copy_mechanism")) + 1 :]


def test_processes_of_a_host_find_its_folder() -> None:
    command = mpirun.words([Path("/job")], 4)
    assert command[:3] == ["mpirun", "--allow-run-as-root", "--oversubscribe"]
    assert tail(command) == ["-np", "4", "env", "SAGEMAKER_BASE_DIR=/job", *TRAIN]


def test_each_host_has_a_folder_and_a_log() -> None:
    command = mpirun.words([Path("/a"), Path("/b")], 2, logs=[None, Path("/b/log.txt")])
    first = ["-np", "2", "env", "SAGEMAKER_BASE_DIR=/a", *TRAIN]
    into = ["sh", "-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", "/b/log.txt"]
    assert tail(command) == [*first, ":", "-np", "2", *into, "env", "SAGEMAKER_BASE_DIR=/b", *TRAIN]


def test_options_of_a_user_come_before_the_program() -> None:
    command = mpirun.words([Path("/job")], 1, options=["--NCCL_DEBUG", "WARN", "-x", "NAME=a b"])
    assert tail(command)[:6] == ["-x", "NCCL_DEBUG=WARN", "-x", "NAME=a b", "-np", "1"]
