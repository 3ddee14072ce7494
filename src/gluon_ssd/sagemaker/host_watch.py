"""Asks another host now and then whether it is there, for those who would wait long to notice that it is not.

Open MPI's daemon notices by TCP's keep-alive, which rests while something is on its way: a line of the log, sent as the
cable breaks, is repeated for a quarter of an hour, and nothing else is asked meanwhile.
"""

import socket
import time
from collections.abc import Callable

_SSH = 22
_MISSES = 3


def wait_until_lost(answers: Callable[[], bool], pause: float = 10.0) -> None:
    """Return when a host, having answered once, has left three questions in a row unanswered.

    `answers` asks it; `pause` is the seconds between two questions.
    """
    while not answers():
        time.sleep(pause)
    missed = 0
    while missed < _MISSES:
        time.sleep(pause)
        missed = 0 if answers() else missed + 1


def is_there(address: str, port: int = _SSH, patience: float = 5.0) -> bool:
    """Whether a host answers within `patience` seconds, be it that nobody listens at the port."""
    try:
        socket.create_connection((address, port), timeout=patience).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True
