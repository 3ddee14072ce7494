import json
from pathlib import Path

import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.tools.json_report import expect_report, write_report


def test_a_report_is_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    expect_report(path)
    write_report({"mAP": 0.5}, path)
    assert json.loads(path.read_text()) == {"mAP": 0.5}


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "images.rec"
    path.write_bytes(b"images")
    for refuse in (expect_report, lambda given: write_report({}, given)):
        with pytest.raises(UserError, match=r"^--json: expected a new file, got .*images\.rec, which is there already"):
            refuse(path)
    assert path.read_bytes() == b"images"


def test_a_folder_that_is_not_there_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--json .*r\.json: expected a file in a folder that is there, got .*none, "):
        expect_report(tmp_path / "none" / "r.json")


def test_without_a_report_there_is_nothing_to_expect() -> None:
    expect_report(None)
