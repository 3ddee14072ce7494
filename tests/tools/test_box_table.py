from pathlib import Path

import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DataSet
from gluon_ssd.tools.box_form import BoxForm
from gluon_ssd.tools.box_table import read_csv


def read(folder: Path, *lines: str, classes: list[str] | None = None) -> DataSet:
    source = folder / "boxes.csv"
    source.write_text("\n".join(lines) + "\n", "utf-8")
    return read_csv(source, None, classes=classes)


def test_rows_without_a_header_are_gathered_by_image(tmp_path: Path) -> None:
    data_set = read(tmp_path, "x/b.jpg,1,2,3,4,owl", "a.jpg, , , , ,", '"x/b.jpg",5,6.5,7,8,"big, ant"')
    assert data_set.class_names == ("big, ant", "owl")
    objects = (AnnotatedObject("line 1", "owl", (1, 2, 3, 4)), AnnotatedObject("line 3", "big, ant", (5, 6.5, 7, 8)))
    assert list(data_set.entries) == [
        AnnotatedImage("x/b.jpg", tmp_path / "x" / "b.jpg", "x/b.jpg", BoxForm.CORNERS, objects),
        AnnotatedImage("a.jpg", tmp_path / "a.jpg", "a.jpg", BoxForm.CORNERS, ()),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax",
        "\ufeffFilename,Width,Height,Class,XMin,YMin,XMax,YMax",
        "image_path,width,height,label,x1,y1,x2,y2",
        "path,width,height,name,left,top,right,bottom",
    ],
)
def test_a_header_names_the_columns(tmp_path: Path, header: str) -> None:
    data_set = read(tmp_path, header, "a.jpg,50,40,cat,1,2,3,4")
    objects = (AnnotatedObject("line 2", "cat", (1, 2, 3, 4)),)
    assert list(data_set.entries) == [
        AnnotatedImage("a.jpg", tmp_path / "a.jpg", "a.jpg", BoxForm.CORNERS, objects, (50, 40))
    ]


def test_a_column_may_say_what_is_difficult(tmp_path: Path) -> None:
    data_set = read(tmp_path, "image,xmin,ymin,xmax,ymax,class,difficult", "a.jpg,1,2,3,4,cat,1", "a.jpg,1,2,3,4,cat,0")
    assert [item.difficult for item in data_set.entries[0].read().objects] == [True, False]


def test_a_first_image_without_box_is_no_header(tmp_path: Path) -> None:
    assert [entry.where for entry in read(tmp_path, "a.jpg,,,,,", "b.jpg,1,2,3,4,cat").entries] == ["a.jpg", "b.jpg"]


def test_rows_that_are_no_object_of_an_image_are_told(tmp_path: Path) -> None:
    data_set = read(tmp_path, "a.jpg,1,2,3,4,cat", ",1,2,3,4,cat", "a.jpg,1,2,,4,cat", "a.jpg,1,2,3,4,")
    assert data_set.notes == ("boxes.csv, line 2: dropped: row without an image",)
    assert data_set.dropped_objects == 1
    assert data_set.entries[0].read().objects[1:] == (
        AnnotatedObject("line 3", "cat", None),
        AnnotatedObject("line 4", "", (1, 2, 3, 4)),
    )


def test_paths_outside_of_the_folder_get_names_inside_of_one(tmp_path: Path) -> None:
    data_set = read(tmp_path, f"{tmp_path}/x/a.jpg,1,2,3,4,cat", "../b.jpg,1,2,3,4,cat", "/elsewhere/c.jpg,1,2,3,4,cat")
    assert [entry.read().name for entry in data_set.entries] == ["x/a.jpg", "b.jpg", "elsewhere/c.jpg"]
    paths = [str(entry.read().path) for entry in data_set.entries]
    assert paths == [f"{tmp_path}/x/a.jpg", f"{tmp_path}/../b.jpg", "/elsewhere/c.jpg"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([""], r"source: expected a row for each box in .*boxes\.csv, got none"),
        (["image,xmin,ymin,xmax,ymax,class"], r"source: expected a row for each box in .*boxes\.csv, got none"),
        (
            ["a.jpg;1;2;3;4;cat"],
            (
                "expected path,xmin,ymin,xmax,ymax,class or a header .* got no column 'image' in "
                "'a.jpg;1;2;3;4;cat', whose values seem to be separated by semicolons; separate them by commas"
            ),
        ),
        (
            ["filename,xmin,ymin,xmax,class", "a.jpg,1,2,3,cat"],
            "boxes.csv, line 1: .* got no column 'ymax' in 'filename,",
        ),
        (["a.jpg,1,2,3,4,cat", "b.jpg,1,2"], "boxes.csv, line 2: expected at least 6 values, got 3"),
        (['a.jpg,1,2,3,4,"cat'], "boxes.csv, line 1: expected values between commas, got: unexpected end of data"),
        (
            ["a.jpg,0.1,0.2,0.3,1.0,cat"],
            "expected box corners in pixels in .*, got none beyond 1; they look like fractions",
        ),
    ],
)
def test_tables_of_another_kind_are_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, *lines)


def test_files_and_folders_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"source: expected a CSV file, got .*none\.csv: .*No such file"):
        read_csv(tmp_path / "none.csv", None, classes=None)
    (tmp_path / "photo.csv").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UserError, match=r"source: expected a CSV file, got .*photo\.csv: 'utf-8' codec"):
        read_csv(tmp_path / "photo.csv", None, classes=None)
    with pytest.raises(UserError, match=r"--images: expected the folder of the images, got '.*nowhere', which is none"):
        read_csv(tmp_path / "photo.csv", tmp_path / "nowhere", classes=None)
