from pathlib import Path

import pytest

from gluon_ssd.file_kinds import visible, with_suffix


def touch(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


def test_files_are_listed_by_relative_path_but_for_the_hidden(tmp_path: Path) -> None:
    touch(tmp_path, "b.rec", "x/y/a.rec", "._b.rec", ".cache/c.rec", "x/.d/e.rec", "x.d/f")
    assert sorted(visible(tmp_path)) == ["b.rec", "x.d/f", "x/y/a.rec"]


def test_links_to_files_are_files_and_those_to_folders_are_left(tmp_path: Path) -> None:
    touch(tmp_path, "data/a.rec")
    (tmp_path / "data" / "b.rec").symlink_to("a.rec")
    (tmp_path / "data" / "loop.rec").symlink_to("loop.rec")
    (tmp_path / "data" / "whole").symlink_to(tmp_path / "data")
    assert sorted(visible(tmp_path / "data")) == ["a.rec", "b.rec", "loop.rec"]


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(visible(tmp_path / "none"))


def test_the_case_of_a_suffix_does_not_count() -> None:
    assert with_suffix(["A.REC", "b.Rec", "c.rec.idx", "x/d.rec"], (".rec",)) == ["A.REC", "b.Rec", "x/d.rec"]
