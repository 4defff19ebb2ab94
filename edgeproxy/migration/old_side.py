"""Which rules send clients to the old side by themselves. Of that the ledger says nothing: it knows of fallbacks alone.

Law of this module: the old side is each backend that stands in by a rule's `fallback`, and each that a cutover leads
away from. An old side that rules send clients to may not go, however empty the ledger is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeproxy.ruleset.arms import WHOLE, Cutover, Side, Split
from edgeproxy.ruleset.model import Forward, Rule, Ruleset
from edgeproxy.ruleset.origins import Backend
from edgeproxy.ruleset.quantities import written_share


@dataclass(frozen=True, slots=True)
class Sent:
    """Of a rule, to which backend of the old side it sends clients, and in words whom, and by what."""

    rule: str
    backend: str
    whom: str


def sent_to_old_side(ruleset: Ruleset, shares: Mapping[str, int]) -> tuple[Sent, ...]:
    """In file order. `shares`: of new arms in force, in thousandths of a percent, by cutover; none: it is at rest."""
    rules = [rule for rule in ruleset.rules if rule.off is None]
    old = _old_side(ruleset, rules)
    return tuple(
        Sent(rule.name, backend, whom)
        for rule in rules
        if isinstance(rule.action, Forward)
        for backend, whom in _sent(rule.action.to, shares)
        if backend in old
    )


def _old_side(ruleset: Ruleset, rules: list[Rule]) -> frozenset[str]:
    fallbacks = (rule.modifiers.fallback for rule in rules)
    stand_ins = frozenset(each.to.name for each in fallbacks if each is not None)
    return stand_ins | {each.old.name for each in ruleset.cutovers}


def _sent(to: Backend | Split | Cutover, shares: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    match to:
        case Split(name=name, arms=arms):
            for arm in arms:
                if arm.share:
                    yield arm.backend.name, f"{written_share(arm.share)} % of clients, by the split {name}"
        case Cutover(name=name, old=old, pins=pins):
            share = WHOLE - shares.get(name, 0)
            if share:
                yield old.name, f"{written_share(share)} % of clients, by the cutover {name}"
            elif any(pin.side is Side.OLD for pin in pins):
                yield old.name, f"the clients that are pinned there, by the cutover {name}"
        case _:
            yield to.name, "every client"
