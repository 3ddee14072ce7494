from pathlib import Path

import numpy as np
import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.tools.predict import Prediction, find_images, picture_names

OBJECTS = np.array([[1, 0.75, 0.25, 0.5, 0.5, 1], [4, 0.5, 0, 0, 1, 0.25]], np.float32)


def prediction(objects: int = 2) -> Prediction:
    return Prediction(Path("a/b.jpg"), np.zeros((100, 200, 3), np.uint8), OBJECTS[:objects])


def test_the_table_has_boxes_in_pixels_and_ids_where_there_are_no_names() -> None:
    assert prediction().as_text(("cat", "dog")).splitlines() == [
        "a/b.jpg: 200 x 100, 2 objects",
        "  dog                  0.750    50.0    50.0   100.0   100.0",
        "  class 4              0.500     0.0     0.0   200.0    25.0",
    ]


def test_an_image_without_objects_has_a_line_too() -> None:
    assert prediction(0).as_text(None) == "a/b.jpg: 200 x 100, 0 objects"


def test_json_is_the_reply_of_the_built_in_and_the_path() -> None:
    assert prediction(1).as_json() == '{"image": "a/b.jpg", "prediction": [[1.0, 0.75, 0.25, 0.5, 0.5, 1.0]]}'


def test_folders_give_their_images_in_order_and_files_stand_for_themselves(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/c.png", "a/notes.txt", ".hidden.jpg", "z.jpeg"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).touch()
    (tmp_path / "odd").touch()
    found = find_images([tmp_path / "odd", tmp_path / "images"])
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "odd",
        "images/a/c.png",
        "images/b.JPG",
        "images/z.jpeg",
    ]


def test_nothing_and_a_folder_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"got nothing there$"):
        find_images([tmp_path / "nothing"])
    with pytest.raises(UserError, match=r"expected JPEG or PNG images, got a folder without any$"):
        find_images([tmp_path])


def test_pictures_of_images_with_one_name_have_names_of_their_own() -> None:
    images = [Path("a/x.jpg"), Path("b/x.png"), Path("x_2.jpg"), Path("a/x.jpg")]
    names = picture_names(images, Path("out"))
    assert [str(names[image]) for image in images] == ["out/x.png", "out/x_2.png", "out/x_2_2.png", "out/x.png"]


def test_a_picture_that_would_replace_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    with pytest.raises(UserError, match=r"^--draw .* expected a folder without the images, got one with .*x\.png$"):
        picture_names([tmp_path / "x.png"], tmp_path / "." / "sub" / "..")


def test_a_picture_that_is_there_already_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    with pytest.raises(UserError, match=r"^--draw: expected a new file, got .*x\.png, which is there already"):
        picture_names([Path("elsewhere/x.jpg")], tmp_path)
