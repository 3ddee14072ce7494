"""What still runs of jobs that have ended, which should be nothing."""

from collections.abc import Sequence
from pathlib import Path


def left_over(bases: Sequence[Path]) -> list[str]:
    """The processes of jobs by their folders: their own, the parameter server's, and those that load data."""
    ours = [f"SAGEMAKER_BASE_DIR={base}".encode() for base in bases]
    return [
        _read(process / "cmdline").replace(b"\0", b" ").decode()
        for process in Path("/proc").glob("[0-9]*")
        if not set(ours).isdisjoint(_read(process / "environ").split(b"\0"))
    ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # another user's, or gone by now
        return b""
