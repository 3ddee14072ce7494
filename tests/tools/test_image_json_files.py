import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import UserError
from gluon_ssd.tools.image_json_files import write_image_json_files
from gluon_ssd.tools.prepared_image import PreparedImage


def image(name: str, content: bytes = b"pixels") -> PreparedImage:
    return PreparedImage(name, Sample(content, np.array([[1, 0.25, 0.5, 1, 1, 0]], np.float32)), (8, 4))


def write(output: Path, names: Sequence[str]) -> None:
    with write_image_json_files(output, ["cat", "dog"]) as files:
        for name in names:
            files.add(image(name))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_annotations_mirror_the_images(tmp_path: Path) -> None:
    write(tmp_path / "data" / "train", ["a.jpg", "x/y/b.c.PNG"])
    found = contents(tmp_path)
    assert found.pop("data/train/a.jpg") == b"pixels"
    assert found.pop("data/train/x/y/b.c.PNG") == b"pixels"
    assert found.pop("data/train/train.classes") == b"cat\ndog\n"
    assert {name: json.loads(content) for name, content in found.items()} == {
        f"data/train_annotation/{name}.json": {
            "file": file,
            "image_size": [{"width": 8, "height": 4, "depth": 3}],
            "annotations": [{"class_id": 1, "left": 2, "top": 2, "width": 6, "height": 2}],
            "categories": [{"class_id": 0, "name": "cat"}, {"class_id": 1, "name": "dog"}],
        }
        for name, file in (("a", "a.jpg"), ("x/y/b.c", "x/y/b.c.PNG"))
    }


def test_an_empty_folder_is_taken_and_one_with_files_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    write(tmp_path / "train", ["a.jpg"])
    with pytest.raises(
        UserError, match=r"--output: expected a folder that is new or empty, got .*/train; remove it or"
    ):
        write(tmp_path / "train", ["b.jpg"])
    (tmp_path / "val_annotation").write_text("")
    with pytest.raises(UserError, match=r"--output: expected a folder that is new or empty, got .*/val_annotation"):
        write(tmp_path / "val", ["b.jpg"])
    assert sorted(contents(tmp_path)) == [
        "train/a.jpg",
        "train/train.classes",
        "train_annotation/a.json",
        "val_annotation",
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["x/a.jpg", "x/a.png"],
            r"--output: expected one image for x/a\.json, got 'x/a\.png' after another; rename it",
        ),
        (["a.bmp"], r"--output: expected images called \.jpg, \.jpeg, \.png, got 'a\.bmp'; rename it"),
    ],
)
def test_names_that_cannot_be_mirrored_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        write(tmp_path / "train", names)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "form"), [("train.rec", "recordio"), ("train.manifest", "manifest")])
def test_a_name_that_another_format_calls_for_is_refused(tmp_path: Path, name: str, form: str) -> None:
    with pytest.raises(UserError, match=rf"got '.*/{name}'; give --format {form} for such a file"):
        write(tmp_path / name, [])
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with write_image_json_files(tmp_path / "train", ["cat", "dog"]) as files:
            files.add(image("a.jpg"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_names_no_folder_or_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--output: expected the name of a folder, such as data/train, got '\.'"):
        write(Path(), [])
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--output: expected to write .*/file/train, got: .*file"):
        write(tmp_path / "file" / "train", [])
