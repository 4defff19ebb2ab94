"""The cache's cases through a real edge: real sockets, a scripted origin, and the edge's clock in the test's hand
(tests/cache_cases/README.md says how cases are written).
"""

from __future__ import annotations

import pytest
from cache_cases.cases import Case
from cache_cases.checking import disagreements
from cache_cases.reading import all_cases
from cache_play import playing

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(case: Case) -> None:
    wrong: list[str] = []
    async with playing(case.rules) as play:
        for place, step in enumerate(case.steps):
            wrong += disagreements(case, place, step, await play.take(step))
    assert not wrong, "\n".join(wrong)
