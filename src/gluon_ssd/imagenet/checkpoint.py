"""Parameters as MXNet's `save_checkpoint` writes them: `arg:` and `aux:` before names that are the network's own."""

from pathlib import Path

import mxnet as mx

from gluon_ssd import parameter_file
from gluon_ssd.ssd.network import SSD


def read(path: Path, network: SSD) -> dict[str, mx.nd.NDArray]:  # noqa: ARG001 - all readers are called alike
    """Read such a file of one of the classifiers that the built-in algorithm's ancestors started from.

    They saw the pixels that the network sees.

    Raises:
        UserError: It holds something else.
    """
    arg_params, aux_params = parameter_file.read(path, what="pretrained weights")
    return {**arg_params, **aux_params}
