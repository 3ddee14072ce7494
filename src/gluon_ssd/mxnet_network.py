"""A model folder's network, run by MXNet."""

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.artifact import Artifact
from gluon_ssd.description import Description
from gluon_ssd.errors import UserError
from gluon_ssd.ssd import strict_loading, weights
from gluon_ssd.ssd.network import SSD


class MXNetNetwork:
    """Detects by MXNet, on one device: the first GPU by default, or else the CPU.

    Attributes:
        description: What the model is and expects.
        ssd: The network itself.
    """

    def __init__(self, model: Artifact, device: mx.Context | None = None) -> None:
        """Place the model's parameters on the device.

        Raises:
            UserError: They do not fit the network that the model describes.
        """
        self.description = model.description
        self._device = _default_device() if device is None else device
        try:
            self.ssd = _network(model.description)
            strict_loading.check(self.ssd, model.arg_params, model.aux_params)
        except UserError as error:
            raise UserError(f"model, {model.parameter_file}: {error}") from error
        weights.restore(self.ssd, [self._device], model.arg_params, model.aux_params)

    def detect(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what is in images (B, S, S, 3), RGB: rows (B, N, 6) as those of `SSD.detect`."""
        rows: NDArray[np.float32] = self.ssd.detect(
            mx.nd.from_numpy(images).as_in_context(self._device),
            nms_threshold=self.description.nms_threshold,
            nms_topk=self.description.nms_topk,
        ).asnumpy()
        return rows


def _network(description: Description) -> SSD:
    return SSD(
        description.base_network,
        description.num_classes,
        description.image_shape,
        input_mean=description.input_mean,
        input_std=description.input_std,
    )


def _default_device() -> mx.Context:
    return mx.gpu() if mx.context.num_gpus() else mx.cpu()
