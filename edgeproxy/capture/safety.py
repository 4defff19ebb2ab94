"""The safety of a recorded request (design §2): whether it may be repeated, as the ruleset had it when it came."""

from __future__ import annotations

from enum import StrEnum

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
