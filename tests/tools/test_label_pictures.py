from pathlib import Path

import numpy as np
import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.tools.inspect import inspect, open_labels
from gluon_ssd.tools.label_pictures import draw_labels
from gluon_ssd.tools.picture import class_color
from opencv_pixels import decoded
from tools.labeled_files import Row, image, write_records

FINE, TINY, WHOLE = (0, 0.2, 0.2, 0.6, 0.6), (0, 0.5, 0.5, 0.505, 0.9), (1, 0, 0, 1, 1)


def drawn(folder: Path, boxes: list[list[Row]], *, count: int) -> list[str]:
    """Write records with such boxes, draw them, and return the pictures' names."""
    path = write_records(folder / "train.rec", [(image(), rows) for rows in boxes])
    source = open_labels(path)
    pictures = draw_labels(source, inspect("data", source).suspicions, folder / "pictures", count=count)
    assert sorted(pictures) == pictures == sorted((folder / "pictures").iterdir())
    return [picture.name for picture in pictures]


def test_suspicious_labels_come_first_and_in_turn_and_then_others_from_all_over(tmp_path: Path) -> None:
    other = [(1, 0.1, 0.1, 0.5 + number / 100, 0.5) for number in range(7)]
    boxes: list[list[Row]] = [[row] for row in other]
    boxes[3], boxes[4], boxes[5] = [FINE, TINY], [TINY, (1, 0.3, 0.3, 0.8, 0.8)], [WHOLE]
    assert drawn(tmp_path, boxes, count=5) == [
        "000_tiny_train.rec_record_3.png",
        "001_whole_image_train.rec_record_5.png",
        "002_tiny_train.rec_record_4.png",
        "003_plain_train.rec_record_0.png",
        "004_plain_train.rec_record_1.png",
    ]


def test_there_are_no_more_pictures_than_images(tmp_path: Path) -> None:
    assert len(drawn(tmp_path, [[FINE], [], [(0, 0.1, 0.1, 0.3, 0.3)]], count=50)) == 3


def test_a_picture_shows_the_boxes_in_the_colors_of_their_classes(tmp_path: Path) -> None:
    (name,) = drawn(tmp_path, [[(1, 0.2, 0.4, 0.6, 0.8)]], count=1)
    picture = decoded((tmp_path / "pictures" / name).read_bytes())
    assert picture.shape == (250, 500, 3)  # five times larger, that the label can be read
    color = class_color(1)[::-1]
    assert (picture[100:200, [100, 299]] == color).all()
    assert (picture[199, 100:300] == color).all()
    assert (np.abs(picture[105:195, 105:295].astype(int) - 90) < 8).all()


def test_images_that_cannot_be_decoded_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_records(tmp_path / "train.rec", [(b"broken", [FINE]), (image(), [FINE])])
    (picture,) = draw_labels(open_labels(path), [], tmp_path, count=5)
    assert picture.name == "000_plain_train.rec_record_1.png"
    assert "train channel, train.rec, record 0: skipped: expected a JPEG or PNG image" in caplog.text


def test_pictures_of_nothing_are_refused(tmp_path: Path) -> None:
    path = write_records(tmp_path / "train.rec", [(b"broken", [FINE])])
    with pytest.raises(UserError, match="expected images that can be decoded, got none"):
        draw_labels(open_labels(path), [], tmp_path, count=5)
