import mxnet as mx
import pytest

from gluon_ssd import mxnet_error

CHECK = (
    'Traceback (most recent call last):\n  File "../src/a.cc", line 53\nMXNetError: Check failed: a == b (1 vs. 2) : c'
)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (CHECK, "Check failed: a == b (1 vs. 2) : c"),
        (
            'Traceback (most recent call last):\n  File "../src/a.h", line 1\nMXNetError: Unknown type 8',
            "Unknown type 8",
        ),
        ("[19:00:01] ../src/a.cc:7: Check failed: a > 0\nStack trace:\n  [bt] (0) lib.so", "Check failed: a > 0"),
        ("std: :bad_alloc", "std: :bad_alloc"),
    ],
)
def test_the_reason_is_told_without_places_in_mxnet(message: str, reason: str) -> None:
    assert mxnet_error.reason(mx.base.MXNetError(message)) == reason
