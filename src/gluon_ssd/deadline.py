"""A point in time until which something may take, for all of its steps together."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """The end of `seconds`; `at` is when, by the monotonic clock."""

    seconds: float
    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """A deadline that many seconds from now."""
        return cls(seconds, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """The seconds until then, below 0 when it has passed."""
        return self.at - time.monotonic()
