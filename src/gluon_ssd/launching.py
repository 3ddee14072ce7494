"""Starts the processes of a job that shares gradients through Horovod: one for each GPU of each host."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker import cpus, mpirun, name_resolution, ssh_keys, supervision
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.hyperparameters import HOROVOD, Hyperparameters
from gluon_ssd.sagemaker.launched import Launched
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.sagemaker.stop import StopRequest

# A host that is gone without a word, whose cable was cut, is noticed within a minute, where Open MPI waits for eight.
_NOTICE_SOON = {
    "OMPI_MCA_oob_tcp_keepalive_time": "10",
    "OMPI_MCA_oob_tcp_keepalive_intvl": "5",
    "OMPI_MCA_oob_tcp_keepalive_probes": "3",
}


@dataclass(frozen=True)
class HorovodJob:
    """A job that asks for Horovod, as one of its hosts sees it."""

    job: Hyperparameters
    cluster: Cluster
    paths: Paths

    @classmethod
    def read(cls, paths: Paths) -> "HorovodJob | None":
        """Return the job if it asks for Horovod; None too where it holds a mistake, which training tells."""
        with suppress(UserError):
            job, cluster = Hyperparameters.read(paths.hyperparameters), Cluster.read(paths.resource_config)
            if job.store == HOROVOD:
                return cls(job, cluster, paths)
        return None

    @property
    def launched(self) -> Launched | None:
        """The place of this process among those that train; None where it has yet to launch them."""
        return Launched.of(self.job.store, self.cluster)

    def launch(self, stop: StopRequest) -> int | None:
        """Run the job in processes of their own and return this host's exit code; None where one process is enough.

        Each of the processes runs this program again, with a place that the launcher tells it.

        Raises:
            PlatformError: what starts them is not installed, or a host has not come.
            UserError: the options of mpirun cannot reach it, what it needs to know is missing, this is not root, who
                alone may set up SSH, or this host has another's name.
            StoppedError: the job was asked to stop before they were started.
        """
        environ = _NOTICE_SOON | {**os.environ}  # before this process counts GPUs, which needs the number of threads
        processes = self.job.sagemaker_mpi_num_of_processes_per_host or _count_gpus(self.cluster) or 1
        several_hosts, deadline = len(self.cluster.hosts) > 1, Deadline.after(self.job.host_timeout)
        if processes == 1 and not several_hosts:
            return None
        options = self.job.sagemaker_mpi_custom_mpi_options
        if several_hosts:
            _check_unquoted(options)
            _check_described(self.paths)
        mpirun.check_installed(several_hosts=several_hosts)
        command = mpirun.words([self.paths.base], processes, options=options)
        with ExitStack() as stack:
            if several_hosts:
                stack.enter_context(_reachable(self.cluster, deadline, stop))
                command = [sys.executable, "-m", "gluon_ssd.sagemaker.mpi_host", str(processes)]
            (code,) = supervision.run(command, environ, [self.paths], deadline=deadline, stop=stop, options=options)
        return code


@contextmanager
def _reachable(cluster: Cluster, deadline: Deadline, stop: StopRequest) -> Iterator[None]:
    """Wait until the hosts know each other's keys and names."""
    # Keys first: what keeps a host from making them is told by each, before it waits for the others.
    with ssh_keys.exchanged(cluster, deadline=deadline, stopped=lambda: stop.requested):
        found = name_resolution.addresses(sorted(cluster.hosts), deadline=deadline, stopped=lambda: stop.requested)
        own = cluster.current_host
        name_resolution.own_address(own, found[own], cluster.network_interface)  # it is here, or a mistake
        yield


def _check_unquoted(options: Sequence[str]) -> None:
    # sagemaker-training splits them wherever there is a space.
    for word in options:
        if word.split() != [word]:
            raise UserError(
                "sagemaker_mpi_custom_mpi_options: expected options and values without spaces in them on several "
                f"hosts, got {word!r}"
            )


def _check_described(paths: Paths) -> None:
    # sagemaker-training reads it, though a job finds its channels without.
    if not paths.input_data_config.exists():
        raise UserError(
            f"{paths.input_data_config}: expected the channels of the job, which Horovod on several hosts cannot do "
            "without, got no such file"
        )


def _count_gpus(cluster: Cluster) -> int:
    cpus.claim(os.environ)
    from gluon_ssd.training import devices  # noqa: PLC0415 - MXNet reads OMP_NUM_THREADS when it is imported

    found = devices.of_this_machine(gpu_paid_for=cluster.is_gpu_instance)
    return len([device for device in found if device.device_type == "gpu"])
