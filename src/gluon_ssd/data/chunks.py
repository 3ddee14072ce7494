"""Lists of so many items each."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Iterator[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in lists of so many; the last one may be shorter."""
    while chunk := list(islice(items, size)):
        yield chunk
