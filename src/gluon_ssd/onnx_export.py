"""A model folder's model as an ONNX file, which needs nothing else: its properties describe it."""

import json
from dataclasses import asdict
from pathlib import Path

import mxnet as mx
import onnx
from onnx import helper

from gluon_ssd.artifact import Artifact
from gluon_ssd.mxnet_network import MXNetNetwork
from gluon_ssd.ssd import onnx_graph


def write(model: Artifact, path: Path) -> None:
    """Write the model to `path`; the properties are those of `model.json`, each in JSON.

    For the form of the model see `onnx_graph.onnx_model`.

    Raises:
        UserError: Its parameters do not fit what it describes.
        AlgorithmError: The network cannot be translated.
        OSError: The file cannot be written.
    """
    network = MXNetNetwork(model, mx.cpu())
    description = network.description
    made = onnx_graph.onnx_model(network.ssd, nms_threshold=description.nms_threshold, nms_topk=description.nms_topk)
    helper.set_model_props(made, {name: json.dumps(value) for name, value in asdict(description).items()})
    made.producer_name = "gluon-ssd"
    made.producer_version = description.versions.get("gluon_ssd", "")
    onnx.checker.check_model(made)
    path.write_bytes(made.SerializeToString())
