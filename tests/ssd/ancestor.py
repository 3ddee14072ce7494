"""The built-in algorithm's training graph, written once more: an oracle for the network's own.

As in zhreshold/mxnet-ssd, which it descends from, nodes that have no name are named by MXNet, from one count an
operator over the whole graph, the classifier's end included; sizes and ratios of anchors are literal.
"""

from collections.abc import Sequence

import mxnet as mx

RATIOS = ["(1,2,0.5)", *["(1,2,0.5,3,0.333333333333)"] * 3, "(1,2,0.5)", "(1,2,0.5)"]
SIZES = ["(0.1,0.141421)", "(0.2,0.272029)", "(0.37,0.44699)", "(0.54,0.619193)", "(0.71,0.790443)", "(0.88,0.961249)"]
SEVEN_RATIOS = ["(1,2,0.5)", *["(1,2,0.5,3,0.333333333333)"] * 4, "(1,2,0.5)", "(1,2,0.5)"]
SEVEN_SIZES = ["(0.07,0.10247)", "(0.15,0.212132)", "(0.3,0.367423)", "(0.45,0.519615)", "(0.6,0.67082)",
               "(0.75,0.821584)", "(0.9,0.972111)"]  # fmt: skip
UNITS = [3, 4, 6, 3]
FILTERS = [256, 512, 1024, 2048]


def training_graph(base_network: str, num_classes: int, image_shape: int) -> mx.sym.Symbol:
    with mx.name.NameManager():
        label = mx.sym.Variable("label")
        if base_network == "resnet-50":
            body, taps = resnet_50(), ["_plus12", "_plus15"]
            extras, sizes, ratios, steps = [(512, 2, 1), (256, 2, 1), (256, 2, 1), (128, 2, 1)], SIZES, RATIOS, None
        elif image_shape < 448:
            body, taps = vgg_16(), ["relu4_3", "relu7"]
            extras, sizes, ratios = [(512, 2, 1), (256, 2, 1), (256, 1, 0), (256, 1, 0)], SIZES, RATIOS
            steps = [8, 16, 32, 64, 100, 300] if image_shape == 300 else None
        else:
            body, taps = vgg_16(), ["relu4_3", "relu7"]
            extras = [(512, 2, 1), (256, 2, 1), (256, 2, 1), (256, 2, 1), (256, 1, 1)]
            sizes, ratios = SEVEN_SIZES, SEVEN_RATIOS
            steps = [8, 16, 32, 64, 128, 256, 512] if image_shape == 512 else None
        layers = [body.get_internals()[f"{tap}_output"] for tap in taps]
        for number, (filters, stride, pad) in enumerate(extras, start=2):
            layers.append(extra(layers[-1], number, filters, stride, pad))
        spacing = [(step / image_shape, step / image_shape) for step in steps] if steps else ["(-1.0, -1.0)"] * 7
        return outputs(label, *predictions(layers, num_classes, sizes, ratios, spacing))


def vgg_16() -> mx.sym.Symbol:
    x = mx.sym.Variable("data")
    for group, (layers, filters) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], start=1):
        for layer in range(1, layers + 1):
            name = f"{group}_{layer}"
            x = mx.sym.Convolution(x, kernel=(3, 3), pad=(1, 1), num_filter=filters, name=f"conv{name}")
            x = mx.sym.Activation(x, act_type="relu", name=f"relu{name}")
        if group == 3:
            x = mx.sym.Pooling(
                x, pool_type="max", kernel=(2, 2), stride=(2, 2), pooling_convention="full", name="pool3"
            )
        elif group == 5:
            x = mx.sym.Pooling(x, pool_type="max", kernel=(3, 3), stride=(1, 1), pad=(1, 1), name="pool5")
        else:
            x = mx.sym.Pooling(x, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{group}")
    x = mx.sym.Convolution(x, kernel=(3, 3), pad=(6, 6), dilate=(6, 6), num_filter=1024, name="fc6")
    x = mx.sym.Activation(x, act_type="relu", name="relu6")
    x = mx.sym.Convolution(x, kernel=(1, 1), pad=(0, 0), num_filter=1024, name="fc7")
    return classifier(mx.sym.Activation(x, act_type="relu", name="relu7"))


def resnet_50() -> mx.sym.Symbol:
    x = mx.sym.identity(mx.sym.Variable("data"), name="id")
    x = mx.sym.BatchNorm(x, fix_gamma=True, eps=2e-5, momentum=0.9, name="bn_data")
    x = convolution(x, 64, 7, 2, 3, "conv0")
    x = norm_relu(x, "bn0", "relu0")
    x = mx.sym.Pooling(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")
    for stage in range(4):
        for unit in range(UNITS[stage]):
            x = bottleneck(x, f"stage{stage + 1}_unit{unit + 1}", FILTERS[stage], 1 + (unit == 0 and stage > 0), unit)
    return classifier(norm_relu(x, "bn1", "relu1"))


def bottleneck(x: mx.sym.Symbol, name: str, filters: int, stride: int, unit: int) -> mx.sym.Symbol:
    first = norm_relu(x, f"{name}_bn1", f"{name}_relu1")
    y = convolution(first, filters // 4, 1, 1, 0, f"{name}_conv1")
    y = norm_relu(y, f"{name}_bn2", f"{name}_relu2")
    y = convolution(y, filters // 4, 3, stride, 1, f"{name}_conv2")
    y = norm_relu(y, f"{name}_bn3", f"{name}_relu3")
    y = convolution(y, filters, 1, 1, 0, f"{name}_conv3")
    if unit > 0:
        return y + x
    shortcut = mx.sym.Convolution(
        first,
        num_filter=filters,
        kernel=(1, 1),
        stride=(stride, stride),
        no_bias=True,
        workspace=256,
        name=f"{name}_sc",
    )
    return y + shortcut


def convolution(x: mx.sym.Symbol, filters: int, kernel: int, stride: int, pad: int, name: str) -> mx.sym.Symbol:
    size = {"kernel": (kernel, kernel), "stride": (stride, stride), "pad": (pad, pad)}
    return mx.sym.Convolution(x, num_filter=filters, no_bias=True, workspace=256, name=name, **size)


def norm_relu(x: mx.sym.Symbol, norm: str, relu: str) -> mx.sym.Symbol:
    x = mx.sym.BatchNorm(x, fix_gamma=False, eps=2e-5, momentum=0.9, name=norm)
    return mx.sym.Activation(x, act_type="relu", name=relu)


def classifier(x: mx.sym.Symbol) -> mx.sym.Symbol:
    """The end that no detector uses, but that takes the first number of a Flatten."""
    return mx.sym.Flatten(mx.sym.Pooling(x, global_pool=True, kernel=(7, 7), pool_type="avg", name="pool"))


def extra(x: mx.sym.Symbol, number: int, filters: int, stride: int, pad: int) -> mx.sym.Symbol:
    name = f"multi_feat_{number}_conv"
    x = biased(x, f"{name}_1x1_conv", max(128, filters // 2), (1, 1), (0, 0), (1, 1))
    x = mx.sym.Activation(x, act_type="relu", name=f"{name}_1x1_relu")
    x = biased(x, f"{name}_3x3_conv", filters, (3, 3), (pad, pad), (stride, stride))
    return mx.sym.Activation(x, act_type="relu", name=f"{name}_3x3_relu")


def biased(
    x: mx.sym.Symbol, name: str, filters: int, kernel: tuple[int, int], pad: tuple[int, int], stride: tuple[int, int]
) -> mx.sym.Symbol:
    bias = mx.sym.Variable(f"{name}_bias", init=mx.init.Constant(0.0), attr={"__lr_mult__": "2.0"})
    return mx.sym.Convolution(x, bias=bias, kernel=kernel, pad=pad, stride=stride, num_filter=filters, name=name)


def predictions(
    layers: list[mx.sym.Symbol], num_classes: int, sizes: list[str], ratios: list[str], steps: Sequence[object]
) -> tuple[mx.sym.Symbol, mx.sym.Symbol, mx.sym.Symbol]:
    boxes, classes, anchors = [], [], []
    for layer, size, ratio, step in zip(layers, sizes, ratios, steps, strict=False):
        name, x = layer.name, layer
        if name == "relu4_3":
            unit = mx.sym.L2Normalization(x, mode="channel", name="relu4_3_norm")
            start, decay = mx.init.Constant(20), {"__wd_mult__": "0.1"}
            x = mx.sym.broadcast_mul(
                lhs=mx.sym.Variable("relu4_3_scale", shape=(1, 512, 1, 1), init=start, attr=decay), rhs=unit
            )
        per_cell = len(ratio.split(",")) + 1
        box = biased(x, f"{name}_loc_pred_conv", per_cell * 4, (3, 3), (1, 1), (1, 1))
        boxes.append(mx.sym.Flatten(mx.sym.transpose(box, axes=(0, 2, 3, 1))))
        score = biased(x, f"{name}_cls_pred_conv", per_cell * (num_classes + 1), (3, 3), (1, 1), (1, 1))
        classes.append(mx.sym.Flatten(mx.sym.transpose(score, axes=(0, 2, 3, 1))))
        prior = mx.sym.contrib.MultiBoxPrior(
            x, sizes=size, ratios=ratio, clip=False, steps=step, name=f"{name}_anchors"
        )
        anchors.append(mx.sym.Flatten(prior))
    joined = mx.sym.Concat(*boxes, num_args=len(boxes), dim=1, name="multibox_loc_pred")
    rows = mx.sym.Reshape(mx.sym.Concat(*classes, num_args=len(classes), dim=1), shape=(0, -1, num_classes + 1))
    scores = mx.sym.transpose(rows, axes=(0, 2, 1), name="multibox_cls_pred")
    corners = mx.sym.Concat(*anchors, num_args=len(anchors), dim=1)
    return joined, scores, mx.sym.Reshape(corners, shape=(0, -1, 4), name="multibox_anchors")


def outputs(label: mx.sym.Symbol, boxes: mx.sym.Symbol, scores: mx.sym.Symbol, anchors: mx.sym.Symbol) -> mx.sym.Symbol:
    target, mask, classes = mx.sym.contrib.MultiBoxTarget(
        anchors, label, scores, overlap_threshold=0.5, ignore_label=-1, negative_mining_ratio=3,
        minimum_negative_samples=0, negative_mining_thresh=0.5, variances=(0.1, 0.1, 0.2, 0.2), name="multibox_target",
    )  # fmt: skip
    probability = mx.sym.SoftmaxOutput(
        data=scores, label=classes, ignore_label=-1, use_ignore=True, grad_scale=1.0, multi_output=True,
        normalization="valid", name="cls_prob",
    )  # fmt: skip
    distance = mx.sym.smooth_l1(mask * (boxes - target), scalar=1.0, name="loc_loss_")
    detection = mx.sym.contrib.MultiBoxDetection(
        probability, boxes, anchors, nms_threshold=0.45, force_suppress=False, variances=(0.1, 0.1, 0.2, 0.2),
        nms_topk=400, name="detection",
    )  # fmt: skip
    return mx.sym.Group(
        [
            probability,
            mx.sym.MakeLoss(distance, grad_scale=1.0, normalization="valid", name="loc_loss"),
            mx.sym.MakeLoss(classes, grad_scale=0, name="cls_label"),
            mx.sym.MakeLoss(detection, grad_scale=0, name="det_out"),
        ]
    )
