"""The model folder while a job trains: it holds the best epoch so far."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gluon_ssd import artifact
from gluon_ssd.description import Description
from gluon_ssd.errors import JobError
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD

logger = logging.getLogger(__name__)


class BestModel:
    """Writes a network's artifact to `folder` whenever an epoch scores higher than all before it.

    Attributes:
        parameters: The file of the parameters.
        score: The highest score so far, None before the first.
    """

    def __init__(
        self, folder: Path, network: SSD, *, hyperparameters: Mapping[str, str], description: Description
    ) -> None:
        self.parameters = folder / artifact.PARAMETERS
        self.score: float | None = None
        self._folder = folder
        self._network = network
        self._hyperparameters = hyperparameters
        self._description = description

    def observe(self, epoch: int, score: float, scores: Mapping[str, float]) -> bool:
        """Keep the network as it is now if `score` is the highest so far; return whether it is.

        While every score is 0 the latest network is kept, which is more likely to be some use than the first.
        """
        if self.score is not None and (score < self.score or score == self.score != 0):
            return False
        self.score = score
        self._write(epoch, scores)
        return True

    def keep_anything(self) -> None:
        """Keep the network as it is now if no epoch came so far as to have a score: better than nothing."""
        if self.score is None:
            logger.warning("No epoch was finished: the model is what training had come to, which is of little use")
            self._write(None, {})

    def finish(self, *, export_onnx: bool) -> None:
        """See to it that there is a model when training is over, in ONNX too where that is asked for."""
        self.keep_anything()
        if export_onnx:
            self._export_onnx()

    def _export_onnx(self) -> None:
        """Put the kept model into the folder as ONNX too; where that fails, log it: the model itself is whole."""
        from gluon_ssd import onnx_export  # noqa: PLC0415 - takes a while to import, and few jobs ask for it

        folder = self.parameters.parent
        started = time.monotonic()
        try:
            with artifact.replacing(folder / artifact.ONNX) as path:
                onnx_export.write(artifact.read(folder), path)
        except JobError as error:
            logger.error("export_onnx: the model is complete, but not in ONNX: %s", error)  # noqa: TRY400 - told in a line
        except Exception:  # hours of training must not be lost for something beside them
            logger.exception("export_onnx: the model is complete, but not in ONNX")
        else:
            logger.info('Wrote "%s" in %.1f seconds', folder / artifact.ONNX, time.monotonic() - started)

    def _write(self, epoch: int | None, scores: Mapping[str, float]) -> None:
        arg_params, aux_params = weights.snapshot(self._network)
        description = replace(self._description, epoch=epoch, scores=scores)
        symbol = self._network.training_symbol(nms_threshold=description.nms_threshold, nms_topk=description.nms_topk)
        deploy_symbol = self._network.deploy_symbol(
            nms_threshold=description.nms_threshold, nms_topk=description.nms_topk
        )
        artifact.write_deploy_symbol(self._folder, deploy_symbol)
        artifact.write(
            self._folder, symbol, arg_params, aux_params, hyperparameters=self._hyperparameters, description=description
        )
