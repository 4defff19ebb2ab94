"""Each file of problems/ is a wrong rule file; the .txt beside it is what the edge says about it, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproxy.ruleset.checker.severity import SEVERITIES
from edgeproxy.ruleset.load import RuleFileError, parse_ruleset
from edgeproxy.ruleset.problems import Code

CASES = sorted((Path(__file__).parent / "problems").glob("*.yaml"))

# Not to be had from a text alone: there are tests of their own.
FROM_ELSEWHERE = {Code.UNREADABLE_FILE, Code.OVERRIDE, Code.BAD_MOVE}


def error_of(case: Path) -> RuleFileError:
    with pytest.raises(RuleFileError) as caught:
        parse_ruleset(case.read_bytes().decode(), case.name, base=Path("/srv/edge"))
    return caught.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_wrong_file_is_told_what_is_wrong(case: Path) -> None:
    assert str(error_of(case)) == case.with_suffix(".txt").read_text()


def test_every_kind_of_problem_has_a_case() -> None:
    found = {problem.code for case in CASES for problem in error_of(case).problems}
    assert found == set(Code) - FROM_ELSEWHERE - set(SEVERITIES)  # what the checker finds: checker/corpus has its cases
