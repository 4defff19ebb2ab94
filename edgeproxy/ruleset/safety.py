"""Whether a request may be repeated: sent again, to another backend too, or answered from memory."""

from __future__ import annotations

from typing import Final

from edgeproxy.ruleset.modifiers import Safety

SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))  # RFC 9110 §9.2.1


def is_safe(method: str, declared: Safety | None) -> bool:
    """By the method, unless the rule says otherwise, either way."""
    return method in SAFE_METHODS if declared is None else declared is Safety.SAFE
