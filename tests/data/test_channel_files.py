import pickle
from pathlib import Path

import pytest

from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.errors import UserError


def test_a_folder_is_listed_once(tmp_path: Path) -> None:
    (tmp_path / "b.rec").touch()
    folder = ChannelFolder("train", tmp_path)
    assert folder.files() == ["b.rec"]
    (tmp_path / "a.rec").touch()
    assert folder.files() == ["b.rec"]
    assert ChannelFolder("train", tmp_path).files() == ["a.rec", "b.rec"]


def test_the_list_stays_behind_when_a_folder_is_pickled(tmp_path: Path) -> None:
    folder = ChannelFolder("train", tmp_path)
    before = len(pickle.dumps(folder))
    for number in range(100):
        (tmp_path / f"{number}.jpg").touch()
    assert len(folder.files()) == 100
    folder.read("0.jpg")
    assert len(pickle.dumps(folder)) < before + 200
    assert pickle.loads(pickle.dumps(folder)).files() == folder.files()  # noqa: S301 - our own bytes


def test_of_some_folders_only_one_file_counts(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(b"content")
    (tmp_path / "b.rec").touch()
    folder = ChannelFolder("train", tmp_path, only=("a.rec",))
    assert (folder.files(), folder.read("a.rec")) == (["a.rec"], b"content")


def test_a_part_knows_the_whole(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "names.classes").touch()
    part = ChannelFolder("annotations", tmp_path, "train")
    assert (part.files(), part.whole.files()) == ([], ["names.classes"])


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train channel: expected a folder that can be read, got .*No such file"):
        ChannelFolder("train", tmp_path / "none").files()
