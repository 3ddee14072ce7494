"""Asks another host now and then whether it is there, for those who would wait long to notice that it is not.

Open MPI's daemon notices by TCP's keep-alive, which rests while something is on its way: a line of the log, sent as the
cable breaks, is repeated for a quarter of an hour, and nothing else is asked meanwhile.
"""

import socket
import time

_SSH = 22
_MISSES = 3


def wait_until_lost(address: str, port: int = _SSH, *, pause: float = 10.0, patience: float = 5.0) -> None:
    """Return when a host, having answered once, has left three questions in a row unanswered.

    It is asked every `pause` seconds, for an answer within `patience` seconds. Any will do, also that nobody listens at
    the port.
    """
    while not _answers(address, port, patience):
        time.sleep(pause)
    missed = 0
    while missed < _MISSES:
        time.sleep(pause)
        missed = 0 if _answers(address, port, patience) else missed + 1


def _answers(address: str, port: int, patience: float) -> bool:
    try:
        socket.create_connection((address, port), timeout=patience).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True
