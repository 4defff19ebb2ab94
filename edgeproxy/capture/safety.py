"""The safety of a recorded request (design §2): whether it may be repeated, as the ruleset had it when it came."""

from __future__ import annotations

from enum import StrEnum

from edgeproxy.http.target import Scheme
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.model import Routed, Ruleset
from edgeproxy.ruleset.modifiers import Safety
from edgeproxy.ruleset.safety import is_safe


class SafetyClass(StrEnum):
    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"  # no rule took it, or nobody says: it is not repeated


def safety_of(method: str, rule: str | None, declared: Safety | None) -> SafetyClass:
    """`declared`: by the rule."""
    if rule is None:
        return SafetyClass.UNKNOWN
    return SafetyClass.SAFE if is_safe(method, declared) else SafetyClass.UNSAFE


def is_unsafe_behind(ruleset: Ruleset, method: str, scheme: Scheme, host: str, path: str, facts: Facts) -> bool:
    """Of a request that an edge answers itself, and that may be sent to the site behind it, where it writes: that it is
    redirected to https, or refused without, says nothing of it. So what the other scheme's rule declares counts, too.
    """
    other = Scheme.HTTP if scheme is Scheme.HTTPS else Scheme.HTTPS
    routing = ruleset.route(method, other, host, path, facts)
    if not isinstance(routing, Routed):
        return False
    rule = routing.rule
    return safety_of(method, rule.name, rule.modifiers.safety) is SafetyClass.UNSAFE
