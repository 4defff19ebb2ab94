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
PENDING: dict[str, str] = {
    "If-Match is not for caches": "the edge says 412 by its copy; reuse.is_for_the_backend would send it on",
    "If-Unmodified-Since is not for caches": "the edge says 412 by its copy",
    "only-if-cached without a copy is 504, and nobody is asked": "the 504 has no Cache-Status",
    "only-if-cached with a stale copy is 504": "the 504 has no Cache-Status",
    "only-if-cached with no-cache wants what cannot be": "the 504 has no Cache-Status",
    "a request's no-store keeps its answer out of the cache": "it keeps the next ones out, too, for ten seconds",
    "a request's no-store keeps no other answer out of the cache": "it does, for ten seconds",
}


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
