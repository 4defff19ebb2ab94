"""Rules of which nothing real was walked: of them a rehearsal says nothing, so it does not pass.

Laws of this module:
- what is real ends in 2xx, its redirects followed to their end; 404 and 410, too, of a case of `expect` or a captured
  request, since somebody means it: of what is known, or made up, any backend says that to what nobody has;
- a refusal (any other 4xx) is nothing real of anything: whoever stands before a backend may say that to all that a
  rehearsal asks. A rule that is refused wherever it was asked is a problem of its own;
- nor is a call that is answered by a fault, or by no answer to a call: HTTP says 200 to them all;
- a walk while a backend is taken to fail, or one that was not sent, shows nothing; one that fails is told elsewhere;
- rules that the edge itself answers need none, nor do rules that take writes alone: nobody may walk these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, assert_never

from edgeproxy.cli.rehearsing.courses import Walked
from edgeproxy.cli.rehearsing.found import evidence
from edgeproxy.cli.rehearsing.walk import (
    Answered,
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
from edgeproxy.migration.comparing.outcomes import Fault, NoOutcome
from edgeproxy.ruleset.model import Files, Forward, Rule, Ruleset
from edgeproxy.ruleset.problems import Code, Problem
from edgeproxy.ruleset.safety import is_safe

_MEANT: Final = (Origin.EXPECT, Origin.CAPTURED)
_NOWHERE: Final = (404, 410)


def unwalked(ruleset: Ruleset, walked: Iterable[Walked], unfound: Sequence[tuple[Rule, str]]) -> Mapping[str, Problem]:
    """By the rules' names. `unfound`: rules of which there is no request, and why."""
    walks: dict[int, list[Walk]] = {rule.index: [] for rule in ruleset.rules}
    for each in walked:
        walks[each.start.rule.index] += each.walks
    whys = {rule.index: why for rule, why in unfound}
    rules = [rule for rule in ruleset.rules if rule.off is None and _asks(rule)]
    return {
        rule.name: _problem(rule, walks[rule.index], whys.get(rule.index, ""))
        for rule in rules
        if not any(_is_real(walk) or _is_cut(walk) for walk in walks[rule.index]) and not _is_refused(walks[rule.index])
    }


def _asks(rule: Rule) -> bool:
    """Somebody, something that may be sent."""
    methods = rule.match.methods
    may_be_sent = not methods or any(is_safe(each, rule.modifiers.safety) for each in methods)
    return isinstance(rule.action, Forward | Files) and may_be_sent


def _is_real(walk: Walk) -> bool:
    if walk.course.down is not None:
        return False
    ending = walk.ending
    match ending:
        case Answered(status=status):
            is_failure = status >= 500 and walk.steps[-1].backend is not None  # told by itself
            is_meant = walk.start.origin in _MEANT and not _is_refusal(walk) and ending.outcome is None
            return ending.is_success or is_failure or is_meant
        case Leaves():
            return walk.start.origin in _MEANT
        case Refused() | Undecided():
            return False
        case Loop() | TooManyHops() | Failed() | NoFallback():
            return True  # likewise
        case _:
            assert_never(ending)


def _is_refusal(walk: Walk) -> bool:
    """By a backend, not by the rules."""
    ending = walk.ending
    by_backend = bool(walk.steps) and walk.steps[-1].backend is not None
    return isinstance(ending, Answered) and by_backend and 400 <= ending.status < 500 and ending.status not in _NOWHERE


def _is_cut(walk: Walk) -> bool:
    """By a bound: that is said of all together."""
    return isinstance(walk.ending, Undecided) and walk.ending.is_bound


def _is_refused(walks: Sequence[Walk]) -> bool:
    return bool(walks) and all(isinstance(walk.ending, Refused) for walk in walks)


def _problem(rule: Rule, walks: Sequence[Walk], unfound: str) -> Problem:
    plain = [walk for walk in walks if walk.course.down is None]
    answered = [walk for walk in plain if isinstance(walk.ending, Answered)]
    if answered and all(map(_is_refusal, answered)):
        return _refused(rule, answered)
    first = next(iter(plain), None)
    return Problem(
        Code.UNWALKED_RULE,
        rule.place,
        f"nothing real was walked of the rule {rule.name!r}",
        f"no request of it was found: {unfound}." if first is None else _why(first),
        f"{_remedy(first)}; if nothing is to be walked, say --allow-unwalked {rule.name}.",
        evidence=None if first is None else evidence(first),
    )


def _refused(rule: Rule, walks: Sequence[Walk]) -> Problem:
    statuses = sorted({walk.steps[-1].status for walk in walks})
    return Problem(
        Code.REFUSED_RULE,
        rule.place,
        f"every walk of the rule {rule.name!r} was refused",
        f"{walks[0].start} is {' or '.join(map(str, statuses))} wherever it was asked: a firewall, a limit or the like "
        "hides what is behind it.",
        "let through what says Edge-Rehearsal: 1, or name what needs no rights by --path, or as a case of `expect`; if "
        f"nothing is to be walked, say --allow-unwalked {rule.name}.",
        evidence=evidence(walks[0]),
    )


def _remedy(first: Walk | None) -> str:
    if first is None or first.start.request.call is None:
        return "name what is there by --path, or as a case of `expect`, or give --capture"
    return (
        f"give a --capture that has the bodies of its calls, or say its parameters in a case of `expect`: "
        f"`with xmlrpc {first.start.request.call} [...]`"
    )


def _why(walk: Walk) -> str:
    start, ending = walk.start, walk.ending
    if isinstance(ending, Answered):
        return f"{start}, {start.origin}, is {_said(ending)}: of what is there that says nothing.{_made(walk)}"
    if isinstance(ending, Leaves):
        return f"{start}, {start.origin}, leads away from this edge: what is there was not looked at."
    return f"{start}, {start.origin}, was not walked to its end."


def _said(ending: Answered) -> str:
    match ending.outcome:
        case Fault(text=text):
            return f"{ending.outcome}{f' ({text})' if text else ''}"
        case NoOutcome(why=why):
            return f"{ending.outcome} ({why})"
        case _:
            return str(ending.status)


def _made(walk: Walk) -> str:
    request = walk.start.request
    return " It was called without parameters." if request.call is not None and request.body is None else ""
