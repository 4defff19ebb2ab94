"""DIR/rehearsals.sqlite: what `edgeproxy rehearse` writes there, a running edge reads."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edgeproxy.control.rehearsal_file import NAME, Known, Unusable, add, redirects, rehearsals
from edgeproxy.migration.rehearsal import HeldRedirect, Rehearsal

ONE = Rehearsal(1_000.0, "rules-1", {"modern": "http://127.0.0.1:8082"}, "di@edge-1", True, 12, 9, 0, 1)
FLIP = HeldRedirect("https://pypi.test/a", "https://pypi.test/A", 301, 1_000.0, None, "backend modern")


def test_what_is_written_is_read_the_newest_first(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert (rehearsals(state), redirects(state)) == ((), ())
    assert not state.exists()  # nothing is made by looking
    add(state, ONE, [FLIP])
    two = replace(ONE, at=2_000.0, passed=False, errors=2)
    add(state, two, [])
    assert list(rehearsals(state)) == [two, ONE]
    assert list(redirects(state)) == [FLIP]


def test_which_rules_were_allowed_to_go_unwalked_is_kept(tmp_path: Path) -> None:
    one = replace(ONE, unwalked=("json", "a rule, with a comma"))
    add(tmp_path, one, [])
    assert list(rehearsals(tmp_path)) == [one]


def test_a_file_of_the_first_version_is_read_and_brought_up_to_date_by_who_writes(tmp_path: Path) -> None:
    add(tmp_path, ONE, [FLIP])
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        db.execute("ALTER TABLE rehearsals DROP COLUMN unwalked")
        db.execute("PRAGMA user_version = 1")
    assert list(rehearsals(tmp_path)) == [ONE]
    two = replace(ONE, at=2_000.0, unwalked=("json",))
    add(tmp_path, two, [])
    assert list(rehearsals(tmp_path)) == [two, ONE]
    assert list(redirects(tmp_path)) == [FLIP]


def test_a_redirect_is_held_since_it_was_first_seen_until_it_was_last_allowed(tmp_path: Path) -> None:
    short = replace(FLIP, until=1_600.0)
    add(tmp_path, ONE, [short])
    add(tmp_path, replace(ONE, at=1_500.0), [replace(short, since=1_500.0, until=2_100.0)])
    assert list(redirects(tmp_path)) == [replace(short, until=2_100.0)]
    add(tmp_path, replace(ONE, at=1_550.0), [replace(short, until=None)])
    assert list(redirects(tmp_path)) == [FLIP]
    add(tmp_path, replace(ONE, at=1_560.0), [short])  # who got it while it said nothing keeps it
    assert list(redirects(tmp_path)) == [FLIP]


def test_what_is_over_is_forgotten(tmp_path: Path) -> None:
    add(tmp_path, ONE, [replace(FLIP, until=1_600.0)])
    add(tmp_path, replace(ONE, at=1_601.0), [])
    assert list(redirects(tmp_path)) == []


def test_a_file_that_is_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"notes of mine, and no data base" * 40)
    for use in (lambda: add(tmp_path, ONE, []), lambda: rehearsals(tmp_path), lambda: redirects(tmp_path)):
        with pytest.raises(Unusable, match="move it away, or name another directory"):
            use()
    assert (tmp_path / NAME).read_bytes().startswith(b"notes of mine")
    other = tmp_path / "other"
    other.mkdir()
    with sqlite3.connect(other / NAME) as db:
        db.execute("CREATE TABLE notes (text TEXT)")
    db.close()
    with pytest.raises(Unusable, match="it holds no rehearsals"):
        add(other, ONE, [])


async def test_an_edge_reads_it_when_it_has_changed(tmp_path: Path) -> None:
    known = Known(tmp_path)
    assert await known.now() == ()
    add(tmp_path, ONE, [])
    assert list(await known.now()) == [ONE]
    first = await known.now()
    assert await known.now() is first
    add(tmp_path, replace(ONE, at=2_000.0), [])
    assert len(await known.now()) == 2
    assert await Known(None).now() == ()
