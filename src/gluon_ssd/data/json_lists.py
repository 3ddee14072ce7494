"""The lists in a large JSON object, element by element, so that they never are in memory as a whole."""

import json
import re
from collections.abc import Iterator
from typing import Any

_BLANKS = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


def elements(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of a list and one of its elements, for all lists that are members of the object in `text`.

    Raises json.JSONDecodeError where the text is not JSON, or no object, and RecursionError where it nests too deep.
    """
    position = _skip(text, 0, "{")
    more = not _at(text, position, "}")
    while more:
        name, position = _name(text, position)
        position = _skip(text, position, ":")
        if _at(text, position, "["):
            position = _blanks(text, position + 1)
            while not _at(text, position, "]"):
                element, position = _value(text, position)
                yield name, element
                position = _blanks(text, position)
                if not _at(text, position, "]"):
                    position = _skip(text, position, ",")
            position += 1
        else:
            _, position = _value(text, position)
        position = _blanks(text, position)
        more = not _at(text, position, "}")
        if more:
            position = _skip(text, position, ",")
    end = _blanks(text, position + 1)
    if end < len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _name(text: str, position: int) -> tuple[str, int]:
    if not _at(text, position, '"'):
        raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, position)
    return _decode(text, position)


def _value(text: str, position: int) -> tuple[Any, int]:
    return _decode(text, position)


def _skip(text: str, position: int, sign: str) -> int:
    """Return the position of what comes after a sign that has to be there."""
    position = _blanks(text, position)
    if not _at(text, position, sign):
        raise json.JSONDecodeError(f"Expecting '{sign}'", text, position)
    return _blanks(text, position + 1)


def _blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _at(text: str, position: int, sign: str) -> bool:
    return text[position : position + 1] == sign
