"""One host's part in starting a job on several by MPI: `python -m gluon_ssd.sagemaker.mpi_host PROCESSES`.

sagemaker-training does it: the first host waits for the others' SSH servers and runs mpirun, the others wait until it
is done. A program of its own, since some of what that waits for never ends.
"""

import os
import pwd
import sys
import threading

from sagemaker_training import mpi

from gluon_ssd.deadline import Deadline
from gluon_ssd.sagemaker import name_resolution
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.first_process import FirstProcess
from gluon_ssd.sagemaker.host_environment import for_all_hosts
from gluon_ssd.sagemaker.host_watch import is_there, wait_until_lost
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.paths import Paths

_USUAL_INTERFACE = "eth0"
_ENTRY_POINT = "train.py"  # the runner wants the name of a file


class _FirstHost(mpi.MasterRunner):  # type: ignore[misc]  # sagemaker-training has no types
    def _create_command(self) -> list[str]:
        *before, _file = super()._create_command()
        return [*before, "-m", "gluon_ssd.train"]


def main(processes: int) -> None:
    """Return when the runner says that the job is over, however it has ended."""
    # Paramiko, by which the hosts look for each other, goes by HOME, and SSH itself by the user.
    os.environ["HOME"] = pwd.getpwuid(os.geteuid()).pw_dir
    paths = Paths.from_environment()
    cluster, job = Cluster.read(paths.resource_config), Hyperparameters.read(paths.hyperparameters)
    if cluster.rank:
        _watch(cluster.primary, paths, Deadline.after(job.host_timeout))
        mpi.WorkerRunner(_ENTRY_POINT, [], {}, processes, cluster.primary, cluster.current_host).run()
        return
    _FirstHost(
        _ENTRY_POINT,
        [],
        for_all_hosts(os.environ),
        processes,
        cluster.primary,
        sorted(cluster.hosts),
        " ".join(job.sagemaker_mpi_custom_mpi_options),
        _interface(cluster),
        timeout_in_seconds=job.host_timeout,
        instance_type=cluster.instance_type or "",
    ).run()


def _watch(host: str, paths: Paths, deadline: Deadline) -> None:
    """End this host's part of the job, and this process, when the first host is lost."""
    found = name_resolution.addresses([host], deadline=deadline, stopped=lambda: False)
    threading.Thread(target=_end_without, args=(host, found[host], paths), daemon=True).start()


def _end_without(host: str, address: str, paths: Paths) -> None:
    wait_until_lost(lambda: is_there(address))
    sys.stderr.write(f"mpi: expected host {host} to be there, got no answer to three questions in a row\n")
    FirstProcess(paths.first_process).end_what_started_it()
    os._exit(1)


def _interface(cluster: Cluster) -> str:
    # The local mode of version 3 of SageMaker's SDK names one that is not there.
    named = cluster.network_interface
    return named if named and name_resolution.of_interface(named) else _USUAL_INTERFACE


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except Exception as error:  # noqa: BLE001 - the runner's, whose stack tells a user nothing
        sys.exit(f"mpi: {error}")
