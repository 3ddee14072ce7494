import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.hyperparameters import LEAST_IMAGE_SHAPE
from gluon_ssd.ssd import base_networks, graph


@pytest.mark.parametrize(
    ("base_network", "image_shape", "anchors"),
    [
        ("vgg-16", 268, 7034),
        ("vgg-16", 333, 10724),
        ("vgg-16", 447, 18854),
        ("vgg-16", 448, 18846),
        ("resnet-50", 64, 108),
        ("resnet-50", 333, 2780),
        ("resnet-18", 64, 108),
        ("resnet-34", 333, 2780),
        ("resnet-101", 64, 108),
        ("mobilenet-1.0", 64, 108),
        ("mobilenet-0.25", 333, 2780),
        ("mobilenetv2-1.0", 64, 108),
    ],
)
def test_any_image_shape_from_the_least_on_works(base_network: str, image_shape: int, anchors: int) -> None:
    symbol = graph.heads(base_network, 2, image_shape).classes
    assert symbol.infer_shape(data=(1, 3, image_shape, image_shape))[1] == [(1, 3, anchors)]


@pytest.mark.parametrize(("base_network", "image_shape", "least"), [("vgg-16", 267, 268), ("resnet-50", 63, 64)])
def test_a_smaller_image_shape_is_refused(base_network: str, image_shape: int, least: int) -> None:
    message = f"image_shape: expected at least {least} for {base_network}, got {image_shape}"
    with pytest.raises(UserError, match=f"^{message}$"):
        base_networks.find(base_network, image_shape)


def test_an_unknown_base_network_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"^base_network: expected one of vgg-16, resnet-50, .*, got 'resnet50'$"):
        base_networks.find("resnet50", 300)


def test_anchors_are_spaced_by_strides_at_exactly_300_and_512() -> None:
    base = base_networks.find("vgg-16", 300)
    steps = {shape: base.layout(shape).steps(shape) for shape in (299, 300, 511, 512)}
    assert steps == {
        299: None,
        300: (8 / 300, 16 / 300, 32 / 300, 64 / 300, 100 / 300, 1),
        511: None,
        512: (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1),
    }


def test_resnet_50_spaces_its_anchors_evenly_at_every_size() -> None:
    base = base_networks.find("resnet-50", 300)
    assert [base.layout(shape).steps(shape) for shape in (64, 300, 512)] == [None, None, None]


def test_vgg_16_has_a_seventh_layer_from_448_on() -> None:
    base = base_networks.find("vgg-16", 300)
    assert [len(base.layout(shape).extras) for shape in (447, 448)] == [4, 5]


@pytest.mark.parametrize(
    ("base_network", "image_shape", "side"),
    [("vgg-16", 300, 0.1), ("vgg-16", 512, 0.07), ("resnet-50", 64, 0.1), ("resnet-50", 512, 0.1)],
)
def test_the_smallest_anchor_is_half_of_the_smallest_scale(base_network: str, image_shape: int, side: float) -> None:
    assert base_networks.find(base_network, image_shape).smallest_anchor(image_shape) == side


def test_jobs_may_ask_for_every_base_network_at_the_sizes_that_it_takes() -> None:
    least = {name: base.least_image_shape for name, base in base_networks.BASE_NETWORKS.items()}
    assert least == LEAST_IMAGE_SHAPE


@pytest.mark.parametrize("base_network", [name for name in LEAST_IMAGE_SHAPE if name != "vgg-16"])
def test_the_deepest_tap_still_has_four_pixels_at_the_least_image_shape(base_network: str) -> None:
    base = base_networks.find(base_network, 64)
    shapes = [
        base.symbol().get_internals()[f"{tap}_output"].infer_shape(data=(1, 3, 64, 64))[1][0][2:]
        for tap in base.layout(64).taps
    ]
    assert shapes == [(4, 4), (2, 2)]


@pytest.mark.parametrize(
    ("base_network", "channels"),
    [
        ("resnet-18", (256, 512)),
        ("resnet-34", (256, 512)),
        ("resnet-50", (1024, 2048)),
        ("resnet-101", (1024, 2048)),
        ("mobilenet-1.0", (512, 1024)),
        ("mobilenet-0.25", (128, 256)),
        ("mobilenetv2-1.0", (576, 1280)),
    ],
)
def test_predictions_are_made_from_the_widest_maps_of_stride_16_and_32(
    base_network: str, channels: tuple[int, int]
) -> None:
    base = base_networks.find(base_network, 320)
    internals = base.symbol().get_internals()
    shapes = [internals[f"{tap}_output"].infer_shape(data=(1, 3, 320, 320))[1][0] for tap in base.layout(320).taps]
    assert shapes == [(1, channels[0], 20, 20), (1, channels[1], 10, 10)]


@pytest.mark.parametrize(
    ("base_network", "taps"),
    [
        ("resnet-18", ("_plus5", "_plus7")),
        ("resnet-34", ("_plus12", "_plus15")),
        ("resnet-50", ("_plus12", "_plus15")),
        ("resnet-101", ("_plus29", "_plus32")),
    ],
)
def test_resnets_are_tapped_at_the_sums_that_their_last_two_stages_end_in(
    base_network: str, taps: tuple[str, str]
) -> None:
    assert base_networks.find(base_network, 300).layout(300).taps == taps
