import gzip
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bad_archives import ARCHIVES, FILES, claiming, file, good, tar, zeros
from gluon_ssd import tar_archive
from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.model_folder import model_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the test's own for all that is temporary, which must be empty in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def loose(folder: Path) -> Path:
    for name, content in FILES.items():
        write(folder / name, content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def snapshot(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", ARCHIVES)
def test_bad_archive_is_refused_by_name_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    make, words = ARCHIVES[name]
    archive = write(tmp_path / "given" / "model.tar.gz", make())
    before = snapshot(tmp_path)
    with pytest.raises(UserError) as caught, model_folder(archive, what="model channel"):
        pass
    assert str(caught.value).startswith(f"model channel, {archive}: expected ")
    assert words in str(caught.value)
    assert snapshot(tmp_path) == before
    assert not Path("/tmp/evil").exists()  # noqa: S108


@pytest.mark.parametrize("prefix", ["", "./", "model/", "./model/"])
@pytest.mark.parametrize("zipped", [True, False])
def test_archive_of_a_model_gives_its_files_as_long_as_it_is_needed(
    tmp_path: Path, temporary: Path, prefix: str, *, zipped: bool
) -> None:
    content = gzip.compress(good(prefix)) if zipped else good(prefix)
    with model_folder(write(tmp_path / "model.tar.gz", content)) as folder:
        assert temporary in folder.parents
        assert contents(folder) == FILES


def test_mistake_in_a_file_of_an_archive_is_told_by_the_name_of_the_archive(tmp_path: Path) -> None:
    archive = write(tmp_path / "model.tar.gz", good())
    with (
        pytest.raises(UserError, match=f"^{archive}/hyperparams.json: expected more$"),
        model_folder(archive) as folder,
    ):
        raise UserError(f"{folder}/hyperparams.json: expected more")


def test_folder_is_given_as_it_is(tmp_path: Path) -> None:
    with model_folder(loose(tmp_path / "model")) as folder:
        assert folder == tmp_path / "model"
    assert contents(folder) == FILES


def test_folder_within_a_folder_is_found(tmp_path: Path) -> None:
    loose(tmp_path / "channel" / "model")
    write(tmp_path / "channel" / "notes" / "a.txt", b"")
    with model_folder(tmp_path / "channel") as folder:
        assert folder == tmp_path / "channel" / "model"


def test_only_archive_in_a_folder_is_unpacked(tmp_path: Path, temporary: Path) -> None:
    write(tmp_path / "channel" / "model-7.tgz", good())
    with model_folder(tmp_path / "channel") as folder:
        assert contents(folder) == FILES
        assert temporary in folder.parents


def test_of_several_archives_the_one_with_the_usual_name_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "output" / "model.tar.gz", good())
    write(tmp_path / "output" / "output.tar.gz", tar(file("failure")))
    with model_folder(tmp_path / "output") as folder:
        assert contents(folder) == FILES


def test_archive_with_the_usual_name_goes_before_loose_files_and_these_before_another(
    tmp_path: Path, temporary: Path
) -> None:
    write(loose(tmp_path / "one") / "model.tar.gz", good())
    with model_folder(tmp_path / "one") as folder:
        assert temporary in folder.parents
    write(loose(tmp_path / "two") / "backup.tar.gz", good())
    with model_folder(tmp_path / "two") as folder:
        assert folder == tmp_path / "two"


def test_several_archives_none_of_which_has_the_usual_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.tar.gz", "b.tgz"):
        write(tmp_path / "channel" / name, good())
    message = (
        f"^model channel, {tmp_path}/channel: expected one archive, or one named model.tar.gz, got a.tar.gz, b.tgz$"
    )
    with pytest.raises(UserError, match=message), model_folder(tmp_path / "channel", what="model channel"):
        pass


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "channel").mkdir()
    with (
        pytest.raises(UserError, match=f"^model, {tmp_path}/channel: expected a model, such as .*, got nothing$"),
        model_folder(tmp_path / "channel"),
    ):
        pass


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"got {tmp_path}/none, where nothing is$"), model_folder(tmp_path / "none"):
        pass


@pytest.mark.parametrize("name", ["model_algo_1-0000.params", "model_algo_1-symbol.json", "model.onnx"])
def test_file_of_a_model_is_not_taken_for_an_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    expected = f"model: expected a folder or a model.tar.gz, got {tmp_path / name}, a file of a model; name its folder"
    with pytest.raises(UserError) as caught, model_folder(tmp_path / name):
        pass
    assert str(caught.value) == expected


def test_bomb_stops_before_it_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    archive = write(tmp_path / "bomb.tar.gz", gzip.compress(claiming(50 * 2**20)) + zeros(51))
    assert archive.stat().st_size < 2**17
    with pytest.raises(UserError, match=r"bomb\.tar\.gz: expected files of at most 1048576 bytes in all, got more$"):
        tar_archive.unpack(archive, folder, what="model", most_bytes=2**20)
    assert list(folder.iterdir()) == []


def test_files_may_not_be_too_large_together(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    half = bytes(2**19)
    archive = write(tmp_path / "two.tar.gz", gzip.compress(tar(file("a.params", half), file("b.params", half + b"+"))))
    with pytest.raises(UserError, match=r"two\.tar\.gz: expected files of at most 1048576 bytes in all, got more$"):
        tar_archive.unpack(archive, folder, what="model", most_bytes=2**20)
    (folder / "a.params").unlink()
    tar_archive.unpack(archive, folder, what="model", most_bytes=2**20 + 1)
    assert sorted(contents(folder)) == ["a.params", "b.params"]


def test_a_file_for_which_there_is_no_room_is_the_machines_fault(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    archive = write(tmp_path / "model.tar", claiming(2**55))
    message = rf"^model, {archive}: expected 36028797018963968 bytes of free disk space in {folder}, got \d+$"
    with pytest.raises(PlatformError, match=message):
        tar_archive.unpack(archive, folder, what="model", most_bytes=2**60)
    assert list(folder.iterdir()) == []


def test_header_that_claims_a_gigabyte_takes_no_memory(tmp_path: Path) -> None:
    archive = write(tmp_path / "bomb.tar.gz", ARCHIVES["header of a gigabyte"][0]())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError), model_folder(archive):
        pass
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


@pytest.mark.parametrize("zipped", [True, False])
def test_archive_cut_anywhere_gives_the_model_or_an_error(tmp_path: Path, *, zipped: bool) -> None:
    whole = gzip.compress(good()) if zipped else good()
    refused = 0
    for size in range(0, len(whole), 7 if zipped else 97):
        archive = write(tmp_path / "model.tar.gz", whole[:size])
        try:
            with model_folder(archive) as folder:
                # What is cut may end between two files: the reader of the model says which is missing.
                assert contents(folder).items() <= FILES.items()
        except UserError as error:
            assert str(archive) in str(error)  # noqa: PT017
            refused += 1
    assert refused > 20


def test_archive_with_a_byte_changed_anywhere_gives_files_or_an_error(tmp_path: Path) -> None:
    whole = good()
    for place in range(0, 1600, 5):
        archive = write(tmp_path / "model.tar.gz", whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        before = snapshot(tmp_path)
        try:
            with model_folder(archive):
                pass
        except UserError as error:
            assert str(archive) in str(error)  # noqa: PT017
        assert snapshot(tmp_path) == before
