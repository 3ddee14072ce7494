"""What a model's own description and its hyperparameters say of it, and what neither may say."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from gluon_ssd.description import Description, described, guessed
from gluon_ssd.errors import UserError

SAID = {"base_network": "resnet-50", "num_classes": "2", "image_shape": "300"}
WRITTEN = Description("resnet-50", 2, 300, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), class_names=("cat", "dog"))


def read(**changes: object) -> Description:
    content: dict[str, Any] = json.loads(json.dumps(asdict(WRITTEN) | changes))
    return described(content, "model.json")


@pytest.mark.parametrize(
    ("mean", "input_mean"),
    [
        ([118.0, 110.0, 101.0], (0, 0, 0)),
        ([40.0, 38.0, 31.0], (0, 0, 0)),
        ([30.0, 27.0, 26.0], (0, 0, 0)),
        ([30.0, 10.0, 8.0], (0, 0, 0)),
        ([10.0, 9.0, 11.0], (123, 117, 104)),
        ([24.0, 20.0, 3.0], (123, 117, 104)),
        ([2.1, -4.0, 3.3], (123, 117, 104)),
        ([-83.0, -79.0, -73.0], (123, 117, 104)),
    ],
)
def test_the_first_batch_norm_tells_whether_pixels_were_raw(mean: list[float], input_mean: tuple[int, ...]) -> None:
    assert guessed(SAID, mean, "hyperparams.json").input_mean == input_mean


def test_hyperparameters_are_read_as_a_job_reads_them() -> None:
    spelled = SAID | {"image_shape": " 300.0", "num_classes": "2e0", "nms_topk": "100.", "nms_threshold": "1"}
    description = guessed(spelled, None, "hyperparams.json")
    assert description == guessed(SAID | {"nms_topk": "100", "nms_threshold": "1.0"}, None, "hyperparams.json")
    assert (description.image_shape, description.num_classes, description.nms_topk) == (300, 2, 100)
    assert isinstance(description.image_shape, int)


def test_what_hyperparameters_leave_out_is_the_default() -> None:
    description = guessed(SAID | {"nms_threshold": " ", "nms_topk": ""}, None, "hyperparams.json")
    assert (description.nms_threshold, description.nms_topk) == (0.45, 400)


@pytest.mark.parametrize("value", ["", " ", None])
def test_hyperparameters_without_a_shape_are_refused(value: str | None) -> None:
    said = {name: text for name, text in (SAID | {"image_shape": value}).items() if text is not None}
    with pytest.raises(UserError, match=r"^model, hyperparams\.json: expected a value for 'image_shape', got none$"):
        guessed(said, None, "hyperparams.json")


NOT_HYPERPARAMETERS = [
    ("num_classes", "two"),
    ("num_classes", "0"),
    ("image_shape", "64.5"),
    ("image_shape", "1_000"),
    ("image_shape", "1e999"),
    ("nms_topk", "-1"),
    ("nms_threshold", "nan"),
    ("nms_threshold", "0"),
    ("nms_threshold", "1.1"),
    ("nms_threshold", "-0.5"),
]


@pytest.mark.parametrize(("name", "text"), NOT_HYPERPARAMETERS)
def test_hyperparameters_that_no_job_takes_are_refused(name: str, text: str) -> None:
    expected = "a number above 0 and at most 1" if name == "nms_threshold" else "an integer of at least 1"
    with pytest.raises(UserError, match=f"^model, hyperparams.json: {name}: expected {expected}, got '{text}'$"):
        guessed(SAID | {name: text}, None, "hyperparams.json")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("base_network", ["x"], "a name"),
        ("num_classes", True, "an integer of at least 1"),
        ("num_classes", 2.0, "an integer of at least 1"),
        ("image_shape", 0, "an integer of at least 1"),
        ("nms_topk", -1, "an integer of at least 1"),
        ("nms_threshold", 0, "a number above 0 and at most 1"),
        ("nms_threshold", 1.5, "a number above 0 and at most 1"),
        ("nms_threshold", float("nan"), "a number above 0 and at most 1"),
        ("nms_threshold", "0.5", "a number above 0 and at most 1"),
        ("input_mean", [1, 2], "three numbers"),
        ("input_mean", [1, 2, 10**400], "three numbers"),
        ("input_mean", [1, 2, float("nan")], "three numbers"),
        ("input_std", [1, 0, 1], "three numbers above 0"),
        ("input_std", "abc", "three numbers above 0"),
        ("class_names", "ab", "a list of names, or null"),
        ("class_names", [1, 2], "a list of names, or null"),
        ("class_names", ["a"], "2, as num_classes says"),
        ("versions", None, "versions by program"),
        ("versions", {"gluon_ssd": None}, "versions by program"),
    ],
)
def test_a_description_that_no_job_writes_is_refused(name: str, value: object, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        read(**{name: value})
    assert str(caught.value) == f"model, model.json: {name}: expected {expected}, got {value!r}"


def test_a_description_is_read_as_it_was_written() -> None:
    assert read() == WRITTEN
