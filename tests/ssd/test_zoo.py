import re
import subprocess
import sys
from pathlib import Path

import mxnet as mx
import pytest
from gluoncv.model_zoo import get_model

from gluon_ssd.ssd import zoo
from gluon_ssd.ssd.base_networks import find

MODELS = ["mobilenet1.0", "mobilenet0.25", "mobilenetv2_1.0"]


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_those_of_gluoncvs_own_network_without_its_number(model: str) -> None:
    theirs = get_model(model, prefix="zoo_")
    symbol = zoo.symbol(model)
    assert [f"zoo_{name}" for name in symbol.list_arguments() if name != "data"] == [
        name for name in theirs.collect_params() if "_running_" not in name
    ]
    assert symbol.list_auxiliary_states() == [
        name.removeprefix("zoo_") for name in theirs.collect_params() if "_running_" in name
    ]


def test_names_are_the_same_whatever_was_built_before() -> None:
    first = zoo.symbol("mobilenet0.25").tojson()
    get_model("mobilenet0.25")
    mx.gluon.nn.Conv2D(3, 1)
    mx.sym.Convolution(mx.sym.Variable("data"), num_filter=1, kernel=(1, 1))
    assert zoo.symbol("mobilenet0.25").tojson() == first
    names = mx.sym.load_json(first).list_arguments()
    assert names[:4] == ["data", "conv0_weight", "batchnorm0_gamma", "batchnorm0_beta"]


@pytest.mark.parametrize("model", MODELS)
def test_the_zoo_says_nothing_of_how_parameters_start_and_decay(model: str) -> None:
    symbol = zoo.symbol(model)
    said = symbol.attr_dict()
    assert not [name for name in symbol.list_arguments() + symbol.list_auxiliary_states() if name in said]


@pytest.mark.filterwarnings("ignore:Cannot decide type:UserWarning")  # of GluonCV's block, which takes any
@pytest.mark.parametrize(
    ("base_network", "preset"),
    [("mobilenet-1.0", "ssd_512_mobilenet1.0_voc"), ("mobilenet-0.25", "ssd_300_mobilenet0.25_voc")],
)
def test_mobilenets_are_tapped_where_gluoncvs_own_detector_is(base_network: str, preset: str) -> None:
    theirs = get_model(preset, pretrained_base=False, prefix="").features(mx.sym.Variable("data"))
    names = [layer.name.split("_", 1)[1] for layer in theirs[:2]]  # without the number of the network
    assert names == list(find(base_network, 512).layout(512).taps)


def output_of(program: str) -> str:
    """What a process of its own prints, from which no warning may come."""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    return ended.stdout


def test_gluoncv_is_imported_only_where_a_network_of_its_zoo_is_asked_for() -> None:
    program = """
import sys
import gluon_ssd.job
from gluon_ssd.ssd import graph
graph.heads("resnet-18", 2, 64)
print("gluoncv" in sys.modules)
graph.heads("mobilenet-0.25", 2, 64)
print("gluoncv" in sys.modules)
"""
    assert output_of(program) == "False\nTrue\n"


def test_neither_the_zoo_nor_onnx_needs_what_the_lock_leaves_out() -> None:
    overrides = (Path(__file__).parents[2] / "docker" / "overrides.txt").read_text()
    names = set(re.findall(r"^([a-z]+) ; ", overrides, re.MULTILINE))
    assert names == {"autocfg", "matplotlib", "pandas", "yacs", "flatbuffers"}
    program = f"""
import sys
sys.modules |= dict.fromkeys({names})
from gluon_ssd import onnx_export, onnx_network
from gluon_ssd.ssd import zoo
print(zoo.symbol("mobilenetv2_1.0").list_outputs())
"""
    assert output_of(program) == "['output_flatten0_flatten0_output']\n"


def test_pytorch_of_any_version_may_be_installed_too(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("__version__ = '2.4.0'")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from gluon_ssd.ssd import zoo
zoo.symbol("mobilenet0.25")
import torch
zoo.symbol("mobilenet0.25")
print(torch.__version__, sys.modules["torch"] is torch)
"""
    assert output_of(program) == "2.4.0 True\n"
