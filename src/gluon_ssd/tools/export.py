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


def export(model: Path, *, onnx: Path | None = None, deploy: Path | None = None) -> None:
    """Write the model of a folder or archive in one form or both; neither where the other is sure to fail.

    Args:
        model: the folder or archive.
        onnx: an ONNX file (see `onnx_graph.onnx_model`).
        deploy: a folder for a checkpoint that only detects: for `load_checkpoint("deploy_model_algo_1", 0)`.

    Raises:
        UserError: there is no model, or what shall be written is there already or cannot be.
    """
    if onnx is not None:
        expect_new(onnx, option="--onnx")
    if deploy is not None:
        expect_free(deploy, option="--deploy")
    if onnx is not None and deploy is not None and onnx.resolve() == deploy.resolve():
        raise UserError(f"export: expected two places for --onnx and --deploy, got {onnx} for both")
    read = _read(model)
    if deploy is not None:
        _write_deploy(read, deploy)
    if onnx is not None:
        _write_onnx(read, onnx)


def _write_onnx(model: Artifact, output: Path) -> None:
    from gluon_ssd import onnx_export  # noqa: PLC0415 - takes a while to import

    with written_aside(output, option="--onnx") as aside:
        onnx_export.write(model, aside / output.name)
        (aside / output.name).replace(output)


def _write_deploy(model: Artifact, output: Path) -> None:
    network = MXNetNetwork(model, mx.cpu())  # checks that the parameters fit
    description = network.description
    symbol = network.ssd.deploy_symbol(nms_threshold=description.nms_threshold, nms_topk=description.nms_topk)
    with written_aside(output, option="--deploy") as aside:
        folder = aside / "deploy"
        folder.mkdir()
        mx.model.save_checkpoint(str(folder / _PREFIX), 0, symbol, model.arg_params, model.aux_params)
        artifact.write_description(folder, description)
        if output.exists():
            output.rmdir()  # empty, as was seen
        folder.replace(output)


def _read(path: Path) -> Artifact:
    if path.suffix.lower() == ONNX:
        raise UserError(f"model: expected a model folder or its archive, got {path}, which is exported already")
    with model_folder(path) as folder:
        return artifact.read(folder)
