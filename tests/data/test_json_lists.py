"""Lists in JSON, element by element: those that the json module reads, however little text is held at once."""

import io
import json

import pytest

from gluon_ssd.data.json_lists import JsonError, elements

WHOLE = """
{"info": {"lists": [1, [2]]}, "one" : [ {"a": "]"}, [], -1.5e+3, 12, "x\\"y", null, 1.25 ] ,
 "none": [], "number": 1e-2, "two\\n": [[{}], true]}  """


def _read(text: str, chunk: int) -> list[tuple[str, object]]:
    return list(elements(io.StringIO(text, newline=""), chunk))


@pytest.mark.parametrize("chunk", [*range(1, 12), 1000])
def test_all_lists_are_read_whatever_is_read_at_once(chunk: int) -> None:
    expected = [(name, item) for name, value in json.loads(WHOLE).items() if isinstance(value, list) for item in value]
    assert len(expected) == 9
    assert _read(WHOLE, chunk) == expected


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting '{': line 1 column 1 (char 0)"),
        ("[1]", "Expecting '{': line 1 column 1 (char 0)"),
        ('{"a": [1', "Expecting ',': line 1 column 9 (char 8)"),
        ('{"a": [1,]}', "Expecting value: line 1 column 10 (char 9)"),
        ('{"a": [1,\n2,\n {"b": x}]}', "Expecting value: line 3 column 8 (char 20)"),
        ('{"a": [1],\n b: 2}', "Expecting property name enclosed in double quotes: line 2 column 2 (char 12)"),
        ('{"a": [1]}\n\n {', "Extra data: line 3 column 2 (char 13)"),
        ('{"a" [1]}', "Expecting ':': line 1 column 6 (char 5)"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, message: str, chunk: int) -> None:
    with pytest.raises(JsonError) as caught:
        _read(text, chunk)
    assert str(caught.value) == message


def test_a_stream_is_read_no_further_than_its_elements_need() -> None:
    stream = io.StringIO(json.dumps({"a": list(range(100_000))}))
    name, first = next(elements(stream, 100))
    assert (name, first) == ("a", 0)
    assert stream.tell() <= 200
