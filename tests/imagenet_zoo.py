"""GluonCV's networks with random parameters, saved as its files are, and what both sides make of the same pixels."""

from collections.abc import Mapping
from pathlib import Path

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.ssd.base_networks import find
from gluon_ssd.ssd.network import SSD

Array = NDArray[np.float32]
Images = NDArray[np.uint8]
Features = list[Array]


def randomize(block: mx.gluon.Block, side: int, *, seed: int = 5) -> None:
    """Give a block weights that keep the features' size, and means, variances and biases as training leaves them."""
    block.initialize(mx.init.Zero())
    block(mx.nd.zeros((1, 3, side, side)))
    rng = np.random.default_rng(seed)
    parameters = block.collect_params()
    for name, parameter in parameters.items():
        shape = parameter.shape
        if name.endswith("weight"):
            parameter.set_data(mx.nd.array(rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)))
        elif name.endswith(("running_mean", "beta", "bias")):
            parameter.set_data(mx.nd.array(rng.normal(0, 0.2, shape)))
        elif name.endswith("running_var"):
            # Some as small as epsilon, with a gamma as small, since nothing in such a channel is large.
            variance = 10 ** rng.uniform(-5, 0, shape)
            parameter.set_data(mx.nd.array(variance))
            parameters[name.replace("running_var", "gamma")].set_data(mx.nd.array(np.sqrt(variance)))


def save(block: mx.gluon.Block, path: Path, *, old_form: bool = False) -> None:
    """Write what GluonCV reads: by the places of layers in the block, or as before Gluon 1.2 by their names."""
    if old_form:
        block.collect_params().save(str(path), strip_prefix=block.prefix)
    else:
        block.save_parameters(str(path))


def pixels(side: int, *, seed: int = 9) -> Images:
    """Smooth random images (2, S, S, 3) that use the whole range."""
    small = np.random.default_rng(seed).integers(0, 256, (2, side // 8, side // 8, 3), dtype=np.uint8)
    return small.repeat(8, axis=1).repeat(8, axis=2)


def normalized(images: Images) -> mx.nd.NDArray:
    """Turn images into what GluonCV's own transform makes of them."""
    batch = [mx.nd.image.to_tensor(mx.nd.array(image, dtype=np.uint8)) for image in images]
    return mx.nd.image.normalize(mx.nd.stack(*batch), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def taps(network: SSD, arrays: Mapping[str, mx.nd.NDArray], images: Images) -> Features:
    """Return the features of the base network with these parameters, for images (B, S, S, 3)."""
    base = find(network.base_network, network.image_shape)
    internals = base.symbol().get_internals()
    symbol = mx.sym.Group([internals[f"{tap}_output"] for tap in base.layout(network.image_shape).taps])
    states = {name: arrays[name] for name in symbol.list_auxiliary_states()}
    arguments = {name: arrays[name] for name in symbol.list_arguments() if name != "data"}
    data = (images.astype(np.float32) - np.array(network.input_mean, np.float32)) / np.array(
        network.input_std, np.float32
    )
    executor = symbol.bind(mx.cpu(), {"data": mx.nd.array(data.transpose(0, 3, 1, 2)), **arguments}, aux_states=states)
    return [output.asnumpy() for output in executor.forward(is_train=False)]
