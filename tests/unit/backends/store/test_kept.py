"""What searches found is kept until the index changes, and no more of it than there is room for."""

from __future__ import annotations

from pathlib import Path

import pytest
from packages import LAUNCH, stored, wheel

from backends.store import Store
from backends.store.kept import Kept


def test_what_was_found_is_told_again_until_the_next_serial() -> None:
    kept, told = Kept(most_lines=10, least_lines=1), iter(("first", "second", "third"))
    found = [kept.found(serial, asked, lambda: [next(told)])[0] for serial, asked in ((1, "a"), (1, "a"), (1, "b"))]
    assert found == ["first", "first", "second"]
    assert kept.found(2, "a", lambda: [next(told)]) == ["third"]


@pytest.mark.parametrize(("lines", "is_kept"), [(1, False), (2, True), (10, True), (11, False)])
def test_neither_little_nor_too_much_is_kept(lines: int, is_kept: bool) -> None:
    kept = Kept(most_lines=10, least_lines=2)
    first = kept.found(1, "a", lambda: ["line"] * lines)
    assert (kept.found(1, "a", lambda: ["line"] * lines) is first) == is_kept


def test_who_was_not_asked_for_makes_room() -> None:
    kept, searched = Kept(most_lines=10, least_lines=1), []

    def ask(asked: str) -> None:
        def search() -> list[str]:
            searched.append(asked)
            return [asked] * 4

        kept.found(1, asked, search)

    for asked in ("a", "b", "a", "c", "a", "c", "b"):
        ask(asked)
    assert searched == ["a", "b", "c", "b"]


def test_a_store_tells_what_another_process_changed(tmp_path: Path) -> None:
    with Store(tmp_path) as one, Store(tmp_path) as other:
        one.kept, other.kept = Kept(least_lines=0), Kept(least_lines=0)
        for store in (one, other):
            stored(store, wheel(f"flask-{store is one}", "1"))
            assert (
                one.search({"name": ["flask"]}) == other.search({"name": ["flask"]}) == one.search({"name": ["flas"]})
            )
        assert len(one.search({"name": ["flask"]})) == 2
        other.set_hidden("flask-true", "1", True, LAUNCH)
        assert len(one.search({"name": ["flask"]})) == 1


def test_what_was_found_of_a_change_that_is_taken_back_is_not_kept(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.kept = Kept(least_lines=0)
        stored(store, wheel("flask", "1"))
        with pytest.raises(RuntimeError), store.exclusive():
            store.set_hidden("flask", "1", True, LAUNCH)
            assert store.search({"name": ["flask"]}) == []
            raise RuntimeError("taken back")
        store.set_hidden("flask", "1", False, LAUNCH)  # with the serial that was taken back
        assert len(store.search({"name": ["flask"]})) == 1
