"""MXNet's `MultiBoxDetection` in ONNX operators: from class scores and box offsets to detections."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, TensorProto, numpy_helper, parser

from gluon_ssd.ssd.graph import LEAST_SCORE, VARIANCES

# Shapes: B images, C classes, N anchors, K = the best of them. The first two lines are SoftmaxActivation.
_NODES = """
    probabilities = Softmax <axis = 1> (classes)
    of_objects = Slice (probabilities, first, end, class_axis)

    class_scores = ReduceMax <axes = [1], keepdims = 0> (of_objects)
    class_ids = ArgMax <axis = 1, keepdims = 0> (of_objects)
    is_background = Less (class_scores, least_score)
    scores = Where (is_background, none, class_scores)
    top_scores, top_anchors = TopK <axis = 1> (scores, nms_topk)
    top_class_ids = GatherElements <axis = 1> (class_ids, top_anchors)

    all_offsets = Reshape (boxes, offsets_shape)
    top_places = Unsqueeze (top_anchors, last_axis)
    offsets = GatherND <batch_dims = 1> (all_offsets, top_places)
    scaled_offsets = Mul (offsets, variances)
    moves, growths = Split <axis = 2> (scaled_offsets)
    top_centers = Gather <axis = 0> (anchor_centers, top_anchors)
    top_sizes = Gather <axis = 0> (anchor_sizes, top_anchors)
    moved = Mul (moves, top_sizes)
    centers = Add (moved, top_centers)
    factors = Exp (growths)
    sizes = Mul (factors, top_sizes)
    half_sizes = Div (sizes, two)
    upper_left = Sub (centers, half_sizes)
    lower_right = Add (centers, half_sizes)
    unclipped = Concat <axis = 2> (upper_left, lower_right)
    corners = Clip (unclipped, low, high)

    class_masks = OneHot <axis = 1> (top_class_ids, num_classes, off_and_on)
    scores_of_each = Unsqueeze (top_scores, class_axis)
    scores_by_class = Mul (class_masks, scores_of_each)
    selected = NonMaxSuppression (corners, scores_by_class, nms_topk, overlap, any_score)
    selected_places = Gather <axis = 1> (selected, image_and_box)
    selected_shape = Shape (selected)
    count = Slice (selected_shape, start, first, start)
    ones = Expand (on, count)
    top_shape = Shape (top_scores)
    zeros = Expand (off, top_shape)
    selection = ScatterND (zeros, selected_places, ones)
    is_kept = Greater (selection, off)
    numbers = Cast <to = 1> (top_class_ids)
    labels = Where (is_kept, numbers, none)

    label_column = Unsqueeze (labels, last_axis)
    score_column = Unsqueeze (top_scores, last_axis)
    detections = Concat <axis = 2> (label_column, score_column, corners)
"""


def detection(
    anchors: NDArray[np.float32], *, num_classes: int, nms_threshold: float, nms_topk: int
) -> tuple[GraphProto, list[TensorProto]]:
    """Return the nodes that make `detections` from `classes` and `boxes`, and their constants.

    As in MXNet `classes` are (B, C + 1, N), the background first and not yet normalized, and `boxes` (B, N * 4),
    offsets from the anchors. `detections` are (B, K, 6) with K = min(nms_topk, N): rows of class, score and corners,
    best first, with class -1 where there is none.

    Args:
        anchors: (N, 4) corners.
        num_classes: C.
        nms_threshold: the IoU from which on the weaker of two boxes of a class is dropped.
        nms_topk: how many boxes take part.
    """
    constants = {
        **_anchor_constants(anchors),
        **_numbers(),
        "variances": np.array(VARIANCES, np.float32),
        "num_classes": np.array([num_classes]),
        "nms_topk": np.array([min(nms_topk, len(anchors))]),
        "least_score": np.array(LEAST_SCORE, np.float32),
        # Anything between those of the background, 0 in the masks, and the least: runtimes differ in what equality is.
        "any_score": np.array([LEAST_SCORE / 2], np.float32),
        # MXNet drops a box whose IoU equals the threshold, ONNX one whose IoU exceeds it.
        "overlap": np.nextafter(np.array([nms_threshold], np.float32), np.float32(0)),
    }
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    return parser.parse_graph(f"detection (float[B] classes) => (float[B] detections) {{ {_NODES} }}"), tensors


def _anchor_constants(anchors: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
    near, far = anchors[:, :2], anchors[:, 2:]
    return {"anchor_centers": (near + far) / np.float32(2), "anchor_sizes": far - near}


def _numbers() -> Mapping[str, NDArray[np.generic]]:
    return {
        "start": np.array([0]),
        "first": np.array([1]),
        "end": np.array([np.iinfo(np.int64).max]),
        "class_axis": np.array([1]),
        "last_axis": np.array([2]),
        "image_and_box": np.array([0, 2]),
        "offsets_shape": np.array([0, -1, 4]),
        "off_and_on": np.array([0, 1], np.float32),
        "off": np.array(0, np.float32),
        "on": np.array(1, np.float32),
        "none": np.array(-1, np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(1, np.float32),
        "two": np.array(2, np.float32),
    }
