"""Which labels a model may be scored on: those whose class ids mean its classes."""

import json
from pathlib import Path

import numpy as np
import pytest

from contract.job import Job, picture
from gluon_ssd.data.class_names import write_class_names
from gluon_ssd.data.recordio import pack
from gluon_ssd.description import Description
from gluon_ssd.errors import UserError
from gluon_ssd.tools.labeled_data import open_labeled

RED_AND_BLUE = Description("resnet-50", 2, 64, (0.0, 0.0, 0.0), class_names=("red", "blue"))
NAMELESS = Description("resnet-50", 2, 64, (0.0, 0.0, 0.0))


def images(folder: Path) -> Path:
    """A folder of two images, an object of class 0 and one of class 1, with annotations beside it that name both."""
    Job(folder).write_images("photos", [picture(0, 0), picture(1, 1)])
    return folder / "input" / "data" / "photos"


def class_ids(path: Path, annotations: Path | None, model: Description) -> list[list[float]]:
    with open_labeled(path, annotations, model) as data:
        return [data[index].objects[:, 0].tolist() for index in range(len(data))]


def test_images_take_the_annotations_beside_them_or_those_that_are_named(tmp_path: Path) -> None:
    path = images(tmp_path)
    assert class_ids(path, None, RED_AND_BLUE) == [[0], [1]]
    beside = path.with_name("photos_annotation").rename(tmp_path / "labels")
    assert class_ids(path, beside, RED_AND_BLUE) == [[0], [1]]
    with pytest.raises(UserError, match=r"name their folder with --annotations$"):
        class_ids(path, None, RED_AND_BLUE)


def test_one_record_file_of_a_folder_counts_alone(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.write_records("some", [pack(picture(0, 0), 0)], "a.rec")
    path = job.write_records("some", [pack(picture(1, 1), 0)], "b.rec")
    assert class_ids(path, None, NAMELESS) == [[1]]
    assert class_ids(path.parent, None, NAMELESS) == [[0], [1]]


def test_a_manifest_is_read(tmp_path: Path) -> None:
    (tmp_path / "0.jpg").write_bytes(picture(0, 1).image)
    line = {
        "source-ref": "0.jpg",
        "boxes": {
            "image_size": [{"width": 80, "height": 60, "depth": 3}],
            "annotations": [{"class_id": 1, "left": 10, "top": 10, "width": 20, "height": 20}],
        },
    }
    (tmp_path / "m.manifest").write_text(json.dumps(line))
    assert class_ids(tmp_path / "m.manifest", None, RED_AND_BLUE) == [[1]]


def test_voc_names_become_the_ids_that_the_model_gives_them(tmp_path: Path) -> None:
    path = tmp_path / "photos"
    for number, name in enumerate(("red", "blue")):
        voc = (
            "<annotation><size><width>80</width><height>60</height></size><object>"
            f"<name>{name}</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
            "</object></annotation>"
        )
        for file, content in ((path / f"{number}.jpg", picture(0, 0).image), (tmp_path / f"labels/{number}.xml", voc)):
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert class_ids(path, tmp_path / "labels", RED_AND_BLUE) == [[0], [1]]
    with pytest.raises(UserError, match=r"^photos: expected class ids, got names alone, and the model has none; list"):
        class_ids(path, tmp_path / "labels", NAMELESS)


def test_listed_names_in_another_order_are_refused(tmp_path: Path) -> None:
    path = Job(tmp_path).write_records("some", [pack(picture(0, 0), 0)])
    write_class_names(path.with_suffix(".classes"), ["blue", "red"])
    with pytest.raises(UserError, match="expected those of the model, red, blue, got blue, red; their ids would mean"):
        class_ids(path, None, RED_AND_BLUE)
    assert class_ids(path, None, NAMELESS) == [[0]]


def test_names_that_annotations_tell_are_a_warning_where_they_differ(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Description("resnet-50", 2, 64, (0.0, 0.0, 0.0), class_names=("scarlet", "blue"))
    assert class_ids(images(tmp_path), None, other) == [[0], [1]]
    assert (
        "photos: class names: expected those of the model, scarlet, blue, got red, blue; class ids stay" in caplog.text
    )


@pytest.mark.parametrize("name", ["nothing.rec", "notes.txt"])
def test_what_holds_no_labels_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UserError, match=r"expected a \.rec or \.manifest file, or a folder of either or of images"):
        class_ids(tmp_path / name, None, NAMELESS)


def test_a_channel_without_objects_is_refused(tmp_path: Path) -> None:
    sample = picture(0, 0)
    empty = type(sample)(sample.image, np.zeros((0, 6), np.float32))
    path = Job(tmp_path).write_records("some", [pack(empty, 0)])
    with pytest.raises(UserError, match="object"):
        class_ids(path, None, NAMELESS)
