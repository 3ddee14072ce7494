"""Machines that reach each other by SSH, as containers of a job with MPI do, each with a base folder."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from contract.machines import Machine

# The container's own name, folder of the job, keys, and runtime files; its processes end with the first of them.
_ENTER = """
set -e
hostname "$1"
mkdir -p /opt/ml /root/.ssh
mount --bind "$2" /opt/ml
mount --bind "$3" /root/.ssh
mount -t tmpfs tmpfs /run
mkdir /run/sshd
shift 3
exec "$@"
"""


def make_keys(folder: Path) -> Path:
    """Write what lets root of each machine in on all of them."""
    folder.mkdir(mode=0o700)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "id_ed25519")], check=True)
    (folder / "authorized_keys").write_text((folder / "id_ed25519.pub").read_text())
    (folder / "config").write_text(
        "Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
    )
    return folder


def enter(machine: Machine, base: Path, keys: Path) -> Sequence[str]:
    """Return the words before a command that runs in a machine's container, where `base` is /opt/ml."""
    # sagemaker-training writes to it.
    (Path("/etc/netns") / machine.namespace / "environment").touch()
    apart = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
    return *machine.before, *apart, "sh", "-c", _ENTER, "sh", machine.name, str(base), str(keys)


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
