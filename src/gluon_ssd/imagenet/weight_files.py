"""The published files of ImageNet weights, and the base network that each serves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import mxnet as mx

from gluon_ssd.imagenet import checkpoint, resnet_v2, vgg16_atrous
from gluon_ssd.ssd.network import SSD

_DIGITS = 8  # of the digest, in the names of GluonCV's files


@dataclass(frozen=True)
class WeightFile:
    """A file of weights that someone has published.

    Attributes:
        name: Of the classifier.
        read: Returns its parameters under the network's names, and perhaps more, from a file of a right digest.
        sha1: Of the file; None where no digest was published.
    """

    name: str
    read: Callable[[Path, SSD], dict[str, mx.nd.NDArray]]
    sha1: str | None = None

    @property
    def file_name(self) -> str:
        """What the file is called, or for example called, where it has been published."""
        return f"{self.name}-{'0000' if self.sha1 is None else self.sha1[:_DIGITS]}.params"

    @property
    def published(self) -> str:
        """What the file is called without its suffix."""
        return self.file_name.removesuffix(".params")

    def is_called(self, file_name: str) -> bool:
        """Say whether a file of this name should be the one: as published, of any epoch, or without the digest."""
        if self.sha1 is None:
            return re.fullmatch(rf"{re.escape(self.name)}-\d{{4}}\.params", file_name) is not None
        return file_name in (self.file_name, f"{self.name}.params")


# Digests: gluoncv/model_zoo/model_store.py. Checkpoints: zhreshold/mxnet-ssd, release v0.2-beta, and
# example/image-classification/common/modelzoo.py of MXNet.
WEIGHT_FILES: Mapping[str, tuple[WeightFile, ...]] = {
    "vgg-16": (
        WeightFile("vgg16_atrous", vgg16_atrous.read, "4fa2e1ad96b8c8d1ba9e5a43556cd909d70b3985"),
        WeightFile("vgg16_reduced", checkpoint.read),
    ),
    "resnet-50": (
        WeightFile("resnet50_v2", resnet_v2.read, "ecdde35339c1aadbec4f547857078e734a76fb49"),
        WeightFile("resnet-50", checkpoint.read),
    ),
}
"""By base network, the files that serve it, best first."""
