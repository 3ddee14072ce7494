from pathlib import Path

import pytest

from gluon_ssd.tools.image_names import name_within


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("x/./y//a.jpg", "x/y/a.jpg"),
        ("../z/a.jpg", "z/a.jpg"),
        ("/photographs/x/a.jpg", "x/a.jpg"),
        ("/elsewhere/a.jpg", "elsewhere/a.jpg"),
    ],
)
def test_a_name_lies_within_the_folder(written: str, name: str) -> None:
    assert name_within(Path("/photographs"), written) == name
