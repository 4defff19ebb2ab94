"""The cache's cases through a real edge: real sockets, a scripted origin, and the edge's clock in the test's hand
(tests/cache_cases/README.md says how cases are written).
"""

from __future__ import annotations

from typing import Any

import pytest
from cache_cases.cases import Case
from cache_cases.checking import disagreements
from cache_cases.reading import all_cases
from cache_play import playing

CASES = all_cases()


# What the edge does otherwise, and why; a case that is done right fails here until its line is taken away.
PENDING: dict[str, str] = {}


def _params() -> list[Any]:
    return [pytest.param(case, id=case.name, marks=_marks(case)) for case in CASES]


def _marks(case: Case) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(strict=True, reason=PENDING[case.name])] if case.name in PENDING else []


def test_what_is_pending_is_a_case() -> None:
    assert PENDING.keys() <= {case.name for case in CASES}


@pytest.mark.parametrize("case", _params())
async def test_case(case: Case) -> None:
    wrong: list[str] = []
    async with playing(case.rules) as play:
        for place, step in enumerate(case.steps):
            wrong += disagreements(case, place, step, await play.take(step))
    assert not wrong, "\n".join(wrong)
