"""The stored images of a channel, by index, wherever they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from gluon_ssd.data.channel_files import ChannelFolder


class ImageFiles(Protocol):
    """The images of a channel, each in a file; it can be pickled."""

    @property
    def channel(self) -> str:
        """The name of the channel."""
        ...

    def __len__(self) -> int: ...

    def open(self, index: int) -> BinaryIO:
        """Open the file of an image for reading; raises OSError."""
        ...

    def where(self, index: int) -> str:
        """Say which image, for messages."""
        ...


@dataclass(frozen=True)
class FolderImages:
    """Files of a channel's folder, by their relative paths."""

    folder: ChannelFolder
    files: Sequence[str]

    @property
    def channel(self) -> str:
        """The name of the channel."""
        return self.folder.channel

    def __len__(self) -> int:
        return len(self.files)

    def open(self, index: int) -> BinaryIO:
        """Open the file of an image for reading; raises OSError."""
        return self.folder.open(self.files[index])

    def where(self, index: int) -> str:
        """Say which file: `train channel, x/y.jpg`."""
        return self.folder.where(self.files[index])
