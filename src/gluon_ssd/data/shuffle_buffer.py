"""Shuffling what can be read only once and in order: a buffer from which a random item leaves as the next comes."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from numpy.random import Generator

T = TypeVar("T")


def shuffled(items: Iterable[T], size: int, rng: Generator) -> Iterator[T]:
    """Yield the items in random order, holding `size` of them at most; a buffer of 1 keeps their order.

    An item may come any time later than it was read, but not more than `size` - 1 places earlier. Where the buffer
    holds all of them, every order is as likely.
    """
    buffer: list[T] = []
    for item in items:
        if len(buffer) < size:
            buffer.append(item)
            continue
        position = int(rng.integers(size))
        chosen, buffer[position] = buffer[position], item
        yield chosen
    while buffer:
        # The last item fills the gap, so that what is out of the buffer is out of memory.
        position = int(rng.integers(len(buffer)))
        buffer[position], buffer[-1] = buffer[-1], buffer[position]
        yield buffer.pop()
