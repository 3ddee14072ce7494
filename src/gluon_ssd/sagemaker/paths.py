"""Where SageMaker puts what a job reads and takes what it writes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The folders and files of one job, all of them under `base`."""

    base: Path = Path("/opt/ml")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Paths":
        """Take the base from SAGEMAKER_BASE_DIR, which SageMaker's own training toolkit reads too."""
        base = environ.get("SAGEMAKER_BASE_DIR", "")
        return cls(Path(base)) if base else cls()

    @property
    def hyperparameters(self) -> Path:
        """The hyperparameters, one JSON object of strings."""
        return self._config / "hyperparameters.json"

    @property
    def input_data_config(self) -> Path:
        """The channels: content type, input mode, distribution."""
        return self._config / "inputdataconfig.json"

    @property
    def resource_config(self) -> Path:
        """The hosts of the job and the name of this one."""
        return self._config / "resourceconfig.json"

    @property
    def data(self) -> Path:
        """The folder that holds a folder for each channel."""
        return self.base / "input" / "data"

    def channel(self, name: str) -> Path:
        """Return the folder of one channel; SageMaker may mount it read-only."""
        return self.data / name

    @property
    def model(self) -> Path:
        """The folder that SageMaker packs into model.tar.gz after training and unpacks before serving."""
        return self.base / "model"

    @property
    def output(self) -> Path:
        """The folder for everything else that leaves the job."""
        return self.base / "output"

    @property
    def failure(self) -> Path:
        """The file whose first 1,024 characters become the job's FailureReason."""
        return self.output / "failure"

    @property
    def first_process(self) -> Path:
        """Where the first process that trains on this host tells the one that has launched it how it fares."""
        return self.output / ".first_process"

    @property
    def model_archive(self) -> Path:
        """Where a job outside SageMaker leaves the archive that the service would have made."""
        return self.output / "model.tar.gz"

    @property
    def checkpoints(self) -> Path:
        """The folder that SageMaker keeps in step with S3 and restores after a Spot interruption."""
        return self.base / "checkpoints"

    @property
    def _config(self) -> Path:
        return self.base / "input" / "config"
