"""Classifiers of GluonCV's model zoo that are base networks as they are."""

from pathlib import Path

import mxnet as mx

from gluon_ssd.ssd import zoo
from gluon_ssd.ssd.network import SSD


def read(model: str, path: Path, network: SSD) -> dict[str, mx.nd.NDArray]:  # noqa: ARG001 - readers are called alike
    """Read a file of GluonCV's `model`, in either of the forms that Gluon has written.

    The network sees pixels as the classifier did, so that nothing is to be converted.
    """
    with mx.name.NameManager():  # numbers the layers as in the network
        classifier = zoo.block(model)
    classifier.load_parameters(str(path), ctx=mx.cpu())
    return {name: parameter.data() for name, parameter in classifier.collect_params().items()}
