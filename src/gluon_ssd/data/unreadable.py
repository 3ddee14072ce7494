"""Images that cannot be decoded: a few are skipped with a warning each, too many fail the job."""

import logging
from collections.abc import Mapping, Sequence

from gluon_ssd.data.dataset import Dataset, SampleStream
from gluon_ssd.data.order import Place
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)

_ALWAYS_ALLOWED = 10
_ALLOWED_SHARE = 100  # one image of so many
_MAX_SHARE = 2
_MANY = 10_000  # images, of which 100 may be unreadable
_SHOWN = 3  # examples in a message


def allowed(images: int) -> int:
    """Return how many images of a channel may be unreadable: 10 or 1 %, whichever is more, but never over half."""
    return min(max(_ALWAYS_ALLOWED, images // _ALLOWED_SHARE), images // _MAX_SHARE)


class UnreadableImages:
    """The unreadable images of a channel so far, each counted and warned of once."""

    def __init__(self, dataset: Dataset, *, channel: str) -> None:
        self._dataset = dataset
        self._channel = channel
        self._seen: set[int] = set()

    def note(self, reasons: Mapping[int, str]) -> None:
        """Take note of unreadable images, by index; raise UserError when they have become too many."""
        for index in reasons.keys() - self._seen:
            logger.warning("%s: skipped: %s", self._dataset.where(index), reasons[index])
        self._seen.update(reasons)
        limit = allowed(len(self._dataset))
        if len(self._seen) > limit:
            raise UserError(
                f"{self._channel} channel: expected JPEG or PNG images, at most {limit:,} of {len(self._dataset):,} "
                f"unreadable, got {len(self._seen):,} unreadable so far; replace or remove them: "
                + _examples([self._dataset.where(index) for index in sorted(self._seen)[: _SHOWN + 1]]),
            )


class UnreadableInStream:
    """The unreadable images of a stream, judged pass by pass: nothing tells which of them came before.

    Those of the first pass are warned of one by one, those of the others in one line each. The limit follows from
    the number of images in a pass, which shows at its end only; before that, it is as if there were 10,000.
    """

    def __init__(self, stream: SampleStream, *, channel: str, first: int) -> None:
        self._stream = stream
        self._channel = channel
        self._first = first
        self._seen: dict[int, list[Place]] = {}

    def note(self, reasons: Mapping[Place, str], images: Mapping[int, int]) -> None:
        """Take note of unreadable images; `images` says how many were read of each pass so far.

        Raises UserError when they are too many however many images are to come.
        """
        for place in sorted(reasons):
            self._seen.setdefault(place.passage, []).append(place)
            if place.passage == self._first:
                logger.warning("%s: skipped: %s", self._stream.where(place), reasons[place])
        for passage in {place.passage for place in reasons}:
            self._check(passage, images.get(passage, 0), limit=allowed(max(images.get(passage, 0), _MANY)))

    def judge(self, passage: int, images: int) -> None:
        """Raise UserError where too many of a pass of so many images were unreadable, now that it is complete."""
        self._check(passage, images, limit=allowed(images))
        seen = self._seen.pop(passage, [])
        if seen and passage != self._first:
            logger.warning("%s and others, %d in all: skipped as unreadable", self._stream.where(seen[0]), len(seen))

    def _check(self, passage: int, images: int, *, limit: int) -> None:
        seen = self._seen.get(passage, [])
        if len(seen) > limit:
            raise UserError(
                f"{self._channel} channel: expected JPEG or PNG images, at most {limit:,} unreadable, "
                f"got {len(seen):,} among {images:,} so far; replace or remove them: "
                + _examples([self._stream.where(place) for place in seen[: _SHOWN + 1]]),
            )


def _examples(places: Sequence[str]) -> str:
    more = ", ..." if len(places) > _SHOWN else ""
    return ", ".join(places[:_SHOWN]) + more
