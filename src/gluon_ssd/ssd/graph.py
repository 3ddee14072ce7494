"""The detector as an MXNet graph, node by node what the built-in algorithm writes.

Names, operators and attributes are those of zhreshold/mxnet-ssd, from which the built-in algorithm's own files were
made, so that parameters go from one to the other by name. Nodes that it left to automatic naming get the same names
here explicitly, whatever else was built in the process.
"""

from typing import NamedTuple

import mxnet as mx

from gluon_ssd.ssd.anchors import Anchors, anchors
from gluon_ssd.ssd.base_networks import Extra, L2Norm, Layout, find

VARIANCES = (0.1, 0.1, 0.2, 0.2)  # of the box offsets
LEAST_SCORE = 0.01  # a box scored lower is no detection, as in the built-in algorithm
LEAST_BOTTLENECK = 128  # filters of the 1x1 convolution before an extra feature layer


class Heads(NamedTuple):
    """What the network computes from `data` (B, 3, S, S): symbols.

    Classes (B, C + 1, N), the background first and not yet normalized; boxes (B, N * 4), offsets from the anchors;
    anchors (1, N, 4), corners as fractions of the image, not clipped.
    """

    classes: mx.sym.Symbol
    boxes: mx.sym.Symbol
    anchors: mx.sym.Symbol


def heads(base_network: str, num_classes: int, image_shape: int) -> Heads:
    """Return the detector's predictions as functions of `data`."""
    base = find(base_network, image_shape)
    layout = base.layout(image_shape)
    layers = _feature_layers(base.symbol(), layout)
    boxes_around = anchors(len(layers), layout.smallest_scale, layout.steps(image_shape))
    classes, boxes, priors = [], [], []
    for k, (layer, around) in enumerate(zip(layers, boxes_around, strict=True)):
        name = layer.name
        features = _normalize(layer, layout.norms[name]) if name in layout.norms else layer
        # flatten0 belonged to the classifier's head, which is left out.
        boxes.append(_predict(features, f"{name}_loc_pred_conv", around.per_cell * 4, numbers=(2 * k, 3 * k + 1)))
        filters = around.per_cell * (num_classes + 1)
        classes.append(_predict(features, f"{name}_cls_pred_conv", filters, numbers=(2 * k + 1, 3 * k + 2)))
        priors.append(mx.sym.Flatten(_priors(features, f"{name}_anchors", around), name=f"flatten{3 * k + 3}"))
    return Heads(
        classes=_gather_classes(classes, num_classes),
        boxes=mx.sym.Concat(*boxes, num_args=len(boxes), dim=1, name="multibox_loc_pred"),
        anchors=mx.sym.Reshape(_concatenate(priors, "concat1"), shape=(0, -1, 4), name="multibox_anchors"),
    )


def training_graph(predictions: Heads, *, nms_threshold: float, nms_topk: int) -> mx.sym.Symbol:
    """Return the graph that the built-in algorithm saves, with inputs `data` and `label`.

    Its outputs: `cls_prob`, `loc_loss`, `cls_label` and `det_out`, the detections as (B, N, 6) rows of class, score and
    corners, with class -1 where there is none.
    """
    box_targets, mask, class_targets = _match(predictions)
    probabilities = mx.sym.SoftmaxOutput(
        data=predictions.classes,
        label=class_targets,
        ignore_label=-1,
        use_ignore=True,
        grad_scale=1.0,
        multi_output=True,
        normalization="valid",
        name="cls_prob",
    )
    error = mx.sym.elemwise_sub(predictions.boxes, box_targets, name="_minus0")
    box_loss = mx.sym.smooth_l1(mx.sym.elemwise_mul(mask, error, name="_mul0"), scalar=1.0, name="loc_loss_")
    detections = _detect(probabilities, predictions, nms_threshold, nms_topk)
    return mx.sym.Group(
        [
            probabilities,
            mx.sym.MakeLoss(box_loss, grad_scale=1.0, normalization="valid", name="loc_loss"),
            mx.sym.MakeLoss(class_targets, grad_scale=0, name="cls_label"),
            mx.sym.MakeLoss(detections, grad_scale=0, name="det_out"),
        ]
    )


def deploy_graph(predictions: Heads, *, nms_threshold: float, nms_topk: int) -> mx.sym.Symbol:
    """Return the graph that only detects: input `data`, and one output, that of `det_out` above.

    It has the parameters of the training graph, and its last two nodes are those that `deploy.py` of
    zhreshold/mxnet-ssd makes, but that suppression stays within a class, as in the training graph.
    """
    # Not softmax, which differs in the last digit.
    probabilities = mx.sym.SoftmaxActivation(predictions.classes, mode="channel", name="cls_prob")
    return _detect(probabilities, predictions, nms_threshold, nms_topk)


def _detect(probabilities: mx.sym.Symbol, predictions: Heads, nms_threshold: float, nms_topk: int) -> mx.sym.Symbol:
    """Return detections (B, N, 6); boxes scored below 0.01 are none, and all are clipped, which are the defaults."""
    return mx.sym.contrib.MultiBoxDetection(
        probabilities,
        predictions.boxes,
        predictions.anchors,
        nms_threshold=nms_threshold,
        force_suppress=False,
        variances=VARIANCES,
        nms_topk=nms_topk,
        name="detection",
    )


def _match(predictions: Heads) -> mx.sym.Symbol:
    """Return box targets, their mask and class targets for `label`; `targets.assign` is the same on arrays."""
    return mx.sym.contrib.MultiBoxTarget(
        predictions.anchors,
        mx.sym.Variable("label"),
        predictions.classes,
        overlap_threshold=0.5,
        ignore_label=-1,
        negative_mining_ratio=3,
        minimum_negative_samples=0,
        negative_mining_thresh=0.5,
        variances=VARIANCES,
        name="multibox_target",
    )


def _feature_layers(base: mx.sym.Symbol, layout: Layout) -> list[mx.sym.Symbol]:
    internals = base.get_internals()
    layers = [internals[f"{tap}_output"] for tap in layout.taps]
    for extra in layout.extras:
        layers.append(_extra_layer(layers[-1], f"multi_feat_{len(layers)}", extra))
    return layers


def _extra_layer(features: mx.sym.Symbol, name: str, extra: Extra) -> mx.sym.Symbol:
    bottleneck = max(LEAST_BOTTLENECK, extra.filters // 2)
    features = _convolve(features, f"{name}_conv_1x1_conv", bottleneck, kernel=(1, 1), pad=(0, 0), stride=(1, 1))
    features = mx.sym.Activation(features, act_type="relu", name=f"{name}_conv_1x1_relu")
    pad, stride = (extra.pad, extra.pad), (extra.stride, extra.stride)
    features = _convolve(features, f"{name}_conv_3x3_conv", extra.filters, kernel=(3, 3), pad=pad, stride=stride)
    return mx.sym.Activation(features, act_type="relu", name=f"{name}_conv_3x3_relu")


def _normalize(features: mx.sym.Symbol, norm: L2Norm) -> mx.sym.Symbol:
    scale = mx.sym.Variable(
        f"{features.name}_scale",
        shape=(1, norm.channels, 1, 1),
        init=mx.init.Constant(norm.initial_scale),
        attr={"__wd_mult__": "0.1"},
    )
    unit = mx.sym.L2Normalization(features, mode="channel", name=f"{features.name}_norm")
    return mx.sym.broadcast_mul(lhs=scale, rhs=unit, name="broadcast_mul0")


def _predict(features: mx.sym.Symbol, name: str, filters: int, *, numbers: tuple[int, int]) -> mx.sym.Symbol:
    """Return predictions (B, cells * filters), cell by cell; `numbers` name the transposing and the flattening node."""
    maps = _convolve(features, name, filters, kernel=(3, 3), pad=(1, 1), stride=(1, 1))
    transpose, flatten = numbers
    return mx.sym.Flatten(
        mx.sym.transpose(maps, axes=(0, 2, 3, 1), name=f"transpose{transpose}"), name=f"flatten{flatten}"
    )


def _convolve(features: mx.sym.Symbol, name: str, filters: int, **settings: tuple[int, int]) -> mx.sym.Symbol:
    # Layers that no classifier was trained with: their biases learn twice as fast.
    bias = mx.sym.Variable(f"{name}_bias", init=mx.init.Constant(0.0), attr={"__lr_mult__": "2.0"})
    return mx.sym.Convolution(features, bias=bias, num_filter=filters, name=name, **settings)


def _priors(features: mx.sym.Symbol, name: str, around: Anchors) -> mx.sym.Symbol:
    steps = "(-1.0, -1.0)" if around.step is None else (around.step, around.step)
    sizes, ratios = _listed(around.sizes), _listed(around.ratios)
    return mx.sym.contrib.MultiBoxPrior(features, sizes=sizes, ratios=ratios, clip=False, steps=steps, name=name)


def _listed(values: tuple[float, ...]) -> str:
    # Twelve digits and no trailing ".0", as in the built-in algorithm's files.
    return f"({','.join(f'{value:.12g}' for value in values)})"


def _gather_classes(layers: list[mx.sym.Symbol], num_classes: int) -> mx.sym.Symbol:
    rows = mx.sym.Reshape(_concatenate(layers, "concat0"), shape=(0, -1, num_classes + 1), name="reshape0")
    return mx.sym.transpose(rows, axes=(0, 2, 1), name="multibox_cls_pred")


def _concatenate(layers: list[mx.sym.Symbol], name: str) -> mx.sym.Symbol:
    return mx.sym.Concat(*layers, num_args=len(layers), dim=1, name=name)
