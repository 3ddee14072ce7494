"""The place of a process among those that a launcher has started, as it tells it in the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from gluon_ssd.errors import PlatformError
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.hyperparameters import HOROVOD

# What Open MPI's mpirun sets, and what horovodrun sets without MPI.
_LAUNCHERS = ("OMPI_COMM_WORLD_", "HOROVOD_")
_NAMES = ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE")


@dataclass(frozen=True)
class Launched:
    """One of `count` processes, by host and then by number; `of_host` of them on each host.

    It is number `on_machine` of the `of_machine` on this machine, who have its devices one by one. These are those of
    its host, but where all hosts of a job are on one machine.
    """

    rank: int
    count: int
    of_host: int
    on_machine: int
    of_machine: int

    @classmethod
    def of(cls, store: str, cluster: Cluster, environ: Mapping[str, str] = os.environ) -> "Launched | None":
        """Return what a launcher has told; None where none has started this process, or `store` is not Horovod.

        Raises:
            PlatformError: the launcher has left something out, or has not started as many processes on each host, in
                order of their names.
        """
        for prefix in _LAUNCHERS:
            if store == HOROVOD and f"{prefix}RANK" in environ:
                rank, count, *on_machine = (_number(environ, prefix + name) for name in _NAMES)
                break
        else:
            return None
        of_host, rest = divmod(count, len(cluster.hosts))
        if rest or not of_host or rank // of_host != cluster.rank:
            raise PlatformError(
                f"horovod: expected as many processes on each of {len(cluster.hosts)} hosts, in order of their names, "
                f"got process {rank} of {count} on {cluster.current_host}"
            )
        return cls(rank, count, of_host, *on_machine)

    @property
    def is_first_of_host(self) -> bool:
        """Whether this process speaks for its host."""
        return self.rank % self.of_host == 0


def _number(environ: Mapping[str, str], name: str) -> int:
    said = environ.get(name)
    if said is None or not (said.isascii() and said.isdecimal()):
        got = f"{name}={said}" if said is not None else f"no {name}"
        raise PlatformError(f"horovod: expected the launcher of this process to give it its numbers, got {got}")
    return int(said)
