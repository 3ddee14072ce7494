import logging
from pathlib import Path

import pytest

from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.class_names import parse_class_names, read_class_names


def test_names_are_lines_without_blanks_around_them() -> None:
    assert parse_class_names(" traffic light\r\n\n\tdog \n") == ("traffic light", "dog")


def test_the_names_of_a_channel_are_read_from_its_only_file(tmp_path: Path) -> None:
    (tmp_path / "train.classes").write_bytes("\ufeffcafé\nthé\n".encode())
    assert read_class_names(ChannelFolder("train", tmp_path)) == ("café", "thé")


def test_files_that_agree_count_as_one_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "a.classes").write_text("cat\ndog\n")
    (tmp_path / "part" / "b.classes").write_text("cat\ndog")
    assert read_class_names(ChannelFolder("train", tmp_path)) == ("cat", "dog")


def test_hidden_files_do_not_count_and_the_case_of_a_suffix_neither(tmp_path: Path) -> None:
    (tmp_path / "A.CLASSES").write_text("cat\n")
    (tmp_path / "._A.classes").write_text("dog\n")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.classes").write_text("dog\n")
    assert read_class_names(ChannelFolder("train", tmp_path)) == ("cat",)


@pytest.mark.parametrize("content", [None, "", "\n \n"])
def test_no_file_or_an_empty_one_gives_no_names(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "train.classes").write_text(content)
    assert read_class_names(ChannelFolder("train", tmp_path)) is None


def test_a_folder_that_is_missing_gives_no_names(tmp_path: Path) -> None:
    assert read_class_names(ChannelFolder("train", tmp_path / "none")) is None


def test_files_that_disagree_give_no_names_and_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.classes").write_text("cat\ndog\n")
    (tmp_path / "b.classes").write_text("dog\ncat\n")
    with caplog.at_level(logging.WARNING):
        assert read_class_names(ChannelFolder("train", tmp_path)) is None
    assert "got different names in a.classes, b.classes" in caplog.text


def test_a_file_that_is_no_text_gives_no_names_and_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.classes").write_bytes(b"\xff\xfe\x00\x01")
    with caplog.at_level(logging.WARNING):
        assert read_class_names(ChannelFolder("train", tmp_path)) is None
    assert "expected readable text" in caplog.text
