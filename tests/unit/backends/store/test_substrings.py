"""The old site's search: substrings, alternatives within a field, one operator between fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from packages import LAUNCH, stored, wheel

from backends.store import Store, substrings
from backends.store.bulk import Bulk
from backends.store.model import Brief, NewFile
from backends.store.substrings import Operator, brief_of


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
    briefs = map(brief_of, store.search(wanted, operator))
    assert [f"{brief.project} {brief.version}" for brief in briefs] == found


def test_what_is_told_is_in_the_order_of_names_and_versions(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as opened:
        for name, version in (("zope.interface", "1"), ("a-z", "10"), ("A", "1.10"), ("a-z", "9"), ("A", "1.9")):
            stored(opened, wheel(name, version, {"Summary": "at \x1f all"}))
        told = [brief_of(line) for line in opened.search({})]
    assert told == [
        Brief("A", "1.9", "at  all", 0),
        Brief("A", "1.10", "at  all", 1),
        Brief("a-z", "9", "at  all", 0),
        Brief("a-z", "10", "at  all", 1),
        Brief("zope.interface", "1", "at  all", 0),
    ]


def test_values_of_a_list_are_looked_in_one_by_one(store: Store) -> None:
    assert store.search({"keywords": ["web,wsgi"]}) == store.search({"platform": ["anylinux"]}) == []


def test_hidden_releases_are_told_to_who_wants_them(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as opened:
        for version in ("1.0", "1.1"):
            stored(opened, wheel("Flask", version))
        opened.set_hidden("flask", "1.0", True, LAUNCH)
        told = [[brief_of(line).version for line in opened.search({"name": ["las"]}, "and", too)] for too in (0, 1)]
    assert told == [["1.1"], ["1.0", "1.1"]]


def test_what_many_files_at_once_add_is_found_as_what_an_upload_adds(tmp_path: Path) -> None:
    packages = [wheel(name, version, {"Summary": "Of many"}) for name in ("one", "two") for version in ("1", "10", "9")]
    with Store(tmp_path / "uploads") as uploads, Store(tmp_path / "bulk") as together:
        for package in packages:
            stored(uploads, package)
        with Bulk(together, with_files=False) as bulk:
            for number, version in enumerate(("1", "10", "9")):
                for name in ("one", "two"):
                    fields = {"name": name, "version": version, "summary": "Of many"}
                    new = NewFile(f"{name}-{version}-py3-none-any.whl", "bdist_wheel", "py3", fields)
                    bulk.add(new, f"{name} {number}".encode(), LAUNCH)
            for name in ("one", "two"):
                bulk.end_project(name)
        for wanted in ({"name": ["one"]}, {"summary": ["many"]}, {}):
            assert together.search(wanted) == uploads.search(wanted)
        assert together.find("many", 5) == uploads.find("many", 5)


@pytest.mark.parametrize(
    ("wanted", "operator", "pages"),
    [
        ({"description": ["long"]}, "and", 4),
        ({"description": ["long"], "name": ["f1"]}, "or", 4),
        ({"description": ["long"], "name": ["f1"]}, "and", 4),  # a name of less than three characters is not indexed
        ({"description": ["long"], "name": ["elf1"]}, "and", 1),
        ({"description": ["nothing"]}, "and", 4),
        ({"summary": ["of"]}, "and", 1),
        ({}, "and", 1),
    ],
)
def test_descriptions_are_looked_through_some_at_a_time(
    tmp_path: Path,
    wanted: dict[str, list[str]],
    operator: Operator,
    pages: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(substrings, "DESCRIPTIONS_AT_ONCE", 2)
    with Store(tmp_path / "store") as opened:
        for name in ("shelf1", "shelf2", "shelf10"):
            for version in ("1", "10"):
                stored(opened, wheel(name, version, {"Summary": "Of many", "Description": "A LONG text"}))
        told = list(opened.search_pages(wanted, operator))
        assert len(told) == pages
        assert [line for page in told for line in page] == opened.search(wanted, operator)
