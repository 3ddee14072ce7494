import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import pytest

from gluon_ssd.sagemaker.rules import (
    Rule,
    boolean,
    increasing_integers,
    inert,
    integer,
    integer_or_auto,
    one_of,
    pattern,
    real,
)


@dataclass(kw_only=True)
class Table:
    count: int = integer(1, meaning="a count")
    limited: int = integer(0, 7, default="3", meaning="a small count")
    side: int = integer(64, default="300", meaning="a side", expected="a side that fits")
    workers: int | None = integer_or_auto(0, meaning="processes", extension=True)
    open_interval: float = real("(0, 1)", default="0.5", meaning="ends left out")
    closed_interval: float = real("[0, 1]", default="0.5", meaning="ends taken")
    word: str = one_of("red", "green", "blue", default="red", meaning="a color")
    switch: bool = boolean(default="False", meaning="a switch")
    steps: tuple[int, ...] = increasing_integers(1, default="", meaning="steps")
    names: str = pattern(default="", meaning="names")
    unused: str = inert("auto")


RULES = {field.name: cast("Rule", field.metadata["rule"]) for field in dataclasses.fields(Table)}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "32", 32),
        ("count", " 32\n", 32),
        ("count", "32.0", 32),
        ("count", "3.2e1", 32),
        ("count", "+7", 7),
        ("count", "12345678901234567890123", 12345678901234567890123),
        ("limited", "0", 0),
        ("limited", "7", 7),
        ("workers", "auto", None),
        ("workers", "AUTO", None),
        ("workers", "0", 0),
        ("workers", "4", 4),
        ("open_interval", "5.3e-05", 0.000053),
        ("open_interval", ".5", 0.5),
        ("open_interval", "0.999", 0.999),
        ("closed_interval", "0", 0.0),
        ("closed_interval", "1", 1.0),
        ("word", "green", "green"),
        ("word", " blue ", "blue"),
        ("steps", "3, 6", (3, 6)),
        ("steps", "3,6,", (3, 6)),
        ("steps", "10.0", (10,)),
        ("names", "^(conv1_|conv2_).*", "^(conv1_|conv2_).*"),
        ("names", "false", ""),
        ("names", "False", ""),
        ("unused", "anything", "anything"),
    ],
)
def test_text_becomes_a_value(name: str, text: str, value: object) -> None:
    result = RULES[name].value(text)

    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1"])
def test_every_spelling_of_true_counts(text: str) -> None:
    assert RULES["switch"].value(text) is True


@pytest.mark.parametrize("text", ["false", "False", "FALSE", "0", ""])
def test_every_spelling_of_false_counts(text: str) -> None:
    assert RULES["switch"].value(text) is False


@pytest.mark.parametrize(
    ("name", "value"), [("limited", 3), ("workers", None), ("word", "red"), ("steps", ()), ("names", "")]
)
def test_blank_text_stands_for_the_default(name: str, value: object) -> None:
    assert RULES[name].value("  ") == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("count", "", "expected an integer of at least 1, got nothing (required)"),
        ("count", "two", "expected an integer of at least 1, got 'two'"),
        ("count", "0", "expected an integer of at least 1, got '0'"),
        ("count", "2.5", "expected an integer of at least 1, got '2.5'"),
        ("count", "nan", "expected an integer of at least 1, got 'nan'"),
        ("count", "1e999", "expected an integer of at least 1, got '1e999'"),
        ("count", "1_000", "expected an integer of at least 1, got '1_000'"),
        ("count", "+-5", "expected an integer of at least 1, got '+-5'"),
        ("limited", "8", "expected an integer from 0 to 7, got '8'"),
        ("limited", "-1", "expected an integer from 0 to 7, got '-1'"),
        ("side", "63", "expected a side that fits, got '63'"),
        ("workers", "many", "expected auto or an integer of at least 0, got 'many'"),
        ("workers", "-1", "expected auto or an integer of at least 0, got '-1'"),
        ("open_interval", "0", "expected a number in (0, 1), got '0'"),
        ("open_interval", "1.0", "expected a number in (0, 1), got '1.0'"),
        ("open_interval", "inf", "expected a number in (0, 1), got 'inf'"),
        ("closed_interval", "nan", "expected a number in [0, 1], got 'nan'"),
        ("closed_interval", "1.0001", "expected a number in [0, 1], got '1.0001'"),
        ("closed_interval", "-0.1", "expected a number in [0, 1], got '-0.1'"),
        ("word", "Red", "expected red, green or blue, got 'Red'"),
        ("switch", "yes", "expected true, false, 1 or 0, got 'yes'"),
        ("steps", "6, 3", "expected integers of at least 1, separated by commas and increasing, got '6, 3'"),
        ("steps", "3, 3", "expected integers of at least 1, separated by commas and increasing, got '3, 3'"),
        ("steps", "0, 3", "expected integers of at least 1, separated by commas and increasing, got '0, 3'"),
        ("steps", "3; 6", "expected integers of at least 1, separated by commas and increasing, got '3; 6'"),
        (
            "names",
            "(conv",
            "expected a regular expression, got '(conv' (missing ), unterminated subpattern at position 0)",
        ),
    ],
)
def test_text_out_of_range_is_refused_in_words(name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^expected ") as caught:
        RULES[name].value(text)

    assert str(caught.value) == message


def test_a_very_long_value_is_shown_in_part() -> None:
    with pytest.raises(ValueError, match=r"^expected ") as caught:
        RULES["word"].value("x" * 2500)

    assert str(caught.value) == f"expected red, green or blue, got '{'x' * 100}...'"


@pytest.mark.parametrize(
    ("name", "inside"),
    [("open_interval", lambda number: 0 < number < 1), ("closed_interval", lambda number: 0 <= number <= 1)],
)
def test_intervals_agree_with_exact_arithmetic(name: str, inside: Callable[[Fraction], bool]) -> None:
    for number in [Fraction(step, 8) for step in range(-8, 17)]:
        text = str(float(number))
        if inside(number):
            assert RULES[name].value(text) == float(number)
        else:
            with pytest.raises(ValueError, match=r"^expected a number in"):
                RULES[name].value(text)


def test_a_name_that_does_nothing_has_no_meaning() -> None:
    assert [name for name, rule in RULES.items() if not rule.meaning] == ["unused"]
    assert [name for name, rule in RULES.items() if rule.extension] == ["workers"]
