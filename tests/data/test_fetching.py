"""Images from an S3 server over real sockets: fetched once, with patience, and what is said where that does not do."""

import logging
import re
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from gluon_ssd.data.fetching import fetch
from gluon_ssd.data.image_address import S3Object
from gluon_ssd.data.manifest import ManifestImages
from gluon_ssd.data.object_store import IN_FLIGHT, Limits
from gluon_ssd.errors import PlatformError, StoppedError, UserError
from s3_server import BUCKET, environment, proxied, put

QUICK = Limits(attempts=2, connect=5, read=5)


@dataclass(frozen=True)
class Images:
    """Images of a channel of which only the places count."""

    keys: Sequence[str]
    channel: str = "train"

    def __len__(self) -> int:
        return len(self.keys)

    def open(self, index: int) -> BinaryIO:
        raise NotImplementedError(index)

    def where(self, index: int) -> str:
        return f"train channel, x.manifest, line {index + 1}"


@pytest.fixture(autouse=True)
def use(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(s3).items():
        monkeypatch.setenv(name, value)


@contextmanager
def misbehaving(s3: str, monkeypatch: pytest.MonkeyPatch, faults: dict[str, list[str]]) -> Iterator[list[str]]:
    """Put a faulty proxy before the server; yields the keys that are asked for."""
    with proxied(s3, faults) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy.requests


def fetched(folder: Path, *keys: str, bucket: str = BUCKET, limits: Limits = QUICK) -> dict[str, bytes]:
    """Fetch objects by key, and return what the folder holds of them."""
    objects = {S3Object(bucket, key): index for index, key in enumerate(keys)}
    fetch(Images(keys), objects, folder, stopped=lambda: False, limits=limits)
    return {address.key: address.cached_in(folder).read_bytes() for address in objects}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_objects_are_fetched_whatever_their_names(s3: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    objects = {"a.jpg": b"one", "a b/ü%20?#+.jpg": b"two", "..//x/./y.png": b"", "large.png": bytes(3_000_001)}
    put(s3, objects)
    with caplog.at_level(logging.INFO, logger="gluon_ssd"):
        assert fetched(tmp_path, *objects) == objects
    assert len(files(tmp_path)) == 4
    assert caplog.messages[0] == f"train channel: fetching 4 images from S3 into {tmp_path}"
    assert caplog.messages[1].startswith("train channel: fetched 4 images, 3.0 MB, in ")


def test_what_is_there_is_not_fetched_again(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(s3, {"once/0.jpg": b"0", "once/1.jpg": b"1"})
    with misbehaving(s3, monkeypatch, {}) as requests:
        fetched(tmp_path, "once/0.jpg")
        fetched(tmp_path, "once/0.jpg", "once/1.jpg")
    assert requests == ["once/0.jpg", "once/1.jpg"]


def test_so_many_are_on_their_way_and_no_more(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"many/{number}.jpg" for number in range(60)]
    put(s3, dict.fromkeys(keys, b"image"))
    with proxied(s3, {"*": ["0.2", "always"]}) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        fetched(tmp_path, *keys)
    assert IN_FLIGHT // 2 < proxy.most <= IN_FLIGHT


@pytest.mark.parametrize("fault", ["503 SlowDown", "500 InternalError", "429 TooManyRequests", "break", "flip"])
def test_a_fault_that_passes_is_survived(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    put(s3, {"fault.jpg": b"all of the image"})
    with misbehaving(s3, monkeypatch, {"fault.jpg": [fault]}) as requests:
        assert fetched(tmp_path, "fault.jpg") == {"fault.jpg": b"all of the image"}
    assert requests == ["fault.jpg"] * 2


PLACE = "train channel, x.manifest, line 2: s3://labels/fault.jpg: expected "
LASTING = {
    "503 SlowDown": f"{PLACE}an object, got SlowDown from S3 in 2 attempts: as the test wants it; try again later",
    "break": f"{PLACE}all of an object, got none in 2 attempts: ",
    "6": f"{PLACE}all of an object, got none in 2 attempts: Read timeout on endpoint URL: ",
}


@pytest.mark.parametrize(("fault", "message"), LASTING.items())
def test_a_fault_that_lasts_is_the_platforms(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, message: str
) -> None:
    put(s3, {"well.jpg": b"well", "fault.jpg": b"all of the image"})
    with misbehaving(s3, monkeypatch, {"fault.jpg": [fault, "always"]}) as requests:
        with pytest.raises(PlatformError) as caught:
            fetched(tmp_path, "well.jpg", "fault.jpg", limits=Limits(attempts=2, connect=5, read=1))
        assert requests.count("fault.jpg") == 2
    assert str(caught.value).startswith(message)
    assert [path.read_bytes() for path in files(tmp_path)] == [b"well"]


def test_a_service_that_cannot_be_reached_is_the_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(PlatformError, match=r"line 1: s3://labels/a: expected all .* 2 attempts: .*network isolation"):
        fetched(tmp_path, "a")


def test_the_first_attempt_that_fails_is_told_and_not_each_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(PlatformError):
        fetched(tmp_path, "a", "b", limits=Limits(attempts=3, connect=5, read=5))
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert re.fullmatch(
        r"train channel, x\.manifest, line [12]: s3://labels/[ab]: attempt 1 of 3 failed and will be repeated "
        r"\(failures so far: 1\): Could not connect to the endpoint URL: .*",
        warning,
    )


def test_a_file_that_is_missing_is_told_before_anything_is_fetched(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, {"there.jpg": b"there"})
    images = ManifestImages("train", [f"s3://{BUCKET}/there.jpg", "/nowhere/b.jpg"], ["line 1", "line 2"], tmp_path)
    with misbehaving(s3, monkeypatch, {}) as requests:
        with pytest.raises(UserError, match=r"^line 2: expected a file that can be read, got .*/nowhere/b\.jpg"):
            images.fetch(lambda: False)
        assert requests == []


def test_a_slow_service_is_waited_for(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(s3, {"slow.jpg": b"slow"})
    with misbehaving(s3, monkeypatch, {"slow.jpg": ["1.5"]}) as requests:
        assert fetched(tmp_path, "slow.jpg") == {"slow.jpg": b"slow"}
    assert requests == ["slow.jpg"]


def test_missing_objects_and_buckets_are_named(s3: str, tmp_path: Path) -> None:
    put(s3, {"there.jpg": b"there"})
    with pytest.raises(UserError) as caught:
        fetched(tmp_path, "there.jpg", "missing.jpg", "missing too.jpg")
    assert str(caught.value) == (
        "train channel, x.manifest, line 2: s3://labels/missing.jpg: expected an object, got NoSuchKey; "
        "correct source-ref, or upload the image"
    )
    with pytest.raises(UserError, match=r"line 1: s3://no-such-bucket/a.jpg: expected an object, got NoSuchBucket;"):
        fetched(tmp_path, "a.jpg", bucket="no-such-bucket")
    with pytest.raises(UserError, match=r"line 1: s3://Not a bucket/a.jpg: expected an object that can be read, got:"):
        fetched(tmp_path, "a.jpg", bucket="Not a bucket")


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "ExpiredToken"])
def test_forbidden_objects_are_the_users(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    with misbehaving(s3, monkeypatch, {"a.jpg": [f"403 {code}"]}) as requests:
        with pytest.raises(UserError) as caught:
            fetched(tmp_path, "a.jpg")
        assert len(requests) == 1
    assert str(caught.value) == (
        f"train channel, x.manifest, line 1: s3://labels/a.jpg: expected an object that may be read, got {code}: "
        "as the test wants it; allow the role or the user of the job s3:GetObject, and s3:ListBucket, without which a "
        "missing object is a forbidden one"
    )


def test_another_refusal_is_told(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        misbehaving(s3, monkeypatch, {"a.jpg": ["400 InvalidRequest"]}),
        pytest.raises(UserError, match=r"line 1: s3://labels/a.jpg: .* can be read, got InvalidRequest: as the"),
    ):
        fetched(tmp_path, "a.jpg")


def test_without_credentials_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(
        UserError, match=r"line 1: s3://labels/a.jpg: expected credentials of AWS .* give the job a role"
    ):
        fetched(tmp_path, "a.jpg")


@pytest.mark.parametrize(("name", "value"), [("AWS_PROFILE", "nobody"), ("AWS_ENDPOINT_URL", "no address")])
def test_a_wrong_configuration_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"^S3: expected a configuration of AWS that can be used, got: .*{value}"):
        fetched(tmp_path, "a.jpg")


def test_a_file_that_cannot_be_stored_is_the_platforms(s3: str, tmp_path: Path) -> None:
    put(s3, {"big.jpg": bytes(200_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(PlatformError) as caught:
            fetched(tmp_path, "big.jpg")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == (
        f"train channel, x.manifest, line 1: s3://labels/big.jpg: could not be stored in {tmp_path}: [Errno 27] File "
        "too large; give the job a larger volume, or set TMPDIR to a folder with more room"
    )
    assert files(tmp_path) == []


def test_a_request_to_stop_does_not_wait_for_a_slow_service(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keys = [f"stop/{number}.jpg" for number in range(100)]
    put(s3, dict.fromkeys(keys, b"image"))
    objects = {S3Object(BUCKET, key): index for index, key in enumerate(keys)}
    asked: list[float] = []

    def stopped() -> bool:
        asked.append(time.monotonic())
        return asked[-1] > asked[0] + 1.5

    with misbehaving(s3, monkeypatch, {"*": ["3", "always"]}) as requests, caplog.at_level(logging.INFO):
        with pytest.raises(StoppedError, match="asked to stop after 0 images had been fetched"):
            fetch(Images(keys), objects, tmp_path, stopped=stopped, quiet=0.5)
        assert time.monotonic() < asked[-1] + 1
        assert len(requests) <= IN_FLIGHT
        # What nobody waits for any longer comes to its end before the server does.
        time.sleep(4)
        assert len(requests) <= IN_FLIGHT
    assert "train channel: fetched 0 of 100 images so far" in caplog.messages
