"""Memory for images that processes share: one writes a batch into it, another reads it, and no pixel is sent."""

import os
import weakref
from collections import deque
from mmap import mmap
from multiprocessing.reduction import DupFd
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_CLOSED = -1
LENT: Final = 3  # batches that their user has in hand at a time: more than training does


class SharedImages:
    """Slots, each for a batch of images: uint8 arrays of `shape` (B, S, S, 3).

    So many batches can be in the `making` at a time, and LENT more in use. It can be pickled into a process that is
    being spawned. The memory has no name and lies in no file system, so that the size of /dev/shm does not bind it, and
    nothing of it is left when the last of the processes ends, however.
    """

    _descriptor: int

    def __init__(self, making: int, shape: tuple[int, int, int, int]) -> None:
        slots = making + LENT
        descriptor = os.memfd_create("images")
        os.ftruncate(descriptor, slots * int(np.prod(shape)))
        self._map(descriptor, shape)
        self._free = deque(range(slots))
        # A mark for each that may be lent; others' threads bring them back, so that a number would not do.
        self._lendable = deque(range(LENT))

    def __getitem__(self, slot: int) -> NDArray[np.uint8]:
        size = int(np.prod(self._shape))
        return np.frombuffer(self._memory, np.uint8, size, slot * size).reshape(self._shape)

    def take(self) -> int:
        """Return a free slot, to make a batch in."""
        return self._free.popleft()

    def give_back(self, slot: int) -> None:
        """Say that nothing is being made in a slot any longer."""
        self._free.append(slot)

    def lend(self, slot: int, count: int) -> NDArray[np.uint8]:
        """Return the first `count` images that were made in a slot, whose user keeps them for as long as he likes.

        The slot is free again when he has let go of the last view of them. Where he has LENT others, it is a copy.
        """
        images = self[slot]
        if not self._lendable:
            self.give_back(slot)
            return images[:count].copy()
        # Every view refers to the base, and keeps it.
        weakref.finalize(images.base, self._return, slot, self._lendable.popleft())
        return images[:count]

    def close(self) -> None:
        """Give up this process's hold on the memory, which goes with the last array of it; again, do nothing."""
        if self._descriptor != _CLOSED:
            os.close(self._descriptor)
            self._descriptor = _CLOSED

    def __getstate__(self) -> dict[str, Any]:
        return {"descriptor": DupFd(self._descriptor), "shape": self._shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._map(state["descriptor"].detach(), state["shape"])

    def _map(self, descriptor: int, shape: tuple[int, int, int, int]) -> None:
        self._descriptor = descriptor
        self._memory = mmap(descriptor, 0)
        self._shape = shape

    def _return(self, slot: int, mark: int) -> None:
        self.give_back(slot)
        self._lendable.append(mark)
