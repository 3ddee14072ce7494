"""The CPUs that this process may use, which MXNet must be told before it is imported."""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

_VARIABLE = "OMP_NUM_THREADS"


def available(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the smaller of the CPUs this process may run on and the container's quota, at least 1.

    A quota of 1.5 CPUs counts as 1: a thread beyond the quota only stops the others for part of each period.
    """
    allowed = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def claim(environ: MutableMapping[str, str], *, processes: int = 1) -> int:
    """Make OMP_NUM_THREADS one number, and return it: unless it is set, the available CPUs by the `processes` on them.

    MXNet 1.9.1 reads the variable when it is imported, takes half of the CPUs without it, and ends the process where it
    is a list.
    """
    threads = told(environ) or max(1, available() // processes)
    environ[_VARIABLE] = str(threads)
    return threads


def flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return what the CPU can do, as Linux names it, such as `avx512_bf16`; nothing where that cannot be read."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    listed = (line.partition(":")[2] for line in lines if line.startswith("flags"))
    return frozenset(next(listed, "").split())


def told(environ: Mapping[str, str]) -> int | None:
    """Return the first number of OMP_NUM_THREADS, which OpenMP lets be a list, a number for each level; else None."""
    first = environ.get(_VARIABLE, "").partition(",")[0].strip()
    return int(first) or None if first.isascii() and first.isdecimal() else None


def _quota(cgroup: Path) -> float | None:
    version_2 = _words(cgroup / "cpu.max")
    version_1 = _words(cgroup / "cpu" / "cpu.cfs_quota_us") + _words(cgroup / "cpu" / "cpu.cfs_period_us")
    for words in (version_2, version_1):
        # No quota reads `max` in version 2 and -1 in version 1.
        if len(words) == 2 and all(word.isdecimal() and int(word) > 0 for word in words):  # noqa: PLR2004 - a quota and a period
            return int(words[0]) / int(words[1])
    return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, ValueError):  # not there, or not a quota
        return []
