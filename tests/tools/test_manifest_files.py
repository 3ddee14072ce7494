import json
from pathlib import Path

import numpy as np
import pytest

from gluon_ssd.data.sample import Sample
from gluon_ssd.errors import UserError
from gluon_ssd.tools.manifest_files import write_manifest_files
from gluon_ssd.tools.prepared_image import PreparedImage


def image(name: str, *rows: tuple[float, ...]) -> PreparedImage:
    return PreparedImage(name, Sample(b"pixels", np.array(rows, np.float32).reshape(-1, 6)), (8, 4))


def write(output: Path, *images: PreparedImage) -> None:
    with write_manifest_files(output, ["cat", "dog", "owl"]) as files:
        for item in images:
            files.add(item)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_lines_are_ground_truths_with_paths_from_the_manifest(tmp_path: Path) -> None:
    write(
        tmp_path / "train.manifest",
        image("x/a.jpg", (2, 0.25, 0.5, 1, 1, 0), (0, 0, 0, 1, 1, 0), (2, 0, 0, 1, 1, 0)),
        image("b.png"),
    )
    lines = [json.loads(line) for line in (tmp_path / "train.manifest").read_text().splitlines()]
    assert lines == [
        {
            "source-ref": "train_images/x/a.jpg",
            "bounding-box": {
                "image_size": [{"width": 8, "height": 4, "depth": 3}],
                "annotations": [
                    {"class_id": 2, "left": 2, "top": 2, "width": 6, "height": 2},
                    {"class_id": 0, "left": 0, "top": 0, "width": 8, "height": 4},
                    {"class_id": 2, "left": 0, "top": 0, "width": 8, "height": 4},
                ],
            },
            "bounding-box-metadata": {
                "objects": [{"confidence": 1}, {"confidence": 1}, {"confidence": 1}],
                "class-map": {"0": "cat", "2": "owl"},
                "type": "groundtruth/object-detection",
                "human-annotated": "yes",
            },
        },
        {
            "source-ref": "train_images/b.png",
            "bounding-box": {"image_size": [{"width": 8, "height": 4, "depth": 3}], "annotations": []},
            "bounding-box-metadata": {
                "objects": [],
                "class-map": {},
                "type": "groundtruth/object-detection",
                "human-annotated": "yes",
            },
        },
    ]
    for line in lines:
        assert (tmp_path / line["source-ref"]).read_bytes() == b"pixels"
    assert (tmp_path / "train.classes").read_text() == "cat\ndog\nowl\n"


def test_equal_names_and_folders_with_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"--output: expected images of different names, got 'a\.jpg' twice; rename one"
    ):
        write(tmp_path / "train.manifest", image("a.jpg"), image("a.jpg"))
    assert names(tmp_path) == []
    (tmp_path / "train_images").mkdir()
    (tmp_path / "train_images" / "old.jpg").write_text("")
    with pytest.raises(
        UserError, match=r"--output: expected a folder that is new or empty, got .*/train_images; remove"
    ):
        write(tmp_path / "train.manifest")
    assert names(tmp_path) == ["train_images", "train_images/old.jpg"]


@pytest.mark.parametrize("name", ["train.manifest", "train.classes"])
def test_files_that_are_there_already_are_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine\n")
    with pytest.raises(
        UserError, match=f"--output: expected a new file, got .*/{name}, which is there already; remove"
    ):
        write(tmp_path / "train.manifest")
    assert (names(tmp_path), (tmp_path / name).read_text()) == ([name], "mine\n")


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"--output: expected a file name that ends in \.manifest, got '.*train\.jsonl'"
    ):
        write(tmp_path / "train.jsonl")


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with write_manifest_files(tmp_path / "train.manifest", ["cat"]) as files:
            files.add(image("a.jpg"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == []
