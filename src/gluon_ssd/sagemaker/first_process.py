"""What the first process of a host that a launcher has started tells the one that waits for it: a file."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# In its environment where one of ours waits for it, and has prepared the host: users have launchers of their own.
AWAITED = "GLUON_SSD_AWAITED"
_DONE = "done"
_DEAD = ("Z", "X")  # states of proc(5)


@dataclass(frozen=True)
class FirstProcess:
    """The first of the processes that train on a host, as `path` tells of it."""

    path: Path

    def starts(self) -> None:
        """Tell that this process is the one."""
        self._tell(str(os.getpid()))

    def ends_well(self) -> None:
        """Tell that the job is done."""
        self._tell(_DONE)

    def forget(self) -> None:
        """Remove what is told."""
        self.path.unlink(missing_ok=True)

    @staticmethod
    def is_awaited(environ: Mapping[str, str] = os.environ) -> bool:
        """Whether a process of this program has launched this one, and waits for what it tells."""
        return bool(environ.get(AWAITED))

    @property
    def has_started(self) -> bool:
        """Whether it was started, whatever has become of it."""
        return bool(self._told())

    @property
    def has_ended_well(self) -> bool:
        """Whether the job is done."""
        return self._told() == _DONE

    @property
    def runs(self) -> bool:
        """Whether it is there, and more than a dead process that nobody has asked for."""
        return self._stat()[0] not in _DEAD

    def ask_to_stop(self) -> None:
        """Send it the signal by which SageMaker stops a job; it tells the others."""
        if (number := self._number()) is not None:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGTERM)

    def end_what_started_it(self) -> None:
        """Ask the launcher on this host to end, which ends all that it has started."""
        parent = int(self._stat()[1])
        if parent > 1:  # else it is gone already
            with suppress(ProcessLookupError):
                os.kill(parent, signal.SIGTERM)

    def _tell(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".new")
        aside.write_text(text)
        aside.replace(self.path)

    def _told(self) -> str:
        try:
            return self.path.read_text()
        except OSError:
            return ""

    def _stat(self) -> tuple[str, str]:
        """Its state and its parent's number, as proc(5) has them."""
        try:
            stat = Path(f"/proc/{self._number()}/stat").read_text()
        except OSError:
            return _DEAD[0], "0"
        state, parent, *_ = stat.rpartition(")")[2].split()
        return state, parent

    def _number(self) -> int | None:
        told = self._told()
        return int(told) if told.isdecimal() else None
