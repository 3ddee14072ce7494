"""Which variables of a host's environment are for its own processes only."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

_OF_ONE_HOST = (
    *("HOSTNAME", "HOME", "PWD", "OLDPWD", "SHLVL", "_", "SSH_*", "LD_PRELOAD"),
    # SageMaker's containers and its toolkit name the host, and tell what it is.
    *("CURRENT_HOST", "SM_CURRENT_*", "SM_RESOURCE_CONFIG", "SM_TRAINING_ENV", "SM_NUM_CPUS", "SM_NUM_GPUS"),
    # The addresses of its container's credentials and metadata.
    *("AWS_CONTAINER_*", "ECS_CONTAINER_*", "ECS_AGENT_URI"),
    "*_VISIBLE_DEVICES",
)


def for_all_hosts(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that mean the same on every host."""
    return {name: value for name, value in environ.items() if not any(fnmatchcase(name, own) for own in _OF_ONE_HOST)}
