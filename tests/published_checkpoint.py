"""A file such as `resnet-50-0000.params`, which the built-in algorithm's ancestors started from, of random weights."""

import mxnet as mx

from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD

Arrays = dict[str, mx.nd.NDArray]


def classifier(*, seed: int) -> Arrays:
    """Return what the file holds: the parameters of resnet-50 under their names, and the classifier's end."""
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=seed)
    arg_params, aux_params = weights.snapshot(network)
    base = {name: array for name, array in arg_params.items() if not name.startswith(("_plus", "multi_feat_"))}
    return (
        {f"arg:{name}": array for name, array in base.items()}
        | {f"aux:{name}": array for name, array in aux_params.items()}
        | {"arg:bn1_gamma": mx.nd.ones(2048), "arg:fc1_bias": mx.nd.ones(1000), "aux:bn1_moving_var": mx.nd.ones(2048)}
    )
