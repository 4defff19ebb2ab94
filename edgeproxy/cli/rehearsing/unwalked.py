"""Rules of which nothing real was walked: of them a rehearsal says nothing, so it does not pass.

Laws of this module:
- what is real is a case of `expect` or a captured request, whatever becomes of it, since somebody means it; and what is
  known, or made up, where it is not 404 or 410, which any backend says to what nobody has;
- a walk while a backend is taken to fail, or one that was not sent, shows nothing;
- rules that the edge itself answers need none, nor do rules that take writes alone: nobody may walk these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from edgeproxy.cli.rehearsing.courses import Walked
from edgeproxy.cli.rehearsing.found import evidence
from edgeproxy.cli.rehearsing.walk import Answered, Origin, Refused, Undecided, Walk
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
    ending = walk.ending
    if walk.course.down is not None or isinstance(ending, Refused | Undecided):
        return False
    is_nowhere = isinstance(ending, Answered) and ending.status in _NOWHERE
    return walk.start.origin in _MEANT or not is_nowhere


def _is_cut(walk: Walk) -> bool:
    """By a bound: that is said of all together."""
    return isinstance(walk.ending, Undecided) and walk.ending.is_bound


def _is_refused(walks: Sequence[Walk]) -> bool:
    return bool(walks) and all(isinstance(walk.ending, Refused) for walk in walks)


def _problem(rule: Rule, walks: Sequence[Walk], unfound: str) -> Problem:
    first = next((walk for walk in walks if walk.course.down is None), None)
    return Problem(
        Code.UNWALKED_RULE,
        rule.place,
        f"nothing real was walked of the rule {rule.name!r}",
        f"no request of it was found: {unfound}." if first is None else _why(first),
        f"name what is there by --path, or as a case of `expect`, or give --capture; if nothing is to be walked, say "
        f"--allow-unwalked {rule.name}.",
        evidence=None if first is None else evidence(first),
    )


def _why(walk: Walk) -> str:
    start, ending = walk.start, walk.ending
    if isinstance(ending, Answered):
        return f"{start}, {start.origin}, is {ending.status}: of what is there that says nothing."
    return f"{start}, {start.origin}, was not walked to its end."
