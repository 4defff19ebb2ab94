"""Cases as pytest parameters: what is pending fails, and says so when it no longer does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from conformance.table import AnswerCase, RequestCase


def params(cases: Iterable[RequestCase] | Iterable[AnswerCase], way: str) -> list[Any]:
    return [pytest.param(case, id=case.name, marks=_marks(case, way)) for case in cases]


def _marks(case: RequestCase | AnswerCase, way: str) -> list[pytest.MarkDecorator]:
    if case.pending is None or way not in case.pending_in:
        return []
    return [pytest.mark.xfail(strict=True, reason=case.pending)]
