"""The addresses of a job's hosts, whose names may be known only some time after the containers start."""

import errno
import fcntl
import logging
import socket
import struct
import time
from collections.abc import Callable, Sequence

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, StoppedError, UserError

logger = logging.getLogger(__name__)

_GET_ADDRESS = 0x8915  # SIOCGIFADDR of netdevice(7)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0  # seconds, as SageMaker's MXNet toolkit pauses


def addresses(hosts: Sequence[str], *, deadline: Deadline, stopped: Callable[[], bool]) -> dict[str, str]:
    """Return the IPv4 address of each host; ask again, less and less often, until the deadline.

    Raises:
        PlatformError: a name is still unknown then.
        StoppedError: the job was asked to stop.
    """
    return {host: _address(host, deadline, stopped) for host in hosts}


def own_address(host: str, found: str, interface: str | None) -> str:
    """Return by which address the others find this host: that of its interface, if it has that, else what was found.

    Raises:
        UserError: what was found for this host's own name is another machine's address.
    """
    if interface and (address := of_interface(interface)):
        return address
    with socket.socket() as here:
        try:
            here.bind((found, 0))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise UserError(
                    f"resourceconfig.json: current_host: expected a name of this machine, got {host!r}, whose address "
                    f"{found} is another's"
                ) from error
    return found


def of_interface(name: str) -> str | None:
    """Return the IPv4 address of a network interface of this machine; None if it has none, or does not exist."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _GET_ADDRESS, struct.pack("256s", name.encode()))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])  # after a name of 16 bytes, family and port


def _address(host: str, deadline: Deadline, stopped: Callable[[], bool]) -> str:
    pause = _FIRST_PAUSE
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            if stopped():
                raise StoppedError(f"while it waited for the name of host {host}") from error
            left = deadline.left
            if left <= 0:
                raise PlatformError(
                    f"hosts: expected the name {host} to be known within {deadline.seconds:g} s, got {error}"
                ) from error
            if pause == _FIRST_PAUSE:
                logger.info("Waiting for the name of host %s", host)
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
