"""What a run says of its arrivals, whatever became of its workers."""

from __future__ import annotations

from loadtests.users.ending import Ending

WHOLE = {"taken": 50, "begun": 50, "left": 0, "done": 50, "resent": 2}
NOBODY: frozenset[str] = frozenset()


def test_where_all_is_well_there_is_no_error() -> None:
    ending = Ending(100, {"a": WHOLE, "b": WHOLE}, NOBODY, NOBODY)
    assert ending.summary() == (
        "100 arrivals were due, and 100 taken: 100 begun, 100 of them done; "
        "0 not begun, since no user was free in time; 0 still waited at the end"
    )
    assert list(ending.errors()) == []
    assert list(ending.notes()) == ["4 requests were sent again, as their connection had been closed"]


def test_what_a_lost_worker_had_is_told_as_what_nobody_knows() -> None:
    killed = {"taken": 30, "begun": 25, "left": 1, "done": 20, "resent": 0}
    ending = Ending(100, {"a": WHOLE, "b": killed}, frozenset(("b",)), NOBODY)
    assert "80 taken: 75 begun, 70 of them done; 1 not begun" in ending.summary()
    assert ending.summary().endswith("0 still waited at the end"), "it is not there any more"
    assert list(ending.errors()) == [
        "of 20 arrivals no worker has told; 1 workers were lost",
        "of 9 arrivals more, which lost workers had taken, nobody knows what became",
    ]


def test_one_that_never_told_anything_was_lost_all_the_same() -> None:
    ending = Ending(10, {}, frozenset(("a", "b")), NOBODY)
    assert list(ending.errors()) == ["of 10 arrivals no worker has told; 2 workers were lost"]


def test_what_is_taken_twice_is_an_error() -> None:
    ending = Ending(84, {"a": WHOLE, "b": WHOLE}, NOBODY, frozenset(("b",)))
    twice, back = ending.errors()
    assert twice == "16 arrivals were taken twice, or more"
    assert back.startswith("1 workers were taken for lost and came back")


def test_so_is_a_worker_that_came_back_where_the_sum_is_right_by_chance() -> None:
    (told,) = Ending(100, {"a": WHOLE, "b": WHOLE}, NOBODY, frozenset(("b",))).errors()
    assert told.startswith("1 workers were taken for lost and came back")
