"""What template filters make of a language of captures."""

from __future__ import annotations

from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.filters import Filter


def image_under(filters: tuple[Filter, ...], language: Language, *, slashes: bool) -> Language:
    """What `filtered` makes of these percent-encoded captures."""
    raise NotImplementedError


def fixed_points(chosen: Filter) -> Language:
    """The percent-encoded captures whose values a filter leaves as they are."""
    raise NotImplementedError
