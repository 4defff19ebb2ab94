"""From a path that a redirect should lead to, back to paths that lead there: guesses, which the simulator tries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from edgeproxy.ruleset.checker.hops import Declared, Lead
from edgeproxy.ruleset.checker.potentials import inserts_and_texts
from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import Redirect
from edgeproxy.ruleset.segment import Affixed, Expression, Literal, Whole
from edgeproxy.ruleset.template import Insert, PathTemplate, TargetTemplate

_SEPARATORS: Final = ("-", "_")


def sources_of(lead: Lead, path: str) -> Iterator[str]:
    """Paths that may lead to this one by the lead's template."""
    template, target = lead.rule.match.path, lead.source
    if isinstance(template, PathRegex):
        return
    if isinstance(target, Declared):
        if lead.rule.modifiers.rewrite.path is None:
            yield from _back(target.redirect.path, target.redirect.to, path)
    elif isinstance(target, Redirect):
        yield from _back(template, target.to, path)


def _back(template: PathTemplate, to: TargetTemplate, path: str) -> Iterator[str]:
    pattern, seen = "", set()
    filtered: set[str] = set()
    for piece in inserts_and_texts(to):
        if not isinstance(piece, Insert):
            pattern += re.escape(piece)
            continue
        if piece.filters:
            filtered.add(piece.name)
        if piece.name in seen:
            pattern += f"(?P={piece.name})"
        else:
            seen.add(piece.name)
            pattern += f"(?P<{piece.name}>{'.*' if piece.slashes else '[^/]+'})"
    try:
        found = re.fullmatch(pattern, path)
    except re.error:  # a capture's name that is no group's
        return
    if found is None:
        return
    captures = {name: found.groupdict().get(name, "a") for name in template.captures}
    for changed in (captures, _unlike(captures, filtered, str.upper), _unlike(captures, filtered, _other_separator)):
        written = _written(template, changed)
        if written is not None:
            yield written


def _unlike(captures: Mapping[str, str], names: set[str], change: object) -> dict[str, str]:
    assert callable(change)
    return {name: change(value) if name in names else value for name, value in captures.items()}


def _other_separator(value: str) -> str:
    return value.replace(*_SEPARATORS) if _SEPARATORS[0] in value else f"{value}_a"


def _written(template: PathTemplate, captures: Mapping[str, str]) -> str | None:
    parts: list[str] = []
    for segment in template.segments:
        match segment:
            case Literal(text=text):
                parts.append(text)
            case Whole(name=name) | Expression(name=name):
                parts.append(captures[name])
            case Affixed(before=before, name=name, after=after):
                parts.append(before + captures[name] + after)
            case _:
                return None
    if template.rest is not None:
        parts.append(captures[template.rest])
    return "/" + "/".join(parts)
