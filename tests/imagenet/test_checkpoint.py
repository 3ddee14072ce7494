from pathlib import Path

import mxnet as mx
import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.imagenet import checkpoint
from gluon_ssd.ssd.network import SSD


@pytest.fixture(scope="module")
def network() -> SSD:
    return SSD("resnet-50", 2, 64)


def test_names_lose_their_prefix(tmp_path: Path, network: SSD) -> None:
    mx.nd.save(str(tmp_path / "a.params"), {"arg:fc1_bias": mx.nd.ones(3), "aux:bn0_moving_mean": mx.nd.full(2, 7)})
    arrays = checkpoint.read(tmp_path / "a.params", network)
    assert {name: array.asnumpy().tolist() for name, array in arrays.items()} == {
        "fc1_bias": [1, 1, 1],
        "bn0_moving_mean": [7, 7],
    }


def test_names_as_gluon_writes_them_are_refused(tmp_path: Path, network: SSD) -> None:
    mx.nd.save(str(tmp_path / "a.params"), {"features.0.gamma": mx.nd.ones(3)})
    with pytest.raises(
        UserError, match=r"a\.params: expected names that begin with arg: or aux:, got 'features.0.gamma"
    ):
        checkpoint.read(tmp_path / "a.params", network)


def test_a_broken_file_is_refused(tmp_path: Path, network: SSD) -> None:
    path = tmp_path / "a.params"
    mx.nd.save(str(path), {"arg:fc1_bias": mx.nd.ones(300)})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        UserError, match=f"^pretrained weights, {path}: expected MXNet parameters, got a file that ends"
    ):
        checkpoint.read(path, network)
