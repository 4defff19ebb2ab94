"""`edgeproxy check FILE...`: every problem of rule files, for people or for programs."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeproxy.cli.output import say
from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.load import RuleFileError, load_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Problem

NAME = "check"
HELP = "find every problem of rule files"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one file: a ruleset or an error."""

    file: str
    ruleset: Ruleset | None
    error: RuleFileError | None

    @property
    def problems(self) -> Sequence[Problem]:
        return () if self.error is None else self.error.problems


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a rule file")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for people, or for programs (text)")


def execute(args: Namespace) -> int:
    checked = [_check(path) for path in args.files]
    if args.format == "json":
        say(json.dumps({"files": [_as_json(each) for each in checked]}, indent=2))
    else:
        for each in checked:
            say(_as_text(each))
    return max(exit_status(each.problems) for each in checked)


def exit_status(problems: Iterable[Problem]) -> int:
    """0 nothing found, 1 findings, 2 unreadable."""
    codes = {problem.code for problem in problems}
    if Code.UNREADABLE_FILE in codes:
        return 2
    return 1 if codes else 0


def _check(path: Path) -> Checked:
    try:
        with uncollected():
            return Checked(str(path), load_ruleset(path), None)
    except RuleFileError as error:
        return Checked(str(path), None, error)


def _as_text(checked: Checked) -> str:
    ruleset = checked.ruleset
    if ruleset is None:
        return f"{checked.error}\n{checked.file}: {_count(len(checked.problems), 'problem')} found"
    counts = (
        _count(len(ruleset.rules), "rule"),
        _count(len(ruleset.hosts), "host"),
        _count(len(ruleset.backends), "backend"),
    )
    return f"{checked.file}: {', '.join(counts)}: no problems found"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _as_json(checked: Checked) -> dict[str, object]:
    ruleset = checked.ruleset
    sizes = (
        {}
        if ruleset is None
        else {
            "rules": len(ruleset.rules),
            "hosts": len(ruleset.hosts),
            "backends": len(ruleset.backends),
        }
    )
    return {"file": checked.file, **sizes, "problems": [_problem_as_json(problem) for problem in checked.problems]}


def _problem_as_json(problem: Problem) -> dict[str, object]:
    related = problem.related
    return {
        "code": problem.code.value,
        **_place_as_json(problem.place),
        "message": problem.message,
        "why": problem.why,
        "remedy": problem.remedy,
        "related": None if related is None else {**_place_as_json(related.place), "note": related.note},
    }


def _place_as_json(place: Place) -> dict[str, object]:
    return {"file": place.file, "line": place.line, "column": place.column}
