"""The old site's search: substrings, alternatives within a field, one operator between fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from packages import stored, wheel

from backends.store import Store
from backends.store.substrings import Operator


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(Path(tmp_path_factory.mktemp("store"))) as opened:
        stored(opened, wheel("Flask", "1.0", {"Summary": "A micro framework", "Author": "Ärmin"}))
        stored(opened, wheel("Flask", "1.1", {"Summary": "100% framework", "Keywords": "web,wsgi"}))
        stored(opened, wheel("django", "2.0", {"Summary": "Batteries", "Platform": ["any", "linux"]}))
        yield opened


@pytest.mark.parametrize(
    ("wanted", "operator", "found"),
    [
        ({"name": ["flask"]}, "and", ["Flask 1.0", "Flask 1.1"]),
        ({"name": ["LAS", "jang"]}, "and", ["django 2.0", "Flask 1.0", "Flask 1.1"]),
        ({"name": ["flask"], "summary": ["micro"]}, "and", ["Flask 1.0"]),
        ({"name": ["django"], "summary": ["micro"]}, "and", []),
        ({"name": ["django"], "summary": ["micro"]}, "or", ["django 2.0", "Flask 1.0"]),
        ({"author": ["ärm"]}, "and", ["Flask 1.0"]),
        ({"keywords": ["wsg"]}, "and", ["Flask 1.1"]),
        ({"platform": ["linux"]}, "and", ["django 2.0"]),
        ({"summary": ["0%"]}, "and", ["Flask 1.1"]),
        ({"summary": ["%"], "version": ["_"]}, "or", ["Flask 1.1"]),
        ({"name": []}, "and", []),
        ({"unheard_of": ["x"]}, "and", ["django 2.0", "Flask 1.0", "Flask 1.1"]),
        ({"unheard_of": ["x"], "version": ["2"]}, "and", ["django 2.0"]),
        ({"name'; --": ["x"], "version": ["2"]}, "and", ["django 2.0"]),
    ],
)
def test_a_search_finds(
    store: Store, wanted: Mapping[str, Sequence[str]], operator: Operator, found: list[str]
) -> None:
    releases = store.search(wanted, operator)
    assert [f"{release.project} {release.version}" for release in releases] == found
