"""The corpus: no planted defect is missed, nothing clean is blamed, and all is said to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruleset_corpus import CLEAN, DEFECTS, cases, checked, golden, said_of

from edgeproxy.ruleset.checker.severity import Severity


@pytest.mark.parametrize("case", cases(DEFECTS) + cases(CLEAN), ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_what_is_said_of_a_ruleset(case: Path) -> None:
    assert said_of(case) == golden(case).read_text(), "python -m tests.ruleset_corpus writes it anew"


@pytest.mark.parametrize("case", cases(DEFECTS), ids=lambda case: case.stem)
def test_a_planted_defect_is_found(case: Path) -> None:
    assert checked(case).problems


@pytest.mark.parametrize("case", cases(CLEAN), ids=lambda case: case.stem)
def test_a_clean_ruleset_is_not_blamed(case: Path) -> None:
    found = checked(case)
    assert found.ruleset is not None
    assert found.number_of(Severity.ERROR) == found.number_of(Severity.WARNING) == 0


def test_every_golden_text_has_its_ruleset() -> None:
    for kind in (DEFECTS, CLEAN):
        known = {golden(case) for case in cases(kind)}
        assert {path for case in cases(kind) for path in case.parent.glob("*.txt")} == known
