"""`?:action=search`: what is found, in which order, and that nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from packages import stored, wheel

from backends.legacy import lists
from backends.legacy.actions import MOST_TERMS
from backends.legacy.library import Library
from backends.legacy.site import Site
from backends.steps import at_once
from backends.store import Store


@pytest.fixture
def shelves(store: Store) -> Store:
    for name, version, summary, description in (
        ("Shelf", "1.0", "", ""),
        ("Shelf", "2.0", "A shelf", ""),
        ("bookshelf", "1.0", "", ""),
        ("other", "1.0", "Beside a shelf", "A bottle"),
        ("another", "1.0", "", "A bottle on a shelf"),
    ):
        stored(store, wheel(name, version, {"Summary": summary, "Description": description}))
    return store


def found(store: Store, *terms: str, clock: Iterator[float] | None = None) -> list[tuple[str, str]]:
    library = Library(store, Site("https")) if clock is None else Library(store, Site("https"), lambda: next(clock))
    return [(brief.project, brief.version) for brief in at_once(lists.search(terms, library))]


def test_the_newest_release_of_each_project_is_told_the_best_first(shelves: Store) -> None:
    told = [("Shelf", "2.0"), ("bookshelf", "1.0"), ("other", "1.0"), ("another", "1.0")]
    assert found(shelves, "shelf") == told


def test_what_is_found_has_every_term_in_whatever_fields(shelves: Store) -> None:
    assert found(shelves, "shelf", "bottle") == [("other", "1.0"), ("another", "1.0")]
    assert found(shelves, "shelf", "nothing") == []


@pytest.mark.parametrize("spelling", ["shelf", "other"])
def test_a_project_of_just_this_name_comes_before_what_has_more_of_it(shelves: Store, spelling: str) -> None:
    stored(shelves, wheel(f"a-{spelling}", "1.0", {"Summary": f"An {spelling}"}))
    assert found(shelves, spelling)[0][0].lower() == spelling


def test_searches_of_one_page_together_have_only_so_much_time(shelves: Store) -> None:
    assert found(shelves, "shelf", clock=count(0.0, lists.PATIENCE)) == []


async def test_a_page_has_no_more_than_so_many_terms(site: Any) -> None:
    for terms, status in ((MOST_TERMS, 307), (MOST_TERMS + 1, 400)):
        got = await site.get(f"/pypi?:action=search&term={'+'.join(['e'] * terms)}")
        assert got.status == status


def test_between_searches_others_have_their_turn(shelves: Store) -> None:
    searching = lists.search(("shelf", "bottle"), Library(shelves, Site("https")))
    assert len(list(searching)) >= 2 * len(lists._SCORES)
