"""Machines with SSH but no keys, as the containers of a job that starts its processes by MPI."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from contract.machines import Machine

# The container's own name, folder of the job, place for keys, and runtime files; its processes end with the first.
_ENTER = """
set -e
hostname "$1"
mkdir -p /opt/ml /root/.ssh
mount --bind "$2" /opt/ml
mount -t tmpfs -o mode=700 tmpfs /root/.ssh
mount -t tmpfs tmpfs /run
mkdir /run/sshd
cp /etc/ssh/ssh*_config /run
mount -t tmpfs tmpfs /etc/ssh
mv /run/ssh*_config /etc/ssh
shift 2
exec "$@"
"""


def enter(machine: Machine, base: Path) -> Sequence[str]:
    """Return the words before a command that runs in a machine's container, where `base` is /opt/ml."""
    # sagemaker-training writes to it.
    (Path("/etc/netns") / machine.namespace / "environment").touch()
    apart = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
    return *machine.before, *apart, "sh", "-c", _ENTER, "sh", machine.name, str(base)


def processes_that_train(machine: Machine) -> list[int]:
    """The processes that mpirun has started on a machine."""
    listed = subprocess.run(
        ["ip", "netns", "pids", machine.namespace], capture_output=True, text=True, check=True
    ).stdout.split()
    return [
        int(number)
        for number in listed
        if b"gluon_ssd.train" in (Path("/proc") / number / "cmdline").read_bytes()
        and b"OMPI_COMM_WORLD_RANK=" in (Path("/proc") / number / "environ").read_bytes()
    ]
