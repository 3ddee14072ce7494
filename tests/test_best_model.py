"""Which epoch's network the model folder holds."""

import json
from pathlib import Path

import mxnet as mx
import pytest

from gluon_ssd.best_model import BestModel
from gluon_ssd.description import Description
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD


@pytest.fixture
def best(tmp_path: Path) -> BestModel:
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=0)
    description = Description(
        base_network="resnet-50",
        num_classes=2,
        image_shape=64,
        input_mean=network.input_mean,
        input_std=network.input_std,
        nms_threshold=0.45,
        nms_topk=400,
    )
    return BestModel(tmp_path, network, hyperparameters={}, description=description)


def _kept(best: BestModel) -> tuple[object, object]:
    description = json.loads(best.parameters.with_name("model.json").read_text())
    return description["epoch"], description["scores"]


def test_the_first_of_the_highest_scores_is_kept(best: BestModel) -> None:
    assert [best.observe(epoch, score, {"mAP": score}) for epoch, score in enumerate((0.2, 0.3, 0.3, 0.1))] == [
        True,
        True,
        False,
        False,
    ]
    assert _kept(best) == (1, {"mAP": 0.3})


def test_while_all_scores_are_zero_the_latest_is_kept(best: BestModel) -> None:
    assert [best.observe(epoch, 0.0, {}) for epoch in range(3)] == [True, True, True]
    assert _kept(best) == (2, {})


def test_without_any_score_the_network_is_kept_as_it_is(best: BestModel, caplog: pytest.LogCaptureFixture) -> None:
    best.keep_anything()
    assert _kept(best) == (None, {})
    assert caplog.messages == ["No epoch was finished: the model is what training had come to, which is of little use"]


def test_a_scored_network_is_not_replaced_in_the_end(best: BestModel) -> None:
    best.observe(0, 0.2, {})
    best.finish(export_onnx=False)
    assert _kept(best) == (0, {})


def test_in_the_end_there_is_a_model_whatever_came_before(best: BestModel) -> None:
    best.finish(export_onnx=False)
    assert _kept(best) == (None, {})
    assert not (best.parameters.parent / "model.onnx").exists()


def test_onnx_that_cannot_be_written_is_logged_and_loses_nothing(
    best: BestModel, caplog: pytest.LogCaptureFixture
) -> None:
    best.observe(3, 0.2, {})
    (best.parameters.parent / "model.onnx" / "in the way").mkdir(parents=True)
    best.finish(export_onnx=True)
    assert _kept(best) == (3, {})
    (message,) = caplog.messages
    assert message.startswith("export_onnx: the model is complete, but not in ONNX: output: expected to write to ")
