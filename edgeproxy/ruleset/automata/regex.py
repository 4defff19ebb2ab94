"""From a regular expression in RE2's syntax to the language that it matches from end to end."""

from __future__ import annotations

from edgeproxy.ruleset.automata.language import Language


def regex(source: str) -> Language:
    """Raises Unsupported."""
    raise NotImplementedError
