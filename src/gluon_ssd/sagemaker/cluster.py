"""The machines of a job: which there are, and which of them this is."""

import re
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.json_object import read_object

_ONLY_HOST = "algo-1"
_GPU_INSTANCE = re.compile(r"ml\.[pg]\d")  # ml.p3.2xlarge, ml.g4dn.xlarge; not ml.c6g.large, whose g means Graviton


@dataclass(frozen=True)
class Cluster:
    """The hosts of a job and this one's name, its network interface and its instance type where they are told."""

    hosts: tuple[str, ...] = (_ONLY_HOST,)
    current_host: str = _ONLY_HOST
    network_interface: str | None = None
    instance_type: str | None = None

    @classmethod
    def read(cls, path: Path) -> "Cluster":
        """Read the resource configuration; without one this is the only host, `algo-1`."""
        if not path.exists():
            return cls()
        config = read_object(path)
        current = _string(path, config, "current_host") or _ONLY_HOST
        hosts = config.get("hosts", [] if "current_host" in config else [current])
        if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts) or current not in hosts:
            raise UserError(f"{path}: hosts: expected a list of names with the current host {current!r}, got {hosts!r}")
        interface = _string(path, config, "network_interface_name")
        return cls(tuple(hosts), current, interface, _string(path, config, "current_instance_type"))

    @property
    def rank(self) -> int:
        """This host's place among the sorted hosts; SageMaker promises no order of the list."""
        return sorted(self.hosts).index(self.current_host)

    @property
    def primary(self) -> str:
        """The host that judges and writes for all."""
        return min(self.hosts)

    @property
    def is_gpu_instance(self) -> bool:
        """Whether this machine has GPUs by its instance type."""
        return self.instance_type is not None and _GPU_INSTANCE.match(self.instance_type) is not None


def _string(path: Path, config: dict[str, object], key: str) -> str | None:
    value = config.get(key)
    if value is not None and not isinstance(value, str):
        raise UserError(f"{path}: {key}: expected a string, got {value!r}")
    return value
