import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from gluon_ssd import artifact
from gluon_ssd.description import Description
from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.channels import Channel, Channels
from gluon_ssd.sagemaker.hyperparameters import Hyperparameters
from gluon_ssd.sagemaker.paths import Paths
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD
from gluon_ssd.starting_weights import StartingWeights, class_names_of

SETTINGS = {"base_network": "resnet-50", "num_classes": "2", "image_shape": "64", "num_training_samples": "8"}
DESCRIPTION = Description(
    base_network="resnet-50",
    num_classes=2,
    image_shape=64,
    input_mean=(1.0, 2.0, 3.0),
    input_std=(4.0, 5.0, 6.0),
    class_names=("cat", "dog"),
)
MODEL = Channel("model")
WITH_MODEL = Channels(Channel("train"), Channel("validation"), model=MODEL)
WITHOUT = Channels(Channel("train"), Channel("validation"))
Start = tuple[SSD, tuple[str, ...] | None]


def job(**changes: str) -> Hyperparameters:
    return Hyperparameters.parse(SETTINGS | changes)


def start(base: Path, channels: Channels = WITH_MODEL, **changes: str) -> Start:
    starting = StartingWeights(job(**changes), channels, Paths(base))
    if starting.mistakes:
        raise UserError("; ".join(starting.mistakes))
    return starting.start([mx.cpu()])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base folder whose model channel has a model, which tests leave as it is."""
    base = tmp_path_factory.mktemp("base")
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=5)
    arg_params, aux_params = weights.snapshot(network)
    arg_params["bn0_beta"][:] = 0.25
    aux_params["bn0_moving_mean"][:] = 7
    symbol = network.training_symbol(nms_threshold=0.45, nms_topk=400)
    folder = base / "input" / "data" / "model"
    artifact.write(folder, symbol, arg_params, aux_params, hyperparameters=SETTINGS, description=DESCRIPTION)
    return base


def changed(base: Path, target: Path, files: Mapping[str, bytes | None]) -> Path:
    """Return a base folder with the same model, but for these files; None is one that is left out."""
    folder = target / "input" / "data" / "model"
    folder.mkdir(parents=True)
    for file in (base / "input" / "data" / "model").iterdir():
        if file.name not in files:
            os.link(file, folder / file.name)
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)
    return target


def tiny(target: Path, description: Description) -> Path:
    """Return a base folder with a model that is no network, but for its description."""
    artifact.write(
        target / "input" / "data" / "model",
        mx.sym.Variable("data"),
        {"a": mx.nd.ones(1)},
        {},
        hyperparameters=SETTINGS,
        description=description,
    )
    return target


def assert_same(network: SSD, model: artifact.Artifact, *, but: str = "nothing") -> None:
    for name, array in {**model.arg_params, **model.aux_params}.items():
        if but not in name:
            own = network.parameters[name].data().asnumpy()
            np.testing.assert_array_equal(own, array.asnumpy(), err_msg=name)


def test_all_of_the_model_is_taken_over(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    network, class_names = start(base, use_pretrained_model="1")
    assert_same(network, artifact.read(base / "input" / "data" / "model"))
    assert (network.input_mean, network.input_std) == ((1, 2, 3), (4, 5, 6))
    assert class_names == ("cat", "dog")
    assert network.parameters["conv0_weight"].grad_req == "write"
    assert network.parameters["_plus12_cls_pred_conv_bias"].lr_mult == 2
    assert caplog.messages == [
        "Start training from the model in the model channel.",
        "use_pretrained_model has no effect where there is a model channel",
        f"Using model weights from file {base}/input/data/model/model_algo_1.",
        "done loading checkpoint",
        "The network gets pixels as the model did: less [1.0, 2.0, 3.0], divided by [4.0, 5.0, 6.0]",
    ]


def test_another_image_shape_fits_where_the_layers_are_the_same(base: Path) -> None:
    network, _ = start(base, image_shape="96")
    assert network.image_shape == 96
    assert_same(network, artifact.read(base / "input" / "data" / "model"))


def test_a_checkpoint_that_mxnet_wrote_as_the_built_in_does_is_taken_over(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "input" / "data" / "model"
    folder.mkdir(parents=True)
    ours = artifact.read(base / "input" / "data" / "model")
    module = mx.mod.Module(ours.symbol, data_names=["data"], label_names=["label"])
    module.bind([("data", (1, 3, 64, 64))], [("label", (1, 1, 5))])
    module.set_params(ours.arg_params, ours.aux_params)
    module.save_checkpoint(str(folder / "model_algo_3"), 7)
    (folder / "hyperparams.json").write_text(json.dumps(SETTINGS))
    graph = json.loads((folder / "model_algo_3-symbol.json").read_text())
    graph["attrs"]["mxnet_version"] = ["int", 10300]  # that of the built-in's files
    (folder / "model_algo_3-symbol.json").write_text(json.dumps(graph))
    network, class_names = start(tmp_path)
    assert_same(network, ours)
    assert class_names is None
    # The first BatchNorm's mean is 0 on each channel, as after mean-subtracted pixels.
    assert (network.input_mean, network.input_std) == ((123, 117, 104), (1, 1, 1))


def test_class_heads_may_start_anew(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    network, class_names = start(base, num_classes="5", reset_classes="1")
    assert_same(network, artifact.read(base / "input" / "data" / "model"), but="_cls_pred_conv_")
    fresh, _ = start(base, WITHOUT, num_classes="5")
    for name in ("_plus12_cls_pred_conv_weight", "_plus12_cls_pred_conv_bias"):
        np.testing.assert_array_equal(
            network.parameters[name].data().asnumpy(), fresh.parameters[name].data().asnumpy(), err_msg=name
        )
    assert class_names is None
    assert "reset_classes: 12 parameters of class heads start anew" in caplog.messages


def test_another_network_is_refused_with_both_values(base: Path) -> None:
    with pytest.raises(UserError) as caught:
        start(base, base_network="vgg-16", image_shape="300", num_classes="3")
    assert str(caught.value) == (
        "model channel: base_network: expected resnet-50, as the model has, got vgg-16; "
        "num_classes: expected 2, as the model has, got 3; set reset_classes=1 to start its class heads anew"
    )


@pytest.mark.parametrize(("before", "now"), [(300, 512), (512, 300), (100, 300)])
def test_vgg_16_across_448_pixels_is_refused_with_what_to_do(tmp_path: Path, before: int, now: int) -> None:
    description = Description("vgg-16", 2, before, (123.0, 117.0, 104.0))
    with pytest.raises(UserError) as caught:
        start(tiny(tmp_path, description), base_network="vgg-16", image_shape=str(now))
    assert str(caught.value) == (
        f"model channel: image_shape: expected one for which vgg-16 has the feature layers of the model's {before}, "
        f"got {now}; set it to {before}, or train without the model channel"
    )


def test_a_model_for_a_base_network_that_is_not_known_is_refused(tmp_path: Path) -> None:
    description = Description("darknet", 2, 64, (0.0, 0.0, 0.0))
    with pytest.raises(UserError, match=r"^model channel: base_network: expected darknet, as the model has, got"):
        start(tiny(tmp_path, description))


def test_parameters_that_are_not_the_networks_are_refused_by_the_name_of_their_file(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        start(tiny(tmp_path, DESCRIPTION))
    assert str(caught.value).startswith(
        f"model channel, {tmp_path}/input/data/model/model_algo_1-0000.params: expected a parameter arg:"
    )


BROKEN: dict[str, tuple[str, bytes | None, str]] = {
    "no graph": ("model_algo_1-symbol.json", None, r"expected a file model_algo_\*-symbol.json in {folder}, got none"),
    "no parameters": (
        "model_algo_1-0000.params",
        None,
        r"expected a file model_algo_1-\*.params in {folder}, got none",
    ),
    "zip file": (
        "model_algo_1-0000.params",
        b"PK" * 99,
        "{folder}/model_algo_1-0000.params: expected MXNet parameters",
    ),
    "mean of two": (
        "model.json",
        b'"input_mean": [1, 2]',
        r"{folder}/model.json: input_mean: expected .*, got \[1, 2\]",
    ),
    "deviation of 0": ("model.json", b'"input_std": [1, 0, 1]', "{folder}/model.json: input_std: expected .*, got"),
    "class that is text": (
        "model.json",
        b'"num_classes": "2"',
        "{folder}/model.json: num_classes: expected .*, got '2'",
    ),
    "three names of two": (
        "model.json",
        b'"class_names": ["a", "b", "c"]',
        r"{folder}/model.json: class_names: expected .*, got \['a', 'b', 'c'\]",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_refused_by_the_name_of_its_file(base: Path, tmp_path: Path, name: str) -> None:
    file, content, message = BROKEN[name]
    if content is not None and file == "model.json":
        document = json.loads((base / "input" / "data" / "model" / file).read_text())
        content = json.dumps(document | json.loads(b"{" + content + b"}")).encode()
    folder = changed(base, tmp_path, {file: content}) / "input" / "data" / "model"
    with pytest.raises(UserError, match=f"^model.*{message.format(folder=folder)}"):
        start(tmp_path)


def test_a_list_of_parameters_is_refused(base: Path, tmp_path: Path) -> None:
    mx.nd.save(str(tmp_path / "list"), [mx.nd.ones(3)])
    content = (tmp_path / "list").read_bytes()
    changed(base, tmp_path, {"model_algo_1-0000.params": content})
    with pytest.raises(UserError, match=r"model_algo_1-0000\.params: expected named parameters, got a list$"):
        start(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "level", "message"),
    [
        ("^(conv0|stage1_)", "INFO", "freeze_layer_pattern: froze 29 of 193 parameters"),
        (
            "^(conv1_|conv2_).*",
            "WARNING",
            (
                "freeze_layer_pattern: expected the beginning of a parameter's name, such as conv0_weight, got "
                "'^(conv1_|conv2_).*', which matches none: all are trained"
            ),
        ),
        (
            ".*",
            "WARNING",
            "freeze_layer_pattern: all parameters are frozen: nothing is learned, and the model stays as it is",
        ),
    ],
)
def test_what_is_frozen_is_told(
    base: Path, caplog: pytest.LogCaptureFixture, pattern: str, level: str, message: str
) -> None:
    caplog.set_level(logging.INFO)
    network, _ = start(base, freeze_layer_pattern=pattern)
    assert (caplog.records[-1].levelname, caplog.messages[-1]) == (level, message)
    learning = [name for name, parameter in network.parameters.items() if parameter.grad_req == "write"]
    assert len(learning) == {"INFO": 192 - 29, "WARNING": 192 if "conv1" in pattern else 0}[level]


def test_from_random_weights_nothing_is_frozen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    network, class_names = start(tmp_path, WITHOUT, freeze_layer_pattern=".*")
    assert network.parameters["conv0_weight"].grad_req == "write"
    assert class_names is None
    assert caplog.messages == [
        "Start training from scratch with (cpu(0))",
        "freeze_layer_pattern has no effect: training starts from random weights",
    ]


@pytest.mark.parametrize(
    ("model", "asked", "reason"), [(None, "0", "use_pretrained_model is 0"), (MODEL, "1", "there is a model channel")]
)
def test_a_channel_of_weights_that_no_one_asks_for_is_told(
    base: Path, caplog: pytest.LogCaptureFixture, model: Channel | None, asked: str, reason: str
) -> None:
    channels = Channels(Channel("train"), Channel("validation"), model=model, pretrained=Channel("pretrained"))
    start(base, channels, use_pretrained_model=asked)
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        f"pretrained channel: not used, since {reason}"
    ]


def test_class_heads_of_no_model_cannot_start_anew(tmp_path: Path) -> None:
    assert StartingWeights(job(reset_classes="1"), WITHOUT, Paths(tmp_path)).mistakes == [
        "reset_classes: expected 0 without a model channel, whose class heads it starts anew, got 1"
    ]


def test_weights_that_are_nowhere_are_found_out_before_the_start(tmp_path: Path) -> None:
    (mistake,) = StartingWeights(job(use_pretrained_model="1"), WITHOUT, Paths(tmp_path)).mistakes
    assert mistake.startswith("use_pretrained_model: expected ImageNet weights for resnet-50, resnet50_v2-")


def test_parameters_of_an_archive_are_named_by_the_archive(tmp_path: Path) -> None:
    tiny(tmp_path, DESCRIPTION)
    folder = tmp_path / "input" / "data" / "model"
    artifact.archive(folder, folder / "model.tar.gz")
    with pytest.raises(UserError, match=f"^model channel, {folder}/model.tar.gz/model_algo_1-0000.params: expected a"):
        start(tmp_path)


def test_names_of_the_model_stand_in_for_those_that_channels_lack(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert class_names_of(None, ("a", "b")) == ("a", "b")
    assert caplog.messages == ["Class names are those of the model in the model channel: a, b"]
    assert class_names_of(("a", "b"), ("a", "b")) == ("a", "b")
    assert class_names_of(("a", "b"), None) == ("a", "b")
    assert class_names_of(None, None) is None
    assert len(caplog.messages) == 1


def test_names_that_differ_from_the_models_are_a_warning_that_has_both(caplog: pytest.LogCaptureFixture) -> None:
    assert class_names_of(("b", "a"), ("a", "b")) == ("b", "a")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "model channel: expected the class names of the other channels, b, a, got a, b;" in caplog.messages[0]
