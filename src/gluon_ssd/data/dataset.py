"""What every reader of a channel offers: samples by index or in passes, and words for where each one came from."""

from collections.abc import Generator
from typing import Protocol

from gluon_ssd.data.order import Place
from gluon_ssd.data.sample import Sample


class Dataset(Protocol):
    """The samples of one channel, in channel order; it can be pickled, so that worker processes read for themselves."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    def where(self, index: int) -> str:
        """Say where a sample is stored, for messages: `train channel, train.rec, record 41`."""
        ...


class SampleStream(Protocol):
    """The samples of one channel, which come in passes and only in the order in which they are sent."""

    def passage(self, passage: int) -> Generator[Sample, None, None]:
        """Read the samples of one pass, each pass once and in turn; closing the iterator ends the pass."""
        ...

    def where(self, place: Place) -> str:
        """Say where a sample came from, for messages: `train channel, train_0, record 41`."""
        ...
