"""What kind of data files are, told from their names alone."""

import pytest

from gluon_ssd.sagemaker.content_type import of_files


@pytest.mark.parametrize(
    ("files", "annotated", "expected"),
    [
        (["a.jpg", "b.manifest", "C.REC"], False, "application/x-recordio"),
        (["a.jpg", "B.Manifest"], False, "application/jsonlines"),
        (["a.jpg", "b.manifest"], True, "application/x-image"),
        (["b.manifest"], True, "application/jsonlines"),
        (["x/a.PNG", "train.classes"], False, "application/x-image"),
        (["notes.txt", "rec"], False, None),
    ],
)
def test_records_come_before_manifests_and_these_before_images(
    files: list[str], expected: str | None, *, annotated: bool
) -> None:
    assert of_files(files, annotated=annotated) == expected


def test_no_more_files_are_listed_than_it_takes() -> None:
    files = iter(["a.jpg", "b.rec", "c.rec"])
    of_files(files)
    assert list(files) == ["c.rec"]
