"""The kinds of hyperparameters: each turns the text that SageMaker sends into a typed value."""

import dataclasses
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal, cast

from gluon_ssd.sagemaker import mpi_options

# ASCII digits with a point and an exponent: float() alone would also take nan, inf and 1_000.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DIGITS = re.compile(r"[+-]?\d+", re.ASCII)
_LONGEST_SHOWN = 100
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_USUAL_BOOLEANS = ("true", "false", "True", "False", "1", "0")


@dataclass(frozen=True)
class Domain:
    """What a hyperparameter may hold, as far as SageMaker has words for it: its kind, both ends or the words.

    There are no ends where one of them is missing, and neither ends nor words for free text.
    """

    kind: Literal["Integer", "Continuous", "Categorical", "FreeText"]
    ends: tuple[int, int] | tuple[float, float] | None = None
    words: tuple[str, ...] = ()


FREE_TEXT = Domain("FreeText")


@dataclass(frozen=True)
class Rule:
    """What one hyperparameter may hold.

    Attributes:
        convert: turns stripped text into the value; raises ValueError, with more about the mistake or with nothing.
        expected: what `convert` takes, in words that follow "expected".
        default: the text that stands for a missing value; None if there must be one.
        meaning: one line for the table of hyperparameters; empty for a name that is accepted and does nothing.
        extension: whether the built-in algorithm lacks it.
        domain: what `convert` takes, for programs.
    """

    convert: Callable[[str], object]
    expected: str
    default: str | None
    meaning: str
    extension: bool = False
    domain: Domain = FREE_TEXT

    def value(self, text: str) -> object:
        """Return the value of `text`, of the default if it is blank; raise ValueError `expected X, got Y`."""
        stripped = text.strip() or self.default
        if stripped is None:
            raise ValueError(f"expected {self.expected}, got nothing (required)")
        try:
            return self.convert(stripped)
        except ValueError as error:
            reason = f" ({error})" if str(error) else ""
            # The failure message has room for 1,024 characters, which other mistakes need too.
            got = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
            raise ValueError(f"expected {self.expected}, got {got!r}{reason}") from error


def integer(
    least: int,
    most: int | None = None,
    *,
    default: str | None = None,
    meaning: str,
    extension: bool = False,
    expected: str = "",
) -> int:
    """Declare an integer in [least, most]; `expected` says it better where the least depends on something else."""
    expected = expected or (f"an integer of at least {least}" if most is None else f"an integer from {least} to {most}")
    convert = partial(_integer, least=least, most=most)
    domain = Domain("Integer", None if most is None else (least, most))
    return cast("int", _declare(Rule(convert, expected, default, meaning, extension, domain)))


def integer_or_auto(least: int, *, meaning: str, extension: bool = False) -> int | None:
    """Declare an integer that is None where it reads `auto`, the default."""
    convert = partial(_integer_or_auto, least=least)
    expected = f"auto or an integer of at least {least}"
    return cast("int | None", _declare(Rule(convert, expected, "auto", meaning, extension)))


def real(interval: str, *, default: str, meaning: str) -> float:
    """Declare a number in an interval written as in mathematics: `(0, 1]` leaves out 0 and takes 1."""
    low, high = (float(end) for end in interval[1:-1].split(","))
    least = low if interval[0] == "[" else math.nextafter(low, high)
    most = high if interval[-1] == "]" else math.nextafter(high, low)
    convert = partial(_real, least=least, most=most)
    domain = Domain("Continuous", (least, most))
    return cast("float", _declare(Rule(convert, f"a number in {interval}", default, meaning, domain=domain)))


def one_of(*choices: str, default: str, meaning: str, extension: bool = False) -> str:
    """Declare one of a few words."""
    expected = f"{', '.join(choices[:-1])} or {choices[-1]}"
    convert, domain = partial(_one_of, choices=choices), Domain("Categorical", words=choices)
    return cast("str", _declare(Rule(convert, expected, default, meaning, extension, domain)))


def boolean(*, default: str, meaning: str, extension: bool = False) -> bool:
    """Declare a truth value, in the spellings of Python, JSON, the SageMaker console and the developer guide."""
    domain = Domain("Categorical", words=_USUAL_BOOLEANS)
    return cast("bool", _declare(Rule(_boolean, "true, false, 1 or 0", default, meaning, extension, domain)))


def increasing_integers(least: int, *, default: str, meaning: str) -> tuple[int, ...]:
    """Declare integers such as `3, 6`, each larger than the one before."""
    expected = f"integers of at least {least}, separated by commas and increasing"
    convert = partial(_increasing_integers, least=least)
    return cast("tuple[int, ...]", _declare(Rule(convert, expected, default, meaning)))


def pattern(*, default: str, meaning: str) -> str:
    """Declare a regular expression that is empty where it reads `false`, as the SageMaker console sends it."""
    return cast("str", _declare(Rule(_pattern, "a regular expression", default, meaning)))


def any_text(expected: str, *, default: str, meaning: str, extension: bool = False) -> str:
    """Declare whatever is written."""
    return cast("str", _declare(Rule(str, expected, default, meaning, extension)))


def options_of_mpirun(*, meaning: str) -> tuple[str, ...]:
    """Declare words of a command that starts processes by MPI, none by default."""
    return cast("tuple[str, ...]", _declare(Rule(mpi_options.parse, "options of mpirun", "", meaning, extension=True)))


def inert(default: str) -> str:
    """Declare a name that the built-in's machinery reads and that does nothing here."""
    return cast("str", _declare(Rule(str, "a string", default, "")))


def _declare(rule: Rule) -> object:
    return dataclasses.field(metadata={"rule": rule})


def _integer(text: str, least: int, most: int | None = None) -> int:
    number = int(text) if _DIGITS.fullmatch(text) else _number(text)
    # 32.0 is what a tuning job or a spreadsheet makes of 32.
    if number != number // 1 or number < least or (most is not None and number > most):
        raise ValueError
    return int(number)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _integer_or_auto(text: str, least: int) -> int | None:
    return None if text.lower() == "auto" else _integer(text, least)


def _real(text: str, least: float, most: float) -> float:
    number = _number(text)
    if not least <= number <= most:
        raise ValueError
    return number


def _one_of(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError
    return text


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text.lower()]


def _increasing_integers(text: str, least: int) -> tuple[int, ...]:
    numbers = tuple(_integer(part.strip(), least) for part in text.split(",") if part.strip())
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise ValueError
    return numbers


def _pattern(text: str) -> str:
    if text.lower() == "false":
        return ""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(str(error)) from error
    return text
