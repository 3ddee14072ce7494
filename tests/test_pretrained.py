from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import gluoncv
import mxnet as mx
import numpy as np
import pytest

import imagenet_zoo
from gluon_ssd import pretrained
from gluon_ssd.errors import UserError
from gluon_ssd.imagenet import checkpoint
from gluon_ssd.imagenet.weight_files import WEIGHT_FILES, WeightFile
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD
from published_checkpoint import Arrays, classifier

EMPTY = "da39a3ee5e6b4b0d3255bfef95601890afd80709"  # the SHA-1 of no bytes


@pytest.fixture(scope="module")
def network() -> SSD:
    network = SSD("resnet-50", 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)
    return network


@pytest.fixture(scope="module")
def published() -> Arrays:
    return classifier(seed=1)


def saved(path: Path, arrays: Arrays, changes: Mapping[str, mx.nd.NDArray | None]) -> Path:
    """Write a checkpoint with other arrays in places, or without those that are None."""
    changed = {**arrays, **changes}
    mx.nd.save(str(path), {name: array for name, array in changed.items() if array is not None})
    return path


def empty_files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_the_first_folder_that_has_a_file_gives_it(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("none", "other", "first", "second")]
    empty_files(tmp_path / "other", "resnet50_v1-cc729d95.params", "vgg16_atrous-4fa2e1ad.params")
    empty_files(tmp_path / "first", "resnet-50-0000.params")
    empty_files(tmp_path / "second", "resnet50_v2-ecdde353.params")
    assert pretrained.find("resnet-50", folders) == tmp_path / "first" / "resnet-50-0000.params"


def test_files_of_a_published_digest_come_first_and_the_nearest_of_several_counts(tmp_path: Path) -> None:
    empty_files(tmp_path, "resnet-50-0000.params", "b/net.params", "a/deep/net-da39a3ee.params")
    files = {"resnet-50": [WeightFile("net", checkpoint.read, EMPTY), *WEIGHT_FILES["resnet-50"]]}
    assert pretrained.find("resnet-50", [tmp_path], weight_files=files) == tmp_path / "b" / "net.params"


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    empty_files(tmp_path, "._resnet-50-0000.params", ".cache/resnet-50-0000.params")
    with pytest.raises(UserError, match=r"which has no \.params file"):
        pretrained.find("resnet-50", [tmp_path])


def test_where_nothing_is_found_the_message_says_what_was_looked_for_and_where(tmp_path: Path) -> None:
    empty_files(tmp_path / "channel", "resnet50_v1-cc729d95.params", "notes.txt")
    empty_files(tmp_path / "empty", "notes.txt")
    with pytest.raises(UserError) as caught:
        pretrained.find("resnet-50", [tmp_path / "channel", tmp_path / "empty", tmp_path / "none"])
    assert str(caught.value) == (
        "use_pretrained_model: expected ImageNet weights for resnet-50, resnet50_v2-ecdde353.params or "
        f"resnet-50-0000.params, got none in {tmp_path}/channel (which has resnet50_v1-cc729d95.params), "
        f"{tmp_path}/empty (which has no .params file), {tmp_path}/none (no such folder); put the file into a channel "
        "named pretrained, or into the image with RUN gluon-ssd fetch-weights resnet-50 in its Dockerfile, or into a "
        "folder that the environment variable GLUON_SSD_PRETRAINED names; or set use_pretrained_model to 0"
    )


def test_a_checkpoint_gives_the_base_network_and_nothing_else(tmp_path: Path, network: SSD, published: Arrays) -> None:
    path = saved(tmp_path / "resnet-50-0000.params", published, {"arg:_plus12_cls_pred_conv_bias": mx.nd.ones(18)})
    arg_params, aux_params = pretrained.read(path, network)
    assert (len(arg_params), len(aux_params)) == (153, 100)
    assert {f"arg:{name}" for name in arg_params} | {f"aux:{name}" for name in aux_params} == {
        name for name in published if not name.startswith(("arg:bn1_", "arg:fc1_", "aux:bn1_"))
    }
    other = SSD("resnet-50", 5, 64)
    weights.initialize(other, [mx.cpu()], seed=2)
    kept = weights.load(other, arg_params, aux_params)
    assert len(kept) == 40  # 6 heads of 2 convolutions and 4 extras of 2, weight and bias each
    assert all(name.startswith(("_plus12_", "_plus15_", "multi_feat_")) for name in kept)
    expected = network.parameters["stage4_unit3_conv3_weight"].data().asnumpy()
    np.testing.assert_array_equal(other.parameters["stage4_unit3_conv3_weight"].data().asnumpy(), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"arg:conv0_weight": None, "aux:bn0_moving_var": None},
            "expected all parameters of resnet-50, got none called conv0_weight, bn0_moving_var; 2 are missing in all",
        ),
        (
            {"arg:conv0_weight": mx.nd.zeros((64, 3, 3, 3))},
            "expected conv0_weight of shape (64, 3, 7, 7), got (64, 3, 3, 3)",
        ),
        (
            {"aux:bn0_moving_mean": mx.nd.full(64, float("nan"))},
            "expected finite numbers, got others in bn0_moving_mean",
        ),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    tmp_path: Path, network: SSD, published: Arrays, changes: dict[str, mx.nd.NDArray | None], message: str
) -> None:
    path = saved(tmp_path / "resnet-50-0000.params", published, changes)
    with pytest.raises(UserError) as caught:
        pretrained.read(path, network)
    assert str(caught.value) == f"pretrained weights, {path}: {message}"


@pytest.mark.parametrize("name", ["resnet50_v2-ecdde353.params", "resnet50_v2.params"])
def test_a_file_of_another_digest_is_refused_with_both(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"abc")
    with pytest.raises(UserError) as caught:
        pretrained.find("resnet-50", [tmp_path])
    assert str(caught.value) == (
        f"pretrained weights, {tmp_path / name}: expected SHA-1 ecdde35339c1aadbec4f547857078e734a76fb49, "
        "as of GluonCV's resnet50_v2-ecdde353.params, got a9993e364706816aba3e25717850c26c9cd0d89d; "
        "fetch the file again"
    )


def test_a_file_of_the_right_digest_is_read(tmp_path: Path, network: SSD, published: Arrays) -> None:
    path = saved(tmp_path / "mine.params", published, {})
    mine = {"resnet-50": [WeightFile("mine", checkpoint.read, pretrained.digest(path))]}
    assert pretrained.find("resnet-50", [tmp_path], weight_files=mine) == path
    assert len(pretrained.read(path, network, weight_files=mine)[0]) == 153


@pytest.mark.parametrize(
    ("base_network", "model", "arguments", "states"),
    # Of mobilenets: 27 and 52 convolutions, each with gamma and beta, mean and variance. Not the classifier's.
    [("mobilenet-0.25", "mobilenet0.25", 81, 54), ("mobilenetv2-1.0", "mobilenetv2_1.0", 156, 104)],
)
def test_a_file_of_gluoncv_gives_a_base_network_all_that_it_has(
    tmp_path: Path, base_network: str, model: str, arguments: int, states: int
) -> None:
    classifier_of_gluoncv = gluoncv.model_zoo.get_model(model)
    imagenet_zoo.randomize(classifier_of_gluoncv, 64)
    path = tmp_path / f"{model}.params"
    imagenet_zoo.save(classifier_of_gluoncv, path)
    published = WEIGHT_FILES[base_network][0]
    mine = {base_network: [replace(published, sha1=pretrained.digest(path))]}
    network = SSD(base_network, 2, 64)
    weights.initialize(network, [mx.cpu()], seed=1)

    assert pretrained.find(base_network, [tmp_path], weight_files=mine) == path
    arg_params, aux_params = pretrained.read(path, network, weight_files=mine)
    assert (len(arg_params), len(aux_params)) == (arguments, states)
    kept = weights.load(network, arg_params, aux_params)
    assert len(kept) == 40
    assert all("_pred_conv_" in name or name.startswith("multi_feat_") for name in kept)


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "resnet50_v2.params").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=r"resnet50_v2\.params: expected a file that can be read, got .*No such file"):
        pretrained.find("resnet-50", [tmp_path])
