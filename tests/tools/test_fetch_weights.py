import hashlib
import stat
import struct
from pathlib import Path

import pytest
from gluoncv.model_zoo import model_store

from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.imagenet import checkpoint
from gluon_ssd.imagenet.weight_files import WeightFile
from gluon_ssd.tools import fetch_weights
from gluon_ssd.tools.fetch_weights import choose, fetch
from weight_store import Answer, Store, serving, zipped

CONTENT = b"weights" * 1000
SHA1 = hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest()
NAME = f"net-{SHA1[:8]}"
WEIGHT_FILE = WeightFile("net", checkpoint.read, SHA1)
PATH = f"/gluon/models/{NAME}.zip"
GOOD = Answer(body=zipped({f"{NAME}.params": CONTENT}))


def fetched(store: Store, folder: Path) -> str:
    return fetch(WEIGHT_FILE, folder, store=f"{store.address}/", pauses=(0.0, 0.0))


def test_the_store_is_gluoncv_s() -> None:
    assert model_store.apache_repo_url == fetch_weights.STORE


def test_the_address_is_the_one_that_gluoncv_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({}) as store:
        monkeypatch.setenv("MXNET_GLUON_REPO", store.address)
        with pytest.raises(RuntimeError, match="Failed downloading url"):
            model_store.get_model_file("vgg16_atrous", root=str(tmp_path))
        with pytest.raises(PlatformError):
            fetch(choose("vgg-16"), tmp_path, store=store.address)
        assert store.requests == ["/gluon/models/vgg16_atrous-4fa2e1ad.zip"] * 2


def test_a_file_is_fetched_and_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "weights"
    with serving({PATH: [Answer(500), Answer(body=GOOD.body, sent=20), GOOD]}) as store:
        told = fetched(store, folder)
        assert store.requests == [PATH] * 3
    assert told == f"{folder}/{NAME}.params (0.0 MB)"
    assert [path.name for path in folder.iterdir()] == [f"{NAME}.params"]
    assert (folder / f"{NAME}.params").read_bytes() == CONTENT
    assert stat.S_IMODE((folder / f"{NAME}.params").stat().st_mode) & 0o444 == 0o444  # jobs may run as another user


def test_what_is_there_already_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.params").write_bytes(CONTENT)
    with serving({}) as store:
        assert fetched(store, tmp_path) == f"{tmp_path}/{NAME}.params was there already"
        assert store.requests == []


def test_a_broken_file_of_that_name_is_replaced(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.params").write_bytes(CONTENT[:-1])
    with serving({PATH: [GOOD]}) as store:
        fetched(store, tmp_path)
    assert (tmp_path / f"{NAME}.params").read_bytes() == CONTENT


def claiming(size: int) -> bytes:
    """A zip file whose directory says that its file is so large."""
    body = bytearray(GOOD.body)
    struct.pack_into("<I", body, body.index(b"PK\x01\x02") + 24, size)
    return bytes(body)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(body=claiming(2**31)), "expected a file of at most 1,073,741,824 bytes in it, got 2,147,483,648"),
        (Answer(404), "expected a file, got 404 Not Found"),
        (Answer(body=GOOD.body, sent=100), "expected a file, got IncompleteRead"),
        (Answer(body=b"<html>"), "expected a zip file, got another or a broken one: File is not a zip file"),
        (
            Answer(body=GOOD.body[:40] + b"\xff" * 9 + GOOD.body[49:]),
            "expected a zip file, got another or a broken one",
        ),
        (Answer(body=zipped({"../net.params": CONTENT})), f"expected {NAME}.params in it, got a zip file without"),
        (
            Answer(body=zipped({f"{NAME}.params": b"other"})),
            f"expected {NAME}.params of SHA-1 {SHA1}, got d0941e68da8f38151ff86a61fc59f7c5cf9fcaa2",
        ),
    ],
)
def test_nothing_is_left_by_a_store_that_has_something_else(tmp_path: Path, answer: Answer, words: str) -> None:
    folder = tmp_path / "weights"
    with serving({PATH: [answer]}) as store, pytest.raises(PlatformError) as caught:
        fetched(store, folder)
    assert str(caught.value).startswith(f"{store.address}{PATH}: {words}")
    assert str(caught.value).endswith(
        f"; set MXNET_GLUON_REPO to a store that has it, or put {NAME}.params (SHA-1 {SHA1}) into {folder} by hand"
    )
    assert list(tmp_path.rglob("*")) == [folder]


def test_each_network_has_the_file_of_gluoncv() -> None:
    assert choose("vgg-16").file_name == "vgg16_atrous-4fa2e1ad.params"
    assert choose("mobilenetv2-1.0").file_name == "mobilenetv2_1.0-f9952bcd.params"


def test_a_network_that_there_is_not_is_refused() -> None:
    with pytest.raises(UserError, match=r"^fetch-weights: expected some of vgg-16, resnet-50, .*, got 'vgg16'$"):
        choose("vgg16")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving({PATH: [GOOD]}) as store:
        with pytest.raises(UserError, match=r"^--output: expected to write .*/file/net-"):
            fetched(store, tmp_path / "file")
        assert store.requests == []
