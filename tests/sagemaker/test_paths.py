from pathlib import Path

from gluon_ssd.sagemaker.paths import Paths


def test_a_job_lives_under_opt_ml_unless_told_otherwise() -> None:
    assert Paths.from_environment({}) == Paths(Path("/opt/ml"))
    assert Paths.from_environment({"SAGEMAKER_BASE_DIR": ""}) == Paths(Path("/opt/ml"))
    assert Paths.from_environment({"SAGEMAKER_BASE_DIR": "/tmp/job"}) == Paths(Path("/tmp/job"))  # noqa: S108 - never opened


def test_every_place_is_where_sagemaker_documents_it() -> None:
    paths = Paths()

    assert str(paths.hyperparameters) == "/opt/ml/input/config/hyperparameters.json"
    assert str(paths.input_data_config) == "/opt/ml/input/config/inputdataconfig.json"
    assert str(paths.resource_config) == "/opt/ml/input/config/resourceconfig.json"
    assert str(paths.data) == "/opt/ml/input/data"
    assert str(paths.channel("train")) == "/opt/ml/input/data/train"
    assert str(paths.model) == "/opt/ml/model"
    assert str(paths.output) == "/opt/ml/output"
    assert str(paths.failure) == "/opt/ml/output/failure"
    assert str(paths.model_archive) == "/opt/ml/output/model.tar.gz"
    assert str(paths.checkpoints) == "/opt/ml/checkpoints"
