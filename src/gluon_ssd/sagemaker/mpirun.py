"""The words by which Open MPI starts the processes of a job, all of them on this machine."""

import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from gluon_ssd.errors import PlatformError
from gluon_ssd.sagemaker import mpi_options

_ALWAYS = [
    "mpirun",
    "--allow-run-as-root",  # as everybody is in a container
    "--oversubscribe",
    *("-bind-to", "none"),  # each process has threads
    # What sagemaker-training gives it: no shared memory between address spaces, which containers forbid.
    *("-mca", "pml", "ob1", "-mca", "btl", "^openib", "-mca", "btl_vader_single_copy_mechanism", "none"),
]
_INTO_FILE = 'log=$1; shift; exec "$@" >>"$log" 2>&1'

_SSH_SERVER = Path("/usr/sbin/sshd")


def check_installed(*, several_hosts: bool) -> None:
    """Raise PlatformError where something is missing that starts the processes, or that they need."""
    needed: dict[str, object] = {
        "mpirun of Open MPI (openmpi-bin)": shutil.which("mpirun"),
        "Horovod 0.28.1 built with MXNet (docker/build_horovod.sh)": find_spec("horovod"),
    }
    if several_hosts:
        needed |= {
            f"{_SSH_SERVER} (openssh-server)": _SSH_SERVER.exists(),
            "sagemaker-training 5.1.4 and mpi4py": find_spec("sagemaker_training") and find_spec("mpi4py"),
        }
    missing = [what for what, found in needed.items() if not found]
    if missing:
        raise PlatformError(f"kv_store: expected what horovod needs to be installed, got no {', no '.join(missing)}")


def words(
    bases: Sequence[Path], processes: int, *, options: Sequence[str] = (), logs: Sequence[Path | None] = ()
) -> list[str]:
    """Return the command that starts so many processes for each base folder: those of a host each.

    `options` are more of mpirun's; what a host says goes into its file of `logs` where it has one.
    """
    started: list[str] = []
    for base, log in zip(bases, logs or [None] * len(bases), strict=True):
        train = ["env", f"SAGEMAKER_BASE_DIR={base}", sys.executable, "-m", "gluon_ssd.train"]
        into = ["sh", "-c", _INTO_FILE, "sh", str(log)] if log else []
        started += [*([":"] if started else []), "-np", str(processes), *into, *train]
    return [*_ALWAYS, *mpi_options.of_mpirun(options), *started]
