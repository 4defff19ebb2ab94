"""What became of a rehearsal, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import assert_never

from edgeproxy.cli.findings import problem_as_json
from edgeproxy.cli.output import printable
from edgeproxy.cli.rehearsing.captured import Capture
from edgeproxy.cli.rehearsing.courses import Walked
from edgeproxy.cli.rehearsing.found import condition, hops
from edgeproxy.cli.rehearsing.rehearsal import Rehearsed
from edgeproxy.cli.rehearsing.walk import (
    Answered,
    Ending,
    Failed,
    Leaves,
    Loop,
    NoFallback,
    Origin,
    Refused,
    TooManyHops,
    Undecided,
    Walk,
)
from edgeproxy.migration.comparing.outcomes import Fault, NoOutcome, Result
from edgeproxy.migration.rehearsal import places_of
from edgeproxy.ruleset.checker.severity import Severity, severity_of
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.problems import Problem, render_problems
from edgeproxy.ruleset.read_during import written_moment

_NAMED = 8  # rules in a line


def word_of(ending: Ending) -> str:
    """The ending's name: what programs tell it by."""
    match ending:
        case Answered():
            return "answered"
        case Loop():
            return "loop"
        case TooManyHops():
            return "too many hops"
        case Failed():
            return "failed"
        case NoFallback():
            return "no fallback"
        case Leaves():
            return "leaves the edge"
        case Refused():
            return "refused"
        case Undecided():
            return "undecided"
        case _:
            assert_never(ending)


# -- for people -------------------------------------------------------------------------------------------------------


def as_text(told: Rehearsed, file: str, *, every_walk: bool = False) -> str:
    return "\n".join(_lines(told, file, every_walk))


def _lines(told: Rehearsed, file: str, every_walk: bool) -> Iterator[str]:
    by_rule = _by_rule(told)
    if every_walk:
        for rule, walked in by_rule:
            yield from _of_rule(rule, walked)
            yield ""
    if told.problems:
        yield printable_lines(render_problems(told.problems, told.ruleset.sources, _label))
    yield from _table(by_rule)
    yield ""
    yield from _notes(told, by_rule)
    yield f"{file}: {_verdict(told)}"


def printable_lines(text: str) -> str:
    """What backends said is among it."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def _label(problem: Problem) -> str:
    severity = severity_of(problem.code)
    return "" if severity is Severity.ERROR else f"{severity}: "


def _by_rule(told: Rehearsed) -> list[tuple[Rule, list[Walked]]]:
    found: dict[int, list[Walked]] = {rule.index: [] for rule in told.ruleset.rules if rule.off is None}
    for walked in told.walked:
        found[walked.start.rule.index].append(walked)
    return [(told.ruleset.rules[index], walked) for index, walked in found.items()]


def _of_rule(rule: Rule, walked: Sequence[Walked]) -> Iterator[str]:
    yield f"{rule.name}, {rule.place.file}:{rule.place.line}"
    for each in walked:
        hits = f", {each.start.hits:,} like it" if each.start.hits else ""
        yield printable(f"  {each.start}, {each.start.origin}{hits}")
        for walk in each.walks:
            yield printable(f"    {condition(walk) or 'as it is'}: {_ended(walk)}")
            if len(walk.steps) > 1:
                for number, hop in enumerate(hops(walk), 1):
                    yield printable(f"      {number}. {hop.url}")
                    yield printable(f"         {hop.status} {hop.location}  by {hop.by}")


def _ended(walk: Walk) -> str:
    ending, last = walk.ending, walk.steps[-1].by if walk.steps else ""
    match ending:
        case Answered(status=status, content_type=kind, outcome=outcome):
            said = "" if outcome is None or isinstance(outcome, Result) else f": {outcome}"
            return f"{status} {kind or ''}".strip() + f"{said} by {last}"
        case Loop(hop=hop):
            return f"a loop: back to hop {hop}"
        case Failed(backend=backend, failure=failure) | NoFallback(backend=backend, failure=failure):
            said = "taken to fail" if failure is None else failure.value
            return f"{word_of(ending)}: {backend}: {said}"
        case Leaves(location=location):
            return f"leaves the edge for {location}"
        case Refused(method=method):
            return f"not sent: a {method} is not declared safe"
        case Undecided(why=why):
            return f"undecided: {why}"
        case TooManyHops():
            return "too many hops"
        case _:
            assert_never(ending)


def _table(by_rule: Sequence[tuple[Rule, list[Walked]]]) -> Iterator[str]:
    rows = [("rule", "requests", "walks", "how they end")]
    for rule, walked in by_rule:
        ends = Counter(_end(walk.ending) for each in walked for walk in each.walks)
        said = ", ".join(f"{end} {count}" for end, count in ends.most_common()) or "not walked"
        rows.append((rule.name, str(len(walked)), str(sum(ends.values())), said))
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    for name, requests, walks, said in rows:
        yield f"{name:<{widths[0]}}  {requests:>{widths[1]}}  {walks:>{widths[2]}}  {said}"


def _end(ending: Ending) -> str:
    if not isinstance(ending, Answered):
        return f"{word_of(ending)}:"
    match ending.outcome:
        case Fault(code=code):
            return f"fault {code}:"
        case NoOutcome():
            return f"{ending.outcome}:"
        case _:
            return f"{ending.status}:"


def _notes(told: Rehearsed, by_rule: Sequence[tuple[Rule, list[Walked]]]) -> Iterator[str]:
    """What was not walked, and what says little."""
    if told.refused:
        rules = dict.fromkeys(walk.start.rule.name for walk in told.refused)
        yield f"not sent, for it is not declared safe: {_count(len(told.refused), 'request')} of {_named(list(rules))}"
    missing = [str(walk.start) for walk in told.walks if _is_missing(walk)]
    if missing:
        shown = _named(list(dict.fromkeys(missing)), 3)
        yield printable(f"a backend has not what is known: {shown}")
    made_up = [rule.name for rule, walked in by_rule if rule.name not in told.unwalked and _is_made_up(walked)]
    if made_up:
        yield f"made-up paths alone were asked of {_named(made_up)}: name one that is there by `expect` or --path"
    if told.allowed:
        yield f"nothing real was walked, as --allow-unwalked allows: {_named(told.allowed)}"
    if told.capture is not None:
        yield "; ".join(_of_capture(told.capture))
    if told.left_out:
        why = next((w.ending.why for w in told.walks if isinstance(w.ending, Undecided) and w.ending.is_bound), "")
        yield f"left out: {_count(told.left_out, 'walk')}{f': {why}' if why else ''}"


def _of_capture(capture: Capture) -> Iterator[str]:
    share = 100 * capture.covered / max(1, capture.hits)
    yield f"captured: {_count(len(capture.shapes), 'shape')} walked, {share:.3g} % of {_count(capture.hits, 'request')}"
    if capture.odd:
        yield f"{_count(capture.odd, 'line')} passed over"
    if capture.secret:
        yield f"{_count(sum(capture.secret.values()), 'request')} not walked, for a secret in the URL or body"


def _is_made_up(walked: Sequence[Walked]) -> bool:
    asked = [each for each in walked if any(step.backend is not None for walk in each.walks for step in walk.steps)]
    return bool(asked) and all(
        each.start.origin is Origin.MADE_UP and "{" in str(each.start.rule.match.path) for each in asked
    )


def _is_missing(walk: Walk) -> bool:
    """A case or a path that was given, and 404 or 410 for it."""
    known, ending = walk.start.origin in (Origin.EXPECT, Origin.KNOWN), walk.ending
    by_backend = bool(walk.steps) and walk.steps[-1].backend is not None
    return known and by_backend and isinstance(ending, Answered) and ending.status in (404, 410)


def _named(names: Sequence[str], most: int = _NAMED) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _verdict(told: Rehearsed) -> str:
    errors, warnings = told.number_of(Severity.ERROR), told.number_of(Severity.WARNING)
    done = (
        f"{_count(len(told.walks), 'walk')}, {_count(told.requests, 'request')} to "
        f"{_count(len(told.ruleset.backends), 'backend')} in {told.took:.1f} s"
    )
    found = [_count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    result = "passed" if told.has_passed else "not finished" if told.left_out and not told.has_failed else "failed"
    return f"rehearsal {result}: {', '.join([*found, done])}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


# -- for programs -----------------------------------------------------------------------------------------------------


def as_json(told: Rehearsed, file: str) -> dict[str, object]:
    return {
        "file": file,
        "ruleset": told.ruleset.digest,
        "passed": told.has_passed,
        "began": written_moment(int(told.began)),
        "took": round(told.took, 3),
        "backends": dict(places_of(told.ruleset)),
        "requests": told.requests,
        "left_out": told.left_out,
        "allowed_unwalked": list(told.allowed),
        "errors": told.number_of(Severity.ERROR),
        "warnings": told.number_of(Severity.WARNING),
        "problems": [problem_as_json(problem) for problem in told.problems],
        "walks": [_walk_as_json(walk) for walk in told.walks],
    }


def _walk_as_json(walk: Walk) -> dict[str, object]:
    ending = walk.ending
    return {
        "rule": walk.start.rule.name,
        "request": str(walk.start),
        "origin": walk.start.origin.name.lower(),
        "hits": walk.start.hits,
        "arms": dict(walk.course.arms),
        "down": walk.course.down,
        "condition": condition(walk),
        "hops": [
            {"method": each.method, "url": each.url, "by": each.by, "status": each.status, "location": step.location}
            for each, step in zip(hops(walk), walk.steps, strict=True)
        ],
        "ending": word_of(ending),
        "status": ending.status if isinstance(ending, Answered) else None,
        "outcome": str(ending.outcome) if isinstance(ending, Answered) and ending.outcome is not None else None,
        "said": _ended(walk),
    }
