"""A trained model that looks at images."""

from pathlib import Path
from typing import Protocol, Self

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd import artifact
from gluon_ssd.data import augment, images
from gluon_ssd.data.augment import Choice, Window
from gluon_ssd.description import Description
from gluon_ssd.model_folder import model_folder
from gluon_ssd.mxnet_network import MXNetNetwork
from gluon_ssd.ssd.network import found

ONNX = ".onnx"


class Network(Protocol):
    """What runs a model."""

    @property
    def description(self) -> Description:
        """What the model is and expects."""

    def detect(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what is in images (B, S, S, 3), RGB: rows (B, K, 6) of class, score and corners, class -1 for none."""


class Detector:
    """Finds the objects in images, on one device; not to be shared by threads.

    Attributes:
        description: What the model is and expects.
        class_names: By class id, or None if the model does not say.
    """

    def __init__(self, network: Network) -> None:
        self.description = network.description
        self.class_names = self.description.class_names
        self._network = network

    @classmethod
    def read(cls, path: Path, device: mx.Context | None = None) -> Self:
        """Read a model folder, a `model.tar.gz` with one, or an ONNX file of `gluon-ssd export`.

        A model folder's runs on `device`, by default the first GPU or else the CPU; ONNX runs on the CPU.

        Raises:
            UserError: There is no model that this project can use.
        """
        if path.suffix.lower() == ONNX:
            from gluon_ssd.onnx_network import OnnxNetwork  # noqa: PLC0415 - ONNX Runtime takes a while to import

            return cls(OnnxNetwork(path))
        with model_folder(path) as folder:
            return cls(MXNetNetwork(artifact.read(folder), device))

    def detect(self, image: bytes) -> NDArray[np.float32]:
        """Return the objects in a JPEG or PNG image, best first, whatever their score.

        Rows (k, 6) are class, score, xmin, ymin, xmax, ymax as fractions of the image.

        Raises:
            UnreadableImageError: The bytes are no image that can be read.
        """
        return self.detect_pixels(images.decode(image))

    def detect_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the objects in a decoded image (h, w, 3), RGB, as `detect` does."""
        side = self.description.image_shape
        # Warped to a square by the very function that prepares validation images.
        shape = (pixels.shape[0], pixels.shape[1])
        square = np.empty((1, side, side, 3), np.uint8)
        augment.apply(pixels, Choice(Window(0, 0, shape[1], shape[0])), shape, square[0])
        return self.detect_batch(square)[0]

    def detect_batch(self, squares: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return the objects in each of some images (B, S, S, 3) that are resized already, as `detect` does."""
        return [found(rows) for rows in self._network.detect(squares)]
