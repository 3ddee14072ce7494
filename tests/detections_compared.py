"""Detections of two programs, held to each other."""

import numpy as np
from numpy.typing import NDArray


def assert_same_detections(found: NDArray[np.float32], expected: NDArray[np.float32], *, atol: float) -> None:
    """Fail unless each detection (k, 6) has exactly one counterpart of its class, its numbers within `atol`.

    Two may have changed places only where their scores are within `atol`.
    """
    assert len(found) == len(expected)
    np.testing.assert_allclose(found[:, 1], expected[:, 1], rtol=0, atol=atol)  # both best first
    left = list(range(len(found)))
    for row in expected:
        near = [
            index for index in left if found[index, 0] == row[0] and np.abs(found[index, 1:] - row[1:]).max() <= atol
        ]
        assert near, f"no counterpart of {row}"
        left.remove(near[0])
