import json
import resource
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mxnet as mx
import pytest

from gluon_ssd import artifact
from gluon_ssd.description import Description
from gluon_ssd.errors import PlatformError, UserError

HYPERPARAMETERS = {"base_network": "resnet-50", "num_classes": "2", "image_shape": "300", "nms_threshold": "0.3"}
DESCRIPTION = Description(
    base_network="resnet-50",
    num_classes=2,
    image_shape=300,
    input_mean=(0.0, 0.0, 0.0),
    input_std=(58.395, 57.12, 57.375),
    class_names=("cat", "dog"),
    epoch=7,
    scores={"validation:mAP": 0.71},
)
FILES = ["hyperparams.json", "model.json", "model_algo_1-0000.params", "model_algo_1-symbol.json"]


def write(folder: Path, *, weight: float = 1.0, size: int = 6, description: Description = DESCRIPTION) -> None:
    artifact.write(
        folder,
        mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc"),
        {"fc_weight": mx.nd.full((2, size), weight)},
        {"bn_data_moving_mean": mx.nd.array([1, 2, 3])},
        hyperparameters=HYPERPARAMETERS,
        description=description,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write(tmp_path)
    model = artifact.read(tmp_path)
    assert model.description == DESCRIPTION
    assert model.hyperparameters == HYPERPARAMETERS
    assert model.symbol.list_arguments() == ["data", "fc_weight", "fc_bias"]
    assert model.arg_params["fc_weight"].asnumpy().tolist() == [[1] * 6] * 2
    assert model.aux_params["bn_data_moving_mean"].asnumpy().tolist() == [1, 2, 3]
    assert names(tmp_path) == FILES


def test_mxnet_reads_the_files_as_a_checkpoint(tmp_path: Path) -> None:
    write(tmp_path)
    symbol, arg_params, aux_params = mx.model.load_checkpoint(str(tmp_path / "model_algo_1"), 0)
    assert symbol.list_outputs() == ["fc_output"]
    assert (set(arg_params), set(aux_params)) == ({"fc_weight"}, {"bn_data_moving_mean"})


def test_hyperparameters_are_one_line_of_strings(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / "hyperparams.json").read_text()
    assert text.count("\n") == 1
    assert json.loads(text) == HYPERPARAMETERS


def test_a_description_says_what_wrote_it(tmp_path: Path) -> None:
    write(tmp_path)
    assert artifact.read(tmp_path).description.versions == {"gluon_ssd": "0.1.0", "mxnet": "1.9.1"}


def test_a_better_model_takes_the_place_of_the_last(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / ".writing-killed").mkdir()
    write(tmp_path, weight=5)
    assert artifact.read(tmp_path).arg_params["fc_weight"].asnumpy().max() == 5
    assert names(tmp_path) == FILES


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write(tmp_path / "opt" / "model")
    assert names(tmp_path / "opt" / "model") == FILES


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 10,000 bytes: writing on fails as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_the_machines_fault_and_leaves_the_last_model_whole(tmp_path: Path) -> None:
    write(tmp_path)
    told = f"^output: expected to write to {tmp_path}, got Check failed: .*; if its disk is full, give"
    with full_disk(), pytest.raises(PlatformError, match=told) as error:
        write(tmp_path, weight=5, size=10_000)
    assert "Traceback" not in str(error.value)
    assert artifact.read(tmp_path).arg_params["fc_weight"].asnumpy().max() == 1
    assert names(tmp_path) == FILES


def test_a_folder_that_cannot_be_made_is_found_out_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "model"
    with pytest.raises(PlatformError, match=f"^output: expected to write to {folder}, got "):
        artifact.check_writable(folder)


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    artifact.check_writable(tmp_path / "model")
    assert names(tmp_path / "model") == []


def test_checking_leaves_alone_what_another_host_is_writing_in_the_same_folder(tmp_path: Path) -> None:
    other = tmp_path / ".writing-another"
    other.mkdir()
    artifact.check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == [other]


def built_in(folder: Path, *, mean: list[float], hyperparameters: dict[str, str] = HYPERPARAMETERS) -> None:
    """Leave what the built-in algorithm would: other host, other epoch, no model.json."""
    write(folder)
    (folder / "model.json").unlink()
    (folder / "model_algo_1-symbol.json").rename(folder / "model_algo_2-symbol.json")
    (folder / "model_algo_1-0000.params").unlink()
    mx.nd.save(str(folder / "model_algo_2-0029.params"), {"aux:bn_data_moving_mean": mx.nd.array(mean)})
    (folder / "hyperparams.json").write_text(json.dumps(hyperparameters))


def test_a_model_of_the_built_in_algorithm_is_described_by_its_hyperparameters(tmp_path: Path) -> None:
    built_in(tmp_path, mean=[118, 110, 101])
    assert artifact.read(tmp_path).description == Description(
        base_network="resnet-50",
        num_classes=2,
        image_shape=300,
        input_mean=(0, 0, 0),
        nms_threshold=0.3,
        nms_topk=400,
        versions={},
    )


def test_the_first_batch_norm_tells_whether_pixels_were_raw(tmp_path: Path) -> None:
    built_in(tmp_path, mean=[2.1, -4.0, 3.3])
    assert artifact.read(tmp_path).description.input_mean == (123, 117, 104)


def test_a_description_without_a_deviation_means_that_pixels_were_not_divided(tmp_path: Path) -> None:
    write(tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    assert content.pop("input_std") == [58.395, 57.12, 57.375]
    (tmp_path / "model.json").write_text(json.dumps(content))
    assert artifact.read(tmp_path).description.input_std == (1, 1, 1)


def test_of_vgg_16_the_mean_is_taken_for_granted(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "model.json").unlink()
    (tmp_path / "hyperparams.json").write_text(json.dumps(HYPERPARAMETERS | {"base_network": "vgg-16"}))
    mx.nd.save(str(tmp_path / "model_algo_1-0000.params"), {"arg:conv1_1_bias": mx.nd.zeros(64)})
    assert artifact.read(tmp_path).description.input_mean == (123, 117, 104)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model_algo_1-symbol.json", None, r"model: expected a file model_algo_\*-symbol.json in {folder}, got none"),
        (
            "model_algo_1-symbol.json",
            b'{"nodes": ',
            "model, {folder}/model_algo_1-symbol.json: expected JSON, got Expecting value",
        ),
        (
            "model_algo_1-symbol.json",
            b"{}",
            "model, {folder}/model_algo_1-symbol.json: expected an MXNet graph, got Check failed",
        ),
        ("model_algo_1-0000.params", None, r"model: expected a file model_algo_1-\*.params in {folder}, got none"),
        ("model_algo_1-0000.params", b"", "model, {folder}/model_algo_1-0000.params: expected MXNet parameters"),
        ("model_algo_1-0000.params", b"?" * 99, "model, {folder}/model_algo_1-0000.params: expected MXNet parameters"),
        ("hyperparams.json", None, "model: expected a file {folder}/hyperparams.json, got none"),
        ("hyperparams.json", b"num_classes=2", "model, {folder}/hyperparams.json: expected JSON, got Expecting value"),
        ("hyperparams.json", b"[]", "model, {folder}/hyperparams.json: expected a JSON object, got list"),
        ("model.json", b"\xff\xfe", "model, {folder}/model.json: expected JSON"),
        (
            "model.json",
            b'{"num_classes": 2}',
            "model, {folder}/model.json: expected a description with base_network, image_shape, input_mean, got",
        ),
    ],
)
def test_a_missing_or_broken_file_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    write(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match="^" + message.format(folder=tmp_path)):
        artifact.read(tmp_path)


def test_a_folder_with_nothing_but_onnx_is_refused_with_what_it_is_good_for(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    with pytest.raises(UserError) as caught:
        artifact.read(tmp_path)
    assert str(caught.value) == (
        f"model: expected a file model_algo_*-symbol.json in {tmp_path}, got only model.onnx: an ONNX file cannot be "
        "trained on or exported; to detect with it, name the file itself"
    )


def test_a_truncated_parameter_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, size=1000)
    file = tmp_path / "model_algo_1-0000.params"
    file.write_bytes(file.read_bytes()[:4000])
    with pytest.raises(UserError, match="expected MXNet parameters"):
        artifact.read(tmp_path)


def test_a_name_of_a_parameter_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    file = tmp_path / "model_algo_1-0000.params"
    file.write_bytes(file.read_bytes().replace(b"arg:fc_weight", b"arg:fc_weigh\xff"))
    with pytest.raises(UserError, match=f"^model, {file}: expected names of parameters in UTF-8, got 'utf-8' codec"):
        artifact.read(tmp_path)


@pytest.mark.parametrize(("version", "key"), [(10300, "attrs"), (904, "attr"), (800, "param")])
def test_a_graph_of_an_older_mxnet_is_upgraded(tmp_path: Path, version: int, key: str) -> None:
    write(tmp_path)
    file = tmp_path / "model_algo_1-symbol.json"
    graph = json.loads(file.read_text())
    for node in graph["nodes"]:
        if "attrs" in node:
            node[key] = node.pop("attrs")
    graph["attrs"] = {"mxnet_version": ["int", version]}
    file.write_text(json.dumps(graph))
    symbol = artifact.read(tmp_path).symbol
    assert symbol.list_arguments() == ["data", "fc_weight", "fc_bias"]
    assert symbol.attr_dict()["fc"]["num_hidden"] == "2"


def test_the_prefix_is_that_of_the_host_and_the_last_epoch_counts(tmp_path: Path) -> None:
    built_in(tmp_path, mean=[1, 2, 3])
    mx.nd.save(str(tmp_path / "model_algo_2-0007.params"), {"aux:bn_data_moving_mean": mx.nd.zeros(3)})
    model = artifact.read(tmp_path)
    assert model.parameter_file == tmp_path / "model_algo_2-0029.params"
    assert model.prefix == tmp_path / "model_algo_2"


def test_hyperparameters_that_describe_no_model_are_refused(tmp_path: Path) -> None:
    built_in(tmp_path, mean=[1, 2, 3], hyperparameters=HYPERPARAMETERS | {"num_classes": "two"})
    message = f"^model, {tmp_path}/hyperparams.json: num_classes: expected an integer of at least 1, got 'two'$"
    with pytest.raises(UserError, match=message):
        artifact.read(tmp_path)


@pytest.mark.parametrize("name", ["hyperparams.json", "model.json", "model_algo_1-symbol.json"])
def test_json_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    (tmp_path / name).write_text('{"a":' + "[" * 100_000)
    with pytest.raises(UserError, match=f"^model, {tmp_path}/{name}: expected JSON, got values in each other too deep"):
        artifact.read(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    message = f"^model, {tmp_path}/{name}: expected a file that can be read, got Is a directory$"
    with pytest.raises(UserError, match=message):
        artifact.read(tmp_path)


def test_the_archive_is_flat_and_in_the_order_of_the_built_in_algorithm(tmp_path: Path) -> None:
    write(tmp_path / "model")
    (tmp_path / "model" / ".hidden").write_text("")
    artifact.archive(tmp_path / "model", tmp_path / "output" / "model.tar.gz")
    with tarfile.open(tmp_path / "output" / "model.tar.gz") as tar:
        assert tar.getnames() == [
            "hyperparams.json",
            "model_algo_1-symbol.json",
            "model_algo_1-0000.params",
            "model.json",
        ]
        tar.extractall(tmp_path / "unpacked", filter="data")
    assert artifact.read(tmp_path / "unpacked").description == DESCRIPTION
    assert names(tmp_path / "output") == ["model.tar.gz"]


def test_equal_models_give_equal_archives(tmp_path: Path) -> None:
    write(tmp_path / "one")
    write(tmp_path / "two")
    for name in ("one", "two"):
        artifact.archive(tmp_path / name, tmp_path / f"{name}.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
