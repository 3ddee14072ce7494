"""Turns of a batch: what to do with their images is drawn, for some at a time, then each is decoded and painted."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gluon_ssd.data import augment
from gluon_ssd.data import images as stored
from gluon_ssd.data.augment import Choice
from gluon_ssd.data.chunks import chunks
from gluon_ssd.data.images import UnreadableImageError
from gluon_ssd.data.sample import Sample

# To draw for so many images takes little longer than for one; more at a time only take more memory.
_TOGETHER = 16

K = TypeVar("K")
Objects = NDArray[np.float32]


class _Candidate(NamedTuple, Generic[K]):
    key: K
    sample: Sample
    shape: tuple[int, int]


class Turn(Generic[K]):
    """The turn of the first of its candidates that can be read, each with a key, by which `reasons` tells why not.

    The generator is that of the turn, also where another image stands in: on its own turn that one looks different.
    """

    def __init__(self, candidates: Iterable[tuple[K, Sample]], rng: Generator, reasons: dict[K, str]) -> None:
        self.numbers = rng.random(augment.NUMBERS)
        self.reasons = reasons
        self._candidates = iter(candidates)
        self.candidate = self._next()

    def give_up(self, reason: str) -> None:
        """Let the next candidate have the turn, which the present one cannot take."""
        if self.candidate is not None:
            self.reasons[self.candidate.key] = reason
            self.candidate = self._next()

    def _next(self) -> _Candidate[K] | None:
        for key, sample in self._candidates:
            if key in self.reasons:
                continue
            try:
                width, height = stored.size(sample.image)
            except UnreadableImageError as error:
                self.reasons[key] = str(error)
            else:
                return _Candidate(key, sample, (height, width))
        return None


def paint(turns: Iterator[Turn[K]], augmentation: str, images: NDArray[np.uint8]) -> list[Objects]:
    """Paint the image of each turn, uint8 (n or more, S, S, 3), and return the objects of each, rows (m, 6).

    A turn without a candidate that can be decoded is passed over.
    """
    painted: list[Objects] = []
    for some in chunks(turns, _TOGETHER):
        ready = [turn for turn in some if turn.candidate is not None]
        for turn, (choice, objects) in zip(ready, _draw(ready, augmentation), strict=True):
            painted += _paint_first(turn, choice, objects, augmentation, images[len(painted)])
    return painted


def _paint_first(
    turn: Turn[K], choice: Choice, objects: Objects, augmentation: str, canvas: NDArray[np.uint8]
) -> list[Objects]:
    """Paint the first candidate that can be decoded; return its objects, in a list that is empty if none can be."""
    while turn.candidate is not None:
        try:
            _paint(turn.candidate, choice, augmentation, canvas)
        except UnreadableImageError as error:
            turn.give_up(str(error))
            if turn.candidate is not None:
                ((choice, objects),) = _draw([turn], augmentation)
        else:
            return [objects]
    return []


def _draw(turns: Sequence[Turn[K]], augmentation: str) -> list[tuple[Choice, Objects]]:
    candidates = [turn.candidate for turn in turns if turn.candidate is not None]
    if not candidates:
        return []
    numbers = np.stack([turn.numbers for turn in turns])
    objects = [candidate.sample.objects for candidate in candidates]
    shapes = [candidate.shape for candidate in candidates]
    return list(zip(*augment.draw(numbers, objects, shapes, augmentation=augmentation), strict=True))


def _paint(candidate: _Candidate[K], choice: Choice, augmentation: str, canvas: NDArray[np.uint8]) -> None:
    data, shape = candidate.sample.image, candidate.shape
    if augmentation == "none":  # validation sees what the detector sees: all pixels, resized
        augment.apply(stored.decode(data), choice, shape, canvas)
        return
    shrinkage = augment.shrinkage(choice, len(canvas)) if stored.is_jpeg(data) else 1
    image = stored.decode(data, shrinkage=shrinkage, draft=True)
    augment.apply(image, choice, shape, canvas, shrinkage=shrinkage)
