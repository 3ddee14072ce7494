"""The published files of ImageNet weights, and the base network that each serves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mxnet as mx

from gluon_ssd.imagenet import checkpoint, resnet_v2, vgg16_atrous, zoo_model
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


def _of_zoo(model: str, sha1: str) -> WeightFile:
    return WeightFile(model, partial(zoo_model.read, model), sha1)


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
    # The checkpoints of resnet-18 and resnet-34 have a projection more than the network.
    "resnet-18": (WeightFile("resnet18_v2", resnet_v2.read, "a81db45fd7b7a2d12ab97cd88ef0a5ac48b8f657"),),
    "resnet-34": (WeightFile("resnet34_v2", resnet_v2.read, "9d6b80bbc35169de6b6edecffdd6047c56fdd322"),),
    "resnet-101": (
        WeightFile("resnet101_v2", resnet_v2.read, "18e93e4f48947e002547f50eabbcc9c83e516aa6"),
        WeightFile("resnet-101", checkpoint.read),
    ),
    "mobilenet-1.0": (_of_zoo("mobilenet1.0", "efbb2ca3881998d5a8c5cb6c457a28c1e085fed5"),),
    "mobilenet-0.25": (_of_zoo("mobilenet0.25", "f0046a3da4e150b85da58ea31913dbb86e7540d1"),),
    "mobilenetv2-1.0": (_of_zoo("mobilenetv2_1.0", "f9952bcde7a7982947ac5240546e1c1c8f057370"),),
}
"""By base network, the files that serve it, best first."""
