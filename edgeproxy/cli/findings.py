"""Findings of rule files, for people, for programs, and as annotations of GitHub's workflow runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from edgeproxy.ruleset.checker.severity import Severity, severity_of
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Evidence, Hop, Problem, Related, render_problems

_ANNOTATION: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one file. Without a ruleset its problems are those of reading it, and nothing was checked."""

    file: str
    ruleset: Ruleset | None
    problems: Sequence[Problem]
    verdicts: Sequence[str]
    sources: Mapping[str, str]

    def number_of(self, severity: Severity) -> int:
        return sum(severity_of(problem.code) is severity for problem in self.problems)


def written(checked: Sequence[Checked], chosen: Format) -> str:
    match chosen:
        case Format.TEXT:
            return "\n".join(as_text(each) for each in checked)
        case Format.JSON:
            return json.dumps({"files": [as_json(each) for each in checked]}, indent=2)
        case Format.GITHUB:
            return "\n".join(as_github(each) for each in checked)
        case _:
            assert_never(chosen)


def as_text(checked: Checked) -> str:
    """The problems, how many there are, and last the verdicts."""
    said = render_problems(checked.problems, checked.sources, _label)
    lines = [f"{said}\n{_summary(checked)}" if said else _summary(checked)]
    return "\n".join([*lines, *(f"{checked.file}: {verdict}" for verdict in checked.verdicts)])


def as_json(checked: Checked) -> dict[str, object]:
    ruleset = checked.ruleset
    sizes = (
        {}
        if ruleset is None
        else {"rules": len(ruleset.rules), "hosts": len(ruleset.hosts), "backends": len(ruleset.backends)}
    )
    return {
        "file": checked.file,
        **sizes,
        "verdicts": list(checked.verdicts),
        "problems": [problem_as_json(problem) for problem in checked.problems],
    }


def as_github(checked: Checked) -> str:
    """A workflow command for each problem; what is no command a workflow's log shows as it is."""
    commands = [_annotation(problem) for problem in checked.problems]
    return "\n".join([*commands, _summary(checked), *(f"{checked.file}: {verdict}" for verdict in checked.verdicts)])


# -- for people -----------------------------------------------------------------------------------------------------


def _label(problem: Problem) -> str:
    severity = severity_of(problem.code)
    return "" if severity is Severity.ERROR else f"{severity}: "


def _summary(checked: Checked) -> str:
    errors, warnings, notes = [checked.number_of(severity) for severity in Severity]
    found = f"{_count(errors + warnings, 'problem')} found" if errors or warnings else "no problems found"
    noted = f", {_count(notes, 'note')}" if notes else ""
    ruleset = checked.ruleset
    if ruleset is None:
        return f"{checked.file}: {found}"
    sizes = (
        _count(len(ruleset.rules), "rule"),
        _count(len(ruleset.hosts), "host"),
        _count(len(ruleset.backends), "backend"),
    )
    return f"{checked.file}: {', '.join(sizes)}: {found}{noted}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# -- for programs ---------------------------------------------------------------------------------------------------


def problem_as_json(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code.value,
        "severity": severity_of(problem.code).value,
        **_place_as_json(problem.place),
        "message": problem.message,
        "why": problem.why,
        "remedy": problem.remedy,
        "related": None if problem.related is None else _related_as_json(problem.related),
        "also": [_related_as_json(related) for related in problem.also],
        "evidence": None if problem.evidence is None else _evidence_as_json(problem.evidence),
    }


def _related_as_json(related: Related) -> dict[str, object]:
    return {**_place_as_json(related.place), "note": related.note}


def _evidence_as_json(evidence: Evidence) -> dict[str, object]:
    return {
        "witness": evidence.witness,
        "hops": [_hop_as_json(hop) for hop in evidence.hops],
        "condition": evidence.condition,
    }


def _hop_as_json(hop: Hop) -> dict[str, object]:
    return {
        "method": hop.method,
        "url": hop.url,
        "by": hop.by,
        "status": hop.status,
        "location": hop.location,
        **_place_as_json(hop.place),
    }


def _place_as_json(place: Place) -> dict[str, object]:
    return {"file": place.file, "line": place.line, "column": place.column}


# -- for GitHub -----------------------------------------------------------------------------------------------------


def _annotation(problem: Problem) -> str:
    place = problem.place
    properties = {"file": place.file, "line": str(place.line), "col": str(place.column), "title": problem.code.value}
    written = ",".join(f"{name}={_escaped_property(value)}" for name, value in properties.items())
    lines = [problem.message, f"why: {problem.why}", f"remedy: {problem.remedy}"]
    if problem.evidence is not None:
        lines.append(f"witness: {problem.evidence.witness}")
        lines += [f"{hop.status} {hop.location} by {hop.by}" for hop in problem.evidence.hops]
        lines += [f"when: {problem.evidence.condition}"] if problem.evidence.condition is not None else []
    return f"::{_ANNOTATION[severity_of(problem.code)]} {written}::{_escaped(chr(10).join(lines))}"


def _escaped(text: str) -> str:
    """As actions/toolkit has it (packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
