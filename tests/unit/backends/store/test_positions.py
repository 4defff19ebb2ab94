"""Releases stand in the order in which searches tell them, wherever and however often one comes between two."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from packages import LAUNCH, stored, wheel

from backends.store import Store, positions
from backends.store.bulk import Bulk
from backends.store.checking import check
from backends.store.model import NewFile
from backends.store.substrings import brief_of
from backends.store.versions import version_key

RISING = tuple(f"p{number:02}" for number in range(30))
MIXED = tuple(random.Random(8).sample(RISING, len(RISING)))
VERSIONS = ("1", "3", "2", "10", "2.5", "2.4", "2.3", "2.2", "2.1", "0.9")


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little space that every few uploads some positions are to be spread anew."""
    for name, value in {"SPACE": 4, "_STEP": 2, "_LEAST_STEP": 2, "_FEWEST_SPREAD": 1}.items():
        monkeypatch.setattr(positions, name, value)


def told(store: Store, text: str) -> list[tuple[str, str, int]]:
    return [(brief.project, brief.version, brief.ordering) for brief in map(brief_of, store.search({"name": [text]}))]


@pytest.mark.parametrize("names", [RISING, RISING[::-1], MIXED], ids=["rising", "falling", "mixed"])
def test_projects_are_told_by_name_in_whatever_order_they_came(tmp_path: Path, names: Sequence[str]) -> None:
    with Store(tmp_path) as store:
        for name in names:
            stored(store, wheel(f"All-{name}", "1"))
            stored(store, wheel(f"all-{name}-x", "1"))
        everything = sorted((*(f"All-{name}" for name in names), *(f"all-{name}-x" for name in names)), key=str.lower)
        assert told(store, "all-p") == told(store, "a") == [(name, "1", 0) for name in everything]
        assert told(store, "p07") == [("All-p07", "1", 0), ("all-p07-x", "1", 0)]
        assert list(check(store)) == []


def test_releases_are_told_by_version_in_whatever_order_they_came(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for version in VERSIONS:
            for name in ("flask", "flasks"):
                stored(store, wheel(name, version))
        ordered = [(version, place) for place, version in enumerate(sorted(VERSIONS, key=version_key))]
        assert told(store, "flask") == [(name, *each) for name in ("flask", "flasks") for each in ordered]
        assert list(check(store)) == []


def test_many_at_once_find_their_places_among_those_that_are_there(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for name in MIXED[:10]:
            stored(store, wheel(name, "2"))
        with Bulk(store, with_files=False) as bulk:
            for name in MIXED:
                for version in ("1", "3"):
                    new = NewFile(f"{name}-{version}-py3-none-any.whl", "bdist_wheel", "py3", _named(name, version))
                    bulk.add(new, new.filename.encode(), LAUNCH)
                bulk.end_project(name)
        versions = {name: ("1", "2", "3") if name in MIXED[:10] else ("1", "3") for name in RISING}
        expected = [(name, version, at) for name in RISING for at, version in enumerate(versions[name])]
        assert told(store, "p") == expected
        assert told(store, "p12") == [each for each in expected if each[0] == "p12"]
        assert store.unsearchable() == []


def test_what_stands_in_another_place_than_it_is_told_in_is_noticed(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for name in ("a", "b"):
            stored(store, wheel(name, "1"))
        store.connection.execute("UPDATE brief SET sorted_name = 'c' WHERE sorted_name = 'a'")
        assert store.unsearchable() == ["position 8"]


def _named(name: str, version: str) -> dict[str, str]:
    return {"name": name, "version": version}
