"""A model in a form that other programs load: ONNX, or a checkpoint of MXNet that only detects."""

from pathlib import Path

import mxnet as mx

from gluon_ssd import artifact
from gluon_ssd.artifact import Artifact
from gluon_ssd.detector import ONNX
from gluon_ssd.errors import UserError
from gluon_ssd.model_folder import model_folder
from gluon_ssd.mxnet_network import MXNetNetwork
from gluon_ssd.tools.written_aside import expect_free, expect_new, written_aside

_PREFIX = artifact.DEPLOY_SYMBOL.removesuffix("-symbol.json")


def export_onnx(model: Path, output: Path) -> None:
    """Write the model of a folder or archive as an ONNX file (see `onnx_graph.onnx_model`).

    Raises:
        UserError: there is no model, or `output` is there already or cannot be written.
    """
    from gluon_ssd import onnx_export  # noqa: PLC0415 - takes a while to import

    expect_new(output, option="--onnx")
    read = _read(model)
    with written_aside(output, option="--onnx") as aside:
        onnx_export.write(read, aside / output.name)
        (aside / output.name).replace(output)


def export_deploy(model: Path, output: Path) -> None:
    """Write a checkpoint that only detects to the folder `output`: for `load_checkpoint("deploy_model_algo_1", 0)`.

    Raises:
        UserError: there is no model, or `output` holds something or cannot be written.
    """
    expect_free(output, option="--deploy")
    read = _read(model)
    network = MXNetNetwork(read, mx.cpu())  # checks that the parameters fit
    description = network.description
    symbol = network.ssd.deploy_symbol(nms_threshold=description.nms_threshold, nms_topk=description.nms_topk)
    with written_aside(output, option="--deploy") as aside:
        folder = aside / "deploy"
        folder.mkdir()
        mx.model.save_checkpoint(str(folder / _PREFIX), 0, symbol, read.arg_params, read.aux_params)
        artifact.write_description(folder, description)
        if output.exists():
            output.rmdir()  # empty, as was seen
        folder.replace(output)


def _read(path: Path) -> Artifact:
    if path.suffix.lower() == ONNX:
        raise UserError(f"model: expected a model folder or its archive, got {path}, which is exported already")
    with model_folder(path) as folder:
        return artifact.read(folder)
