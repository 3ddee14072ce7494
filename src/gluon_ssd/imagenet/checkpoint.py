"""Parameters as MXNet's `save_checkpoint` writes them: `arg:` and `aux:` before names that are the network's own."""

from pathlib import Path

import mxnet as mx

from gluon_ssd.errors import UserError
from gluon_ssd.ssd.network import SSD

_PREFIXES = ("arg:", "aux:")


def read(path: Path, network: SSD) -> dict[str, mx.nd.NDArray]:  # noqa: ARG001 - all readers are called alike
    """Read such a file of one of the classifiers that the built-in algorithm's ancestors started from.

    They saw the pixels that the network sees.

    Raises:
        UserError: It holds something else.
    """
    try:
        arrays = mx.nd.load(str(path))
    except mx.base.MXNetError as error:
        raise UserError(
            f"pretrained weights, {path}: expected MXNet parameters, got another or a broken file"
        ) from error
    if not isinstance(arrays, dict):
        raise UserError(f"pretrained weights, {path}: expected named parameters, got a list")
    other = [name for name in arrays if not name.startswith(_PREFIXES)]
    if other:
        raise UserError(f"pretrained weights, {path}: expected names that begin with arg: or aux:, got {other[0]!r}")
    return {name.partition(":")[2]: array for name, array in arrays.items()}
