"""Images that cannot be decoded: a few are skipped with a warning each, too many fail the job."""

import logging
from collections.abc import Iterable, Mapping

from gluon_ssd.data.dataset import Dataset
from gluon_ssd.errors import UserError

logger = logging.getLogger(__name__)

_ALWAYS_ALLOWED = 10
_ALLOWED_SHARE = 100  # one image of so many
_MAX_SHARE = 2


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
                f"unreadable, got {len(self._seen):,} unreadable so far; replace or remove them: {self._examples()}",
            )

    def _examples(self, count: int = 3) -> str:
        shown: Iterable[int] = sorted(self._seen)[:count]
        more = ", ..." if len(self._seen) > count else ""
        return ", ".join(self._dataset.where(index) for index in shown) + more
