"""A data set opened to be looked at: its labels, and the way back to each of its images."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gluon_ssd.tools.label_table import LabelTable


class LabelSource(Protocol):
    """What each reader of labels offers. It goes on where a job would stop, and tells what would stop it."""

    @property
    def table(self) -> LabelTable:
        """The labels of all images but those whose label is none."""

    @property
    def left_out(self) -> int:
        """How many images have a label that is none."""

    @property
    def mistakes(self) -> Sequence[str]:
        """All that a job refuses, in the words of the job."""

    @property
    def class_names(self) -> Mapping[int, str]:
        """The names of classes by id, as far as they are known."""

    @property
    def elsewhere(self) -> frozenset[int]:
        """The images that are in S3 and stay there: what is known of them is what their labels say."""

    def where(self, image: int) -> str:
        """Say where an image is: `train channel, train.rec, record 41`."""

    def where_box(self, image: int, number: int) -> str:
        """Say where a box is: `train channel, train.rec, record 41, object 3`."""

    def read(self, image: int) -> bytes:
        """Return an image as it is stored.

        Raises:
            UserError: it cannot be read.
        """
