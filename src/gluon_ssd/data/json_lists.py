"""The lists in a large JSON object, element by element, so that neither they nor its text are in memory as a whole."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

_BLANKS = re.compile(r"[ \t\n\r]*")
_CHUNK = 1 << 20  # characters
_decode = json.JSONDecoder().raw_decode


class JsonError(ValueError):
    """Text that is not JSON, or no object; the message says what is wrong with it, and where."""


def elements(stream: TextIO, chunk: int = _CHUNK) -> Iterator[tuple[str, Any]]:
    """Yield the name of a list and one of its elements, for all lists that are members of the object in a stream.

    The stream is read by so many characters at a time; it leaves the ends of lines as they are.

    Raises JsonError where the text is not JSON, or no object, and RecursionError where it nests too deep.
    """
    text = _Text(stream, chunk)
    text.skip("{")
    more = not text.is_at("}")
    while more:
        name = text.name()
        text.skip(":")
        if text.is_at("["):
            text.skip("[")
            more = not text.is_at("]")
            while more:
                yield name, text.value()
                more = not text.is_at("]")
                if more:
                    text.skip(",")
            text.skip("]")
        else:
            text.value()
        more = not text.is_at("}")
        if more:
            text.skip(",")
    text.skip("}")
    if not text.is_at(""):
        raise text.error("Extra data")


class _Text:
    """The part of a stream that has been read, but not taken yet."""

    def __init__(self, stream: TextIO, chunk: int) -> None:
        self._stream = stream
        self._chunk = chunk
        self._text, self._position, self._ended = "", 0, False
        # What lies before the text: characters, line ends, and characters behind the last of these.
        self._taken, self._lines, self._column = 0, 0, 0

    def is_at(self, sign: str) -> bool:
        """Whether, blanks aside, the text goes on with a sign; with none where `sign` is empty."""
        while True:
            match = _BLANKS.match(self._text, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._text) or self._ended:
                return self._text[self._position : self._position + 1] == sign
            self._read()

    def skip(self, sign: str) -> None:
        """Go on behind a sign that has to be there."""
        if not self.is_at(sign):
            raise self.error(f"Expecting '{sign}'")
        self._position += 1

    def name(self) -> str:
        """Take the name of a member."""
        if not self.is_at('"'):
            raise self.error("Expecting property name enclosed in double quotes")
        name: str = self.value()
        return name

    def value(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Take a value."""
        self.is_at("")
        while True:
            try:
                value, end = _decode(self._text, self._position)
            except json.JSONDecodeError as error:
                if self._ended:
                    raise self.error(error.msg, error.pos) from error
            else:
                # "1e+" is the number 1 as long as nothing follows.
                if end + 2 < len(self._text) or self._ended:
                    self._position = end
                    return value
            self._read()

    def error(self, message: str, position: int | None = None) -> JsonError:
        """Return an error at a position of the text, or where it goes on."""
        position = self._position if position is None else position
        lines, column = self._place(position)
        place = f"line {lines + 1} column {column + 1} (char {self._taken + position})"
        return JsonError(f"{message}: {place}")

    def _read(self) -> None:
        """Forget what has been taken, and read as much as is left, which makes few steps of a long value."""
        self._lines, self._column = self._place(self._position)
        self._taken += self._position
        rest = self._text[self._position :]
        added = self._stream.read(max(self._chunk, len(rest)))
        self._text, self._position, self._ended = rest + added, 0, not added

    def _place(self, position: int) -> tuple[int, int]:
        """Return how many lines end before a position, and how many characters of its own line are there."""
        lines = self._text.count("\n", 0, position)
        if not lines:
            return self._lines, self._column + position
        return self._lines + lines, position - self._text.rfind("\n", 0, position) - 1
