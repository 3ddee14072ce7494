import socket
from pathlib import Path

import pytest

from gluon_ssd.errors import PlatformError
from gluon_ssd.tools.download import download
from weight_store import Answer, serving

CONTENT = bytes(range(256)) * 4000
NO_PAUSE = (0.0, 0.0)


def test_a_file_comes_as_it_is(tmp_path: Path) -> None:
    with serving({"/a": [Answer(body=CONTENT)]}) as store:
        download(f"{store.address}/a", tmp_path / "a", limit=len(CONTENT))
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Answer(500), "got 500 Internal Server Error; trying again in 0 s"),
        (Answer(429), "got 429 Too Many Requests; trying again in 0 s"),
        (Answer(body=CONTENT, sent=300_000), "IncompleteRead(300000 bytes read, 724000 more expected)"),
    ],
)
def test_a_server_that_fails_or_breaks_off_is_asked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Answer, told: str
) -> None:
    with serving({"/a": [fault, fault, Answer(body=CONTENT)]}) as store:
        download(f"{store.address}/a", tmp_path / "a", limit=len(CONTENT), pauses=NO_PAUSE)
        assert store.requests == ["/a"] * 3
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert capsys.readouterr().err.count(told) == 2


def test_a_server_that_goes_on_failing_is_told(tmp_path: Path) -> None:
    with serving({"/a": [Answer(503)]}) as store:
        with pytest.raises(PlatformError, match=r"/a: expected a file, got 503 Service Unavailable$"):
            download(f"{store.address}/a", tmp_path / "a", limit=9, pauses=NO_PAUSE)
        assert len(store.requests) == 3


def test_a_file_that_is_not_there_is_asked_for_once(tmp_path: Path) -> None:
    with serving({}) as store:
        with pytest.raises(PlatformError, match=r"/b: expected a file, got 404 Not Found$"):
            download(f"{store.address}/b", tmp_path / "b", limit=9, pauses=NO_PAUSE)
        assert store.requests == ["/b"]


def test_a_server_that_is_not_there_is_told_without_the_layers_between(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a"
    with pytest.raises(PlatformError) as caught:
        download(url, tmp_path / "a", limit=9, pauses=(0.0,))
    assert str(caught.value) == f"{url}: expected a file, got ConnectionRefusedError: [Errno 111] Connection refused"


def test_no_more_than_the_limit_is_fetched(tmp_path: Path) -> None:
    with (
        serving({"/a": [Answer(body=CONTENT)]}) as store,
        pytest.raises(PlatformError, match=r"/a: expected at most 1,000 bytes, got more$"),
    ):
        download(f"{store.address}/a", tmp_path / "a", limit=1000)
    assert (tmp_path / "a").stat().st_size < len(CONTENT)


def test_an_address_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"^mirror/a: expected a file, got MissingSchema: Invalid URL 'mirror/a'"):
        download("mirror/a", tmp_path / "a", limit=9, pauses=(60.0,))


def test_the_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"http://weights.invalid/a": [Answer(body=CONTENT)]}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        download("http://weights.invalid/a", tmp_path / "a", limit=len(CONTENT))
    assert (tmp_path / "a").read_bytes() == CONTENT
