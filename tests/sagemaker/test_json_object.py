import os
from pathlib import Path

import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.json_object import read_object


def test_an_object_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"a": "1", "b": [2, null]}')

    assert read_object(path) == {"a": "1", "b": [2, None]}


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "config.json"

    with pytest.raises(UserError) as caught:
        read_object(path)

    assert str(caught.value) == (
        f"{path}: expected a file, got none; put it there or point SAGEMAKER_BASE_DIR at the folder above input/"
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{\n  "a": 1,\n}', "Expecting property name enclosed in double quotes: line 3 column 1 (char 12)"),
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": "\xff"}', "'utf-8' codec can't decode byte 0xff in position 7: invalid start byte"),
    ],
)
def test_text_that_is_not_json_is_refused_with_the_place(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)

    with pytest.raises(UserError) as caught:
        read_object(path)

    assert str(caught.value) == f"{path}: expected JSON, got a mistake: {complaint}"


def test_json_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('["epochs", "3"]')

    with pytest.raises(UserError) as caught:
        read_object(path)

    assert str(caught.value) == f'{path}: expected a JSON object such as {{}}, got ["epochs", "3"]'


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a file that can be read, got Is a directory") as caught:
        read_object(tmp_path)

    assert str(caught.value).startswith(os.fspath(tmp_path))
