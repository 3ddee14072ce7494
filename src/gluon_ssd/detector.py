"""A trained model that looks at images."""

from pathlib import Path
from typing import Self

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd import artifact
from gluon_ssd.artifact import Artifact
from gluon_ssd.data import augment, images
from gluon_ssd.data.augment import Choice, Window
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD, found


class Detector:
    """Finds the objects in one image at a time, on one device; not to be shared by threads.

    Attributes:
        class_names: By class id, or None if the model does not say.
    """

    def __init__(self, model: Artifact, device: mx.Context | None = None) -> None:
        self.description = model.description
        self.class_names = model.description.class_names
        self.device = _default_device() if device is None else device
        self.network = SSD(
            self.description.base_network,
            self.description.num_classes,
            self.description.image_shape,
            input_mean=self.description.input_mean,
            input_std=self.description.input_std,
        )
        weights.restore(self.network, [self.device], model.arg_params, model.aux_params)

    @classmethod
    def read(cls, folder: Path, device: mx.Context | None = None) -> Self:
        """Read the model in this folder; `device` is the first GPU by default, or else the CPU.

        Raises:
            UserError: The folder holds no model that this project can use.
        """
        return cls(artifact.read(folder), device)

    def detect(self, image: bytes) -> NDArray[np.float32]:
        """Return the objects in a JPEG or PNG image, best first, whatever their score.

        Rows (k, 6) are class, score, xmin, ymin, xmax, ymax as fractions of the image.

        Raises:
            UnreadableImageError: The bytes are no image that can be read.
        """
        pixels = images.decode(image)
        # Warped to a square by the very function that prepares validation images.
        shape = (pixels.shape[0], pixels.shape[1])
        square = np.empty((self.network.image_shape, self.network.image_shape, 3), np.uint8)
        augment.apply(pixels, Choice(Window(0, 0, shape[1], shape[0])), shape, square)
        batch = mx.nd.array(square[np.newaxis], ctx=self.device, dtype=np.uint8)
        rows = self.network.detect(
            batch, nms_threshold=self.description.nms_threshold, nms_topk=self.description.nms_topk
        )
        return found(rows.asnumpy()[0])


def _default_device() -> mx.Context:
    return mx.gpu() if mx.context.num_gpus() else mx.cpu()
