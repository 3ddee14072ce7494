from dataclasses import replace
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from gluon_ssd import artifact
from gluon_ssd.data.images import UnreadableImageError
from gluon_ssd.data.loading import Batch
from gluon_ssd.description import Description
from gluon_ssd.detector import Detector
from gluon_ssd.errors import UserError
from gluon_ssd.mxnet_network import MXNetNetwork
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD
from gluon_ssd.training.learner import Learner

MEAN = (123.0, 117.0, 104.0)


def description(num_classes: int) -> Description:
    return Description("resnet-50", num_classes, 64, MEAN, nms_threshold=0.4, nms_topk=50, class_names=("cat", "dog"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a detector that has learned nothing: it finds many things everywhere."""
    folder = tmp_path_factory.mktemp("model")
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    symbol = network.training_symbol(nms_threshold=0.4, nms_topk=50)
    artifact.write(folder, symbol, *weights.snapshot(network), hyperparameters={}, description=description(2))
    return folder


@pytest.fixture(scope="module")
def detector(model: Path) -> Detector:
    return Detector.read(model, mx.cpu())


def photograph(height: int, width: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (5, 5), 0), np.uint8)


def png(image: NDArray[np.uint8]) -> bytes:
    """Encode RGB without loss."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1])


def test_detections_are_those_of_the_artifact_in_mxnets_module(
    model: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")  # its fused operators round differently
    image = photograph(64, 64)
    symbol, arg_params, aux_params = mx.model.load_checkpoint(str(model / "model_algo_1"), 0)
    module = mx.mod.Module(symbol, data_names=["data"], label_names=["label"])
    module.bind([("data", (1, 3, 64, 64))], [("label", (1, 1, 5))], for_training=False)
    module.set_params(arg_params, aux_params)
    data = mx.nd.array((image.astype(np.float32) - np.array(MEAN, np.float32)).transpose(2, 0, 1)[np.newaxis])
    module.forward(mx.io.DataBatch([data], [-mx.nd.ones((1, 1, 5))]), is_train=False)
    rows = module.get_outputs()[3].asnumpy()[0]
    expected = rows[rows[:, 0] >= 0]
    assert 3 < len(expected) <= 50
    np.testing.assert_array_equal(detector.detect(png(image)), expected)


def test_detections_are_rows_of_class_score_and_corners_best_first(detector: Detector) -> None:
    rows = detector.detect(png(photograph(90, 160)))
    assert rows.dtype == np.float32
    assert rows.ndim == 2
    assert set(rows[:, 0]) <= {0, 1}
    assert (np.diff(rows[:, 1]) <= 0).all()
    assert ((rows[:, 2:] >= 0) & (rows[:, 2:] <= 1)).all()


def test_an_image_is_warped_linearly_to_a_square(detector: Detector) -> None:
    image = photograph(90, 160)
    square = cv2.resize(image, (64, 64), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(detector.detect(png(image)), detector.detect(png(np.asarray(square, np.uint8))))


def test_the_detector_knows_the_names_of_its_classes(detector: Detector) -> None:
    assert detector.class_names == ("cat", "dog")


def test_bytes_that_are_no_image_are_refused(detector: Detector) -> None:
    with pytest.raises(UnreadableImageError):
        detector.detect(b"GIF89a")


@pytest.mark.slow
@pytest.mark.parametrize("base_network", ["resnet-34", "resnet-101", "mobilenet-1.0", "mobilenetv2-1.0"])
def test_a_trained_network_predicts_the_same_once_written_and_read(base_network: str, tmp_path: Path) -> None:
    network = SSD(base_network, 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    start = weights.snapshot(network)[0]
    pixels = photograph(64, 64)[np.newaxis]
    objects = np.array([[[0, 0.1, 0.1, 0.6, 0.7, 0], [1, 0.5, 0.4, 0.9, 0.9, 0]]], np.float32)
    learner = Learner(network, mx.optimizer.create("sgd", learning_rate=0.01), [mx.cpu()])
    assert learner.train([Batch(pixels, objects)]).batches == 1

    arg_params, aux_params = weights.snapshot(network)
    still = [name for name, array in arg_params.items() if (array == start[name]).asnumpy().all()]
    # Feature layers that no object fell to may have nothing to learn from.
    assert {name for name in still if "_pred_conv_" not in name and "multi_feat_" not in name} <= {"bn_data_gamma"}
    described = Description(base_network, 2, 64, network.input_mean, network.input_std)
    symbol = network.training_symbol(nms_threshold=0.45, nms_topk=400)
    artifact.write(tmp_path, symbol, arg_params, aux_params, hyperparameters={}, description=described)
    read = MXNetNetwork(artifact.read(tmp_path), mx.cpu()).ssd
    images = mx.nd.array(pixels, dtype=np.uint8)
    for ours, theirs in zip(network(images), read(images), strict=True):
        np.testing.assert_array_equal(ours.asnumpy(), theirs.asnumpy())


def test_weights_for_other_classes_than_described_are_refused(model: Path) -> None:
    other = artifact.read(model)
    changed = artifact.Artifact(other.symbol, other.arg_params, other.aux_params, other.hyperparameters, description(3))
    with pytest.raises(
        UserError, match=r"^model, model_algo_1-0000.params: expected arg:_plus12_cls_pred_conv_weight of shape .* got "
    ):
        MXNetNetwork(changed, mx.cpu())


def test_a_base_network_that_there_is_not_is_told_with_the_model(model: Path) -> None:
    other = artifact.read(model)
    changed = replace(other, description=replace(other.description, base_network="resnet-7"))
    with pytest.raises(UserError, match=r"^model, .*-0000.params: base_network: expected one of .*resnet-7"):
        MXNetNetwork(changed, mx.cpu())
