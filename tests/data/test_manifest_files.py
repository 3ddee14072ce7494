import pytest

from gluon_ssd.data.manifest_files import LinePlaces


def test_places_are_words_made_of_a_file_and_a_line() -> None:
    places = LinePlaces()
    for file, lines in (("a.manifest", [1, 3]), ("b.jsonl", []), ("c.jsonl", [2_000_000_000])):
        places.files.append(file)
        for line in lines:
            places.add(line)
    assert list(places) == ["a.manifest, line 1", "a.manifest, line 3", "c.jsonl, line 2000000000"]
    assert (len(places), places[-1]) == (3, "c.jsonl, line 2000000000")
    assert places[1:5] == ["a.manifest, line 3", "c.jsonl, line 2000000000"]
    with pytest.raises(IndexError):
        places[3]
