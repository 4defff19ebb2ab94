"""Entries of a HAR are found where JSON has them, whatever they hold, and any text comes to an end."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from replay.capture.har_entries import Entry, Nones, Torn, entries_in

TEXTS: Final = st.text(alphabet='ab"\\{}[],:\n é', max_size=12)
VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**6) | TEXTS | st.just("x" * 90),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
LONG: Final = st.dictionaries(TEXTS, VALUES, max_size=3).map(lambda each: each | {"a": {"b": [{"c": "y" * 90}]}})


@given(
    st.dictionaries(TEXTS, VALUES, max_size=3),
    st.lists(VALUES | LONG, max_size=12),
    st.sampled_from([None, 1]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")]),
)
def test_entries_are_those_that_json_has(
    before: dict[str, Any], entries: list[Any], indent: int | None, separators: tuple[str, str]
) -> None:
    before.pop("entries", None)
    text = json.dumps({"log": before | {"entries": entries}, "entries": [1]}, indent=indent, separators=separators)
    found = entries_in(text)
    assert found is not None
    at = 0
    for each in found:
        assert not isinstance(each, Torn)
        if isinstance(each, Nones):
            assert not any(is_one(entry) for entry in entries[at : at + each.count])
            at += each.count
        else:
            assert each.text is not None
            assert json.loads(each.text) == entries[at]
            at += 1
    assert at == len(entries)


def is_one(entry: Any) -> bool:
    """By its form alone."""
    return isinstance(entry, dict) and any(isinstance(each, dict) and each.get("b") for each in entry.values())


MARKS: Final = st.lists(
    st.sampled_from(["{", "}", "[", "]", '"', "\\", ",", ":", "0", " ", '"a"', "{}", '{"a":[']), max_size=40
)


@given(MARKS.map("".join), st.integers(0, 400))
def test_any_text_comes_to_an_end_and_what_stands_before_is_read(marks: str, cut: int) -> None:
    entry = json.dumps({"a": {"b": [{"c": "y" * 90}]}})
    text = f'{{"log":{{"entries":[{entry},{entry},{marks}]}}}}'
    for each in (text, text[:cut]):
        found = list(entries_in(each) or ())
        assert found[:2] == [Entry(entry), Entry(entry)] or len(each) < text.index(entry) + 2 * len(entry) + 1
        assert all(isinstance(one, Entry | Nones) for one in found[:-1])
