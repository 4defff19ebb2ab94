"""What walks show, one thing at a time; and the same thing, shown by several, told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgeproxy.cli.rehearsing.walk import Course, Origin, Step, Walk
from edgeproxy.migration.comparing.scrubbing import scrubbed_text
from edgeproxy.migration.comparing.targets import scrubbed_headers
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.problems import Code, Evidence, Hop, Problem
from edgeproxy.ruleset.read_during import written_moment


@dataclass(frozen=True, slots=True)
class Found:
    """`what` is equal for findings that are the same of several requests. `rule` is whose place it is told at."""

    code: Code
    rule: Rule
    what: object
    message: str
    why: str
    remedy: str
    walk: Walk


def problems(found: Iterable[Found]) -> list[Problem]:
    """One for each kind, by its best witness: one that was known before one that was made up."""
    kinds: dict[object, list[Found]] = {}
    for each in found:
        kinds.setdefault((each.code, each.rule.index, each.what), []).append(each)
    return [_problem(kind) for kind in kinds.values()]


def _problem(kind: list[Found]) -> Problem:
    first = min(kind, key=_oddness)
    requests = list(dict.fromkeys(str(each.walk.start) for each in kind))
    others = [each for each in requests if each != str(first.walk.start)]
    why = first.why if not others else f"{first.why} So do {_listed(others)}."
    return Problem(first.code, first.rule.place, first.message, why, first.remedy, evidence=evidence(first.walk))


def _oddness(found: Found) -> tuple[bool, int, int, int]:
    """What asks for the least, and is known best, shows it best."""
    walk = found.walk
    held = sum(step.by.startswith("held") for step in walk.steps)
    return walk.course.down is not None, held, list(Origin).index(walk.start.origin), len(walk.steps)


def first_rule(steps: Iterable[Step], otherwise: Rule) -> Rule:
    """Of those on a circle: the same wherever it is entered."""
    rules = [step.rule for step in steps if step.rule is not None]
    return min(rules, key=lambda each: each.index, default=otherwise)


def _listed(others: list[str]) -> str:
    shown = others[:3]
    more = len(others) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def evidence(walk: Walk) -> Evidence:
    return Evidence(str(walk.start), tuple(hops(walk)), condition(walk))


def hops(walk: Walk) -> Iterator[Hop]:
    yield from (hop(step) for step in walk.steps)


def hop(step: Step) -> Hop:
    """An answer that leads nowhere has its type in the place of a Location."""
    kind = (step.content_type or "").partition(";")[0].strip()
    by = f"{step.by}, for {step.stood_in}" if step.stood_in else step.by
    return Hop(step.request.method, step.request.url, by, step.status, step.location or kind or "-", step.place)


def course(walk: Walk) -> str:
    """The arms that it came by, be it that nobody chose them, and what failed."""
    forks = dict.fromkeys((each.name, each.taken) for each in walk.forks)
    return str(Course(tuple(forks) or walk.course.arms, walk.course.down))


def condition(walk: Walk) -> str | None:
    """What beside the URL it depends on, without what may not be shown."""
    request = walk.start.request
    said = [each for each in (course(walk),) if each]
    shown = scrubbed_headers({name: [value] for name, value in request.headers.items() if value.isprintable()})
    said += [f"with the header {name}: {scrubbed_text(value)}" for name, (value,) in shown.items()]
    if walk.start.rule.match.during:
        said.append(f"at {written_moment(int(request.at))}")
    return ", ".join(said) or None
