"""Search for people: found at once, by the latest release, the best first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from packages import LAUNCH, stored, wheel

from backends.store import Store, words
from backends.store.bulk import Bulk
from backends.store.model import NewFile


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        stored(opened, wheel("Flask", "1.0", {"Summary": "A micro framework", "Author": "Ärmin"}))
        stored(opened, wheel("flask-login", "1.0", {"Summary": "Users of Flask", "Keywords": "session,cookie"}))
        stored(
            opened, wheel("django", "2.0", {"Summary": "Batteries", "Description": "Unlike flask it has everything"})
        )
        stored(opened, wheel("zope.interface", "5.0", {"Maintainer": "Jim"}))
        yield opened


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("flask", ["Flask", "flask-login", "django"]),
        ("FLASK", ["Flask", "flask-login", "django"]),
        ("flask log", ["flask-login"]),
        ("log flask", []),  # only the last word may be a beginning
        ("frameworks", ["Flask"]),
        ("armin", ["Flask"]),
        ("jim", ["zope.interface"]),
        ("zope.interface", ["zope.interface"]),
        ("cookie", ["flask-login"]),
        ("everything", ["django"]),
        ("", []),
        ('" OR 1', []),
        ("nothing at all", []),
    ],
)
def test_a_search_finds(store: Store, typed: str, found: list[str]) -> None:
    assert [hit.name for hit in store.find(typed, 10).hits] == found


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("fl", ["Flask", "flask-login"]),
        ("Zope_In", ["zope.interface"]),
        ("interf", ["zope.interface"]),
        ("login", ["flask-login"]),
        ("", []),
        ("'", []),
        ("*", []),
    ],
)
def test_names_are_completed(store: Store, typed: str, names: list[str]) -> None:
    assert store.complete(typed, 10) == names


def test_what_is_found_follows_each_change(store: Store) -> None:
    stored(store, wheel("django", "2.1", {"Summary": "With rockets"}))
    assert [(hit.version, hit.summary) for hit in store.find("rocket", 10).hits] == [("2.1", "With rockets")]
    assert store.find("batteries", 10).hits == []
    stored(store, wheel("django", "3.0b1", {"Summary": "Experimental"}))
    assert store.find("experimental", 10).hits == []  # a pre-release stands for nothing while there is another
    store.yank("django", "2.1", None, LAUNCH)
    assert [hit.version for hit in store.find("batteries", 10).hits] == ["2.0"]
    store.set_status("django", "quarantined", None, LAUNCH)
    assert store.find("django", 10).hits == []
    assert store.complete("djan", 10) == []
    store.set_status("django", "active", None, LAUNCH)
    assert [hit.name for hit in store.find("django", 10).hits] == ["django"]


def test_of_more_than_can_be_ranked_the_nearest_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MOST_RANKED", 40)
    count = 50
    told = {0: ("http-client", "x"), count // 2: ("requests", "an HTTP client"), count - 1: ("http.client2", "x")}
    with Store(tmp_path / "many") as store:
        with Bulk(store, with_files=False) as bulk:
            for number in range(count):
                name, summary = told.get(number, (f"p{number}", "x"))
                fields = {"name": name, "version": "1", "summary": summary, "description": "uses an http client"}
                bulk.add(NewFile(f"{name}-1.whl", "bdist_wheel", "py3", fields), str(number).encode(), LAUNCH)
                bulk.end_project(name)
        found = store.find("http client", 4)
        assert {hit.name for hit in found.hits[:2]} == {"http-client", "http.client2"}
        assert found.hits[2].name == "requests"
        assert found.more
        pages = [store.find("http client", 20, offset).hits for offset in range(0, found.count, 20)]
        names = [hit.name for page in pages for hit in page]
        assert len(names) == len(set(names)) == found.count


def test_pages_of_what_is_found_do_not_overlap(store: Store) -> None:
    pages = [store.find("flask", 2, offset) for offset in (0, 2, 4)]
    assert [[hit.name for hit in page.hits] for page in pages] == [["Flask", "flask-login"], ["django"], []]
    assert {page.count for page in pages} == {3}


def test_many_at_once_may_say_more_than_is_sqlites_longest_text(tmp_path: Path) -> None:
    with Store(tmp_path / "many") as store:
        store.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 200_000)
        with Bulk(store, with_files=False) as bulk:
            for number in range(30):
                fields = {
                    "name": f"p{number}",
                    "version": "1",
                    "description": f"all of them, {number}; " + "x" * 10_000,
                }
                bulk.add(NewFile(f"p{number}-1.whl", "bdist_wheel", "py3", fields), str(number).encode(), LAUNCH)
                bulk.end_project(f"p{number}")
        assert store.find("all of them", 50).count == 30
        assert [hit.name for hit in store.find("them 29", 5).hits] == ["p29"]
        assert store.unsearchable() == []
