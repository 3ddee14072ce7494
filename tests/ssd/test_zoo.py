import subprocess
import sys

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


def test_other_base_networks_do_not_wait_for_gluoncv() -> None:
    program = (
        "import sys, gluon_ssd.job\n"
        "from gluon_ssd.ssd import graph\n"
        "graph.heads('resnet-50', 2, 64); print('gluoncv' in sys.modules)\n"
        "graph.heads('mobilenet-0.25', 2, 64); print('gluoncv' in sys.modules)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program], capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ("False\nTrue\n", "")
