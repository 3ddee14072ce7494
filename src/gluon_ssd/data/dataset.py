"""What every reader of a channel offers: samples by index, and words for where each one came from."""

from typing import Protocol

from gluon_ssd.data.sample import Sample


class Dataset(Protocol):
    """The samples of one channel, in channel order; it can be pickled, so that worker processes read for themselves."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    def where(self, index: int) -> str:
        """Say where a sample is stored, for messages: `train channel, train.rec, record 41`."""
        ...
