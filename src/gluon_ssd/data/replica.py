"""Whether all hosts of a job have the same files of a channel, where each shall have all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gluon_ssd.errors import UserError


@dataclass(frozen=True)
class Replica:
    """What tells a host's files of a channel from others; zeros where nobody asks, or it cannot tell."""

    channel: str
    images: int = 0
    checksum: int = 0


def check_alike(replicas: Sequence[Replica], gather: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> None:
    """Raise UserError where another host has other files; `gather` tells what each of them says (hosts, values)."""
    said = gather(np.array([(replica.images, replica.checksum) for replica in replicas], np.float64).ravel())
    for replica, each in zip(replicas, np.split(said, len(replicas), axis=1), strict=True):
        if len(np.unique(each, axis=0)) > 1:
            raise UserError(
                f"{replica.channel} channel: expected the same files on all hosts, as FullyReplicated gives them, got "
                f"others: {', '.join(f'{images:.0f}' for images in each[:, 0])} images by host"
            )
