"""A network in an ONNX file of this project, run by ONNX Runtime."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gluon_ssd.description import described
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker import cpus

_ERRORS = 3  # ONNX Runtime's level of messages


class OnnxNetwork:
    """Detects by ONNX Runtime on the CPU.

    Attributes:
        description: What the model is and expects.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            UserError: It is not there, or is none that this project has written.
        """
        self._session = _session(path)
        properties = self._session.get_modelmeta().custom_metadata_map
        if "base_network" not in properties:
            raise UserError(f"model, {path}: expected an ONNX file of `gluon-ssd export`, got one from elsewhere")
        self.description = described(_values(properties, path), str(path))
        self._check_form(path)

    def detect(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what is in images (B, S, S, 3), RGB: rows (B, K, 6) as those of `SSD.detect`."""
        (rows,) = self._session.run(None, {"images": images})
        found: NDArray[np.float32] = rows
        return found

    def _check_form(self, path: Path) -> None:
        """Raise a UserError unless the graph takes and gives what its properties say."""
        side = self.description.image_shape
        values = [*self._session.get_inputs(), *self._session.get_outputs()]
        given = [(value.name, value.type, *value.shape[1:]) for value in values]
        rows = given[-1][2] if len(given[-1]) > 2 else None  # noqa: PLR2004 - how many there are is up to the model
        expected = [("images", "tensor(uint8)", side, side, 3), ("detections", "tensor(float)", rows, 6)]
        if given != expected:
            raise UserError(
                f"model, {path}: expected an ONNX file of `gluon-ssd export`, with {expected}, got one with {given}"
            )


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS
    # As many as MXNet takes. Without a number it binds each thread to a core, which a container may not let it.
    options.intra_op_num_threads = cpus.told(os.environ) or cpus.available()
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise UserError(f"model, {path}: expected a file that can be read, got {error}") from error
    except Exception as error:  # its classes of exceptions have no other base and no public name
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise UserError(f"model, {path}: expected an ONNX file, got: {_first_line(error)}") from error


def _values(properties: Mapping[str, str], path: Path) -> dict[str, Any]:
    try:
        return {name: json.loads(text) for name, text in properties.items()}
    except (ValueError, RecursionError) as error:
        raise UserError(f"model, {path}: expected an ONNX file of `gluon-ssd export`, got another: {error}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
