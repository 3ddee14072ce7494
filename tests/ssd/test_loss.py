import mxnet as mx
import numpy as np

from gluon_ssd.ssd.loss import multibox_loss
from gluon_ssd.ssd.targets import Targets

# One image, two classes and the background, four anchors: matched with class 1, background, ignored, background.
CLASSES = np.array([[[0.0, 1.0, 5.0, -2.0], [0.5, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]]], np.float32)
CLASS_TARGETS = np.array([[2, 0, -1, 0]], np.float32)
BOXES = np.array([[0.5, -3.0, 0.25, 1.0] + [9.0] * 12], np.float32)
BOX_TARGETS = np.array([[0.0, 0.0, 0.25, 1.5] + [0.0] * 12], np.float32)
MASK = np.array([[1.0] * 4 + [0.0] * 12], np.float32)


def probabilities() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    exponentials = np.exp(CLASSES.astype(np.float64))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def run(scale: float = 1.0) -> tuple[mx.nd.NDArray, mx.nd.NDArray, mx.nd.NDArray]:
    """Return the gradients of class and box predictions, and the sums."""
    classes, boxes = mx.nd.array(CLASSES), mx.nd.array(BOXES)
    classes.attach_grad()
    boxes.attach_grad()
    targets = Targets(mx.nd.array(BOX_TARGETS), mx.nd.array(MASK), mx.nd.array(CLASS_TARGETS))
    with mx.autograd.record():
        loss = multibox_loss(classes, boxes, targets, scale=scale)
    mx.autograd.backward(loss.heads)
    return classes.grad.asnumpy(), boxes.grad.asnumpy(), loss.sums.asnumpy()


def test_sums_are_cross_entropy_smooth_l1_and_the_anchors_kept() -> None:
    chosen = probabilities()
    cross_entropy = -np.log(chosen[0, 2, 0] * chosen[0, 0, 1] * chosen[0, 0, 3])
    # Smooth L1 of 0.5, -3, 0 and -0.5: half the square up to 1, then the distance less a half.
    smooth_l1 = 0.125 + 2.5 + 0.0 + 0.125
    np.testing.assert_allclose(run()[2], [cross_entropy, smooth_l1, 3], rtol=1e-5)


def test_class_gradient_is_divided_by_the_anchors_kept() -> None:
    expected = probabilities()
    expected[0, 2, 0] -= 1
    expected[0, 0, 1] -= 1
    expected[0, 0, 3] -= 1
    expected[0, :, 2] = 0
    np.testing.assert_allclose(run()[0], expected / 3, atol=1e-6)


def test_box_gradient_is_divided_by_the_values_that_are_off() -> None:
    # Three of the four masked values are off: 0.5, -3 (clipped to -1) and -0.5.
    np.testing.assert_allclose(run()[1][0], np.array([0.5, -1, 0, -0.5] + [0] * 12) / 3, atol=1e-6)


def test_a_scale_multiplies_the_gradients_and_not_the_sums() -> None:
    plain, scaled = run(), run(65_536.0)
    for gradient, larger in zip(plain[:2], scaled[:2], strict=True):
        np.testing.assert_allclose(larger, 65_536 * gradient, rtol=1e-6)
    np.testing.assert_array_equal(scaled[2], plain[2])


def test_a_probability_that_underflows_leaves_the_sum_finite() -> None:
    classes = mx.nd.array([[[0.0], [1000.0]]])
    nothing = mx.nd.zeros((1, 4))
    loss = multibox_loss(classes, nothing, Targets(nothing, nothing, mx.nd.zeros((1, 1))))
    assert np.isfinite(loss.sums.asnumpy()).all()
