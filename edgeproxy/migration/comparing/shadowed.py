"""Rules whose requests are shadowed, as who compares needs to know them: plain values, as JSON both ways.

Law: `terms` are what a rule's noise was learned under: kind, ignores, who is asked. Under others it is learned anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

from edgeproxy.migration.comparing.ignores import Ignores
from edgeproxy.migration.comparing.shapes import Written
from edgeproxy.ruleset.arms import Cutover, backends_of
from edgeproxy.ruleset.ignores import read_ignore, written_ignore
from edgeproxy.ruleset.model import Forward, Rule, Ruleset
from edgeproxy.ruleset.modifiers import Comparison, Shadow
from edgeproxy.ruleset.template import PathTemplate


@dataclass(frozen=True, slots=True)
class Shadowed:
    """`cutover`: the one that its shadows speak for: to which it forwards, and whose new arm they ask; "": none."""

    rule: str
    kind: Comparison
    ignores: tuple[str, ...]
    written: Written | None
    cutover: str
    terms: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Shadowed:
        written = None if found["written"] is None else Written(*found["written"])
        ignores = tuple(found["ignores"])
        return cls(**{**found, "kind": Comparison(found["kind"]), "ignores": ignores, "written": written})


def ignores_of(shadowed: Shadowed) -> Ignores:
    return Ignores.of(map(read_ignore, shadowed.ignores))


def shadowed_of(ruleset: Ruleset) -> tuple[Shadowed, ...]:
    found = ((rule, rule.modifiers.shadow) for rule in ruleset.rules if rule.off is None)
    return tuple(_shadowed(rule, shadow) for rule, shadow in found if shadow is not None)


def speaking_for(cutover: Cutover, ruleset: Ruleset) -> tuple[str, ...]:
    """The rules whose shadows do."""
    return tuple(each.rule for each in shadowed_of(ruleset) if each.cutover == cutover.name)


def _shadowed(rule: Rule, shadow: Shadow) -> Shadowed:
    template = rule.match.path if isinstance(rule.match.path, PathTemplate) else None
    to = rule.action.to if isinstance(rule.action, Forward) else None
    speaks = isinstance(to, Cutover) and to.new.name == shadow.to.name
    asked = () if to is None else tuple(each.name for each in backends_of(to))
    ignores = tuple(map(written_ignore, shadow.ignore))
    return Shadowed(
        rule=rule.name,
        kind=shadow.compare,
        ignores=ignores,
        written=None if template is None else Written.of(template),
        cutover=to.name if isinstance(to, Cutover) and speaks else "",
        terms=_terms((shadow.compare.value, shadow.to.name, *asked, "", *sorted(ignores))),
    )


def _terms(words: Iterable[str]) -> str:
    return blake2b("\n".join(words).encode(), digest_size=8).hexdigest()
