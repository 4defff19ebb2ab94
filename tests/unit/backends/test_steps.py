"""What is made in steps is what it would be at once, and says how long it took itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backends import steps
from backends.steps import Steps, at_once, joined, timed


@pytest.mark.parametrize("pieces", [[], ["a"], ["a", "", "", "", "b"], ["", "", "", "c"], ["a", "b", "c", "d"]])
def test_a_text_is_all_of_its_pieces_whichever_are_empty(pieces: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_PIECES_A_STEP", 2)
    assert at_once(joined(pieces)) == "".join(pieces)


def test_pieces_are_made_as_they_are_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_PIECES_A_STEP", 2)
    made: list[str] = []

    def making() -> Iterator[str]:
        for piece in "abcde":
            made.append(piece)
            yield piece

    assert [len(made) for _ in joined(making())] == [2, 4, 5]


def test_the_turns_of_others_do_not_count() -> None:
    now = 0.0

    def working() -> Steps[str]:
        nonlocal now
        now += 1
        yield
        now += 2
        return "done"

    def watched() -> Steps[tuple[str, float]]:
        nonlocal now
        inner = timed(working(), lambda: now)
        while True:
            try:
                next(inner)
            except StopIteration as end:
                answer: tuple[str, float] = end.value
                return answer
            now += 100  # somebody else's
            yield

    assert at_once(watched()) == ("done", 3.0)
